import APIServer
import Model
import Synchronization
import Telemetry

/// The settings in force, and how the last attempt to read them went.
final class SettingsBoard: Sendable {
    private struct State {
        var settings: DaemonSettings
        var readAt: Timestamp
        var stamps: FileStamps
        var lastError: String?

        init(settings: DaemonSettings, readAt: Timestamp, stamps: FileStamps) {
            self.settings = settings
            self.readAt = readAt
            self.stamps = stamps
        }
    }

    /// The limits in force.
    let limits: LimitsInForce

    private let state: Mutex<State>
    private let startTime: Timestamp

    init(_ settings: DaemonSettings, _ stamps: FileStamps, at time: Timestamp, registry: Registry) {
        state = Mutex(State(settings: settings, readAt: time, stamps: stamps))
        limits = LimitsInForce(settings.configuration.limits)
        startTime = time
        registry.collect(
            "sextant_config_last_reload_successful",
            help: "Whether rules, retention and configuration could be read when they were read last.",
            kind: .gauge
        ) { [self] in [(.empty, status.isConfigurationValid ? 1 : 0)] }
        registry.collect(
            "sextant_config_last_reload_success_timestamp_seconds",
            help: "When rules, retention and configuration were last read without an error.",
            kind: .gauge
        ) { [self] in [(.empty, Double(status.configurationTime.millis) / 1000)] }
    }

    /// The settings in force.
    var current: DaemonSettings { state.withLock { $0.settings } }

    /// What the files looked like when they were read last, whether or not they were valid.
    var stamps: FileStamps { state.withLock { $0.stamps } }

    /// What the API shows of them.
    var status: DaemonStatus {
        let state = state.withLock { $0 }
        return DaemonStatus(
            startTime: startTime,
            configurationError: state.lastError,
            configurationTime: state.readAt,
            configurationText: state.settings.configurationText,
            retention: state.settings.retentionText
        )
    }

    /// Puts `settings` into force, which were read from files that looked like `stamps`.
    func replace(by settings: DaemonSettings, _ stamps: FileStamps, at time: Timestamp) {
        state.withLock { $0 = State(settings: settings, readAt: time, stamps: stamps) }
        limits.replace(by: settings.configuration.limits)
    }

    /// Notes why the files, which looked like `stamps`, could not be put into force; the settings stay.
    func noteFailure(_ reason: String, _ stamps: FileStamps) {
        state.withLock {
            $0.lastError = reason
            $0.stamps = stamps
        }
    }
}
