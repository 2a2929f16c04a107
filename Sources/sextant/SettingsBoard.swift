import APIServer
import Model
import Synchronization
import Telemetry

/// The settings in force, and how the last attempt to read them went.
final class SettingsBoard: Sendable {
    private struct State {
        var settings: DaemonSettings
        var readAt: Timestamp
        var isLastReadValid = true
    }

    /// The limits in force.
    let limits: LimitsInForce

    private let state: Mutex<State>
    private let startTime: Timestamp

    init(_ settings: DaemonSettings, at time: Timestamp, registry: Registry) {
        state = Mutex(State(settings: settings, readAt: time))
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

    /// What the API shows of them.
    var status: DaemonStatus {
        let state = state.withLock { $0 }
        return DaemonStatus(
            startTime: startTime,
            isConfigurationValid: state.isLastReadValid,
            configurationTime: state.readAt,
            configurationText: state.settings.configurationText,
            retention: state.settings.retentionText
        )
    }

    /// Puts `settings` into force.
    func replace(by settings: DaemonSettings, at time: Timestamp) {
        state.withLock { $0 = State(settings: settings, readAt: time) }
        limits.replace(by: settings.configuration.limits)
    }

    /// Notes that the files could not be read; the settings stay.
    func noteFailure() {
        state.withLock { $0.isLastReadValid = false }
    }
}
