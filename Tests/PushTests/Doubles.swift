import Logging
import Model
import Synchronization
import Telemetry

@testable import Push

/// A sink over a dictionary.
final class MemorySink: SampleSink {
    private let series = Mutex<[Labels: [Int64: Double]]>([:])
    private let failure = Mutex<SinkError?>(nil)

    func fail(with error: SinkError?) { failure.withLock { $0 = error } }

    func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        if let error = failure.withLock({ $0 }) { throw error }
        series.withLock { series in
            for (index, one) in batch.series.enumerated() {
                for place in one.samples {
                    series[batch.labels(at: index), default: [:]][batch.timestamps[place]] =
                        batch.values[place]
                }
            }
        }
        return StagedWrite(AppendOutcome(storedSampleCount: batch.sampleCount))
    }

    /// The samples of a series as `time:value`, a staleness marker as `stale`.
    func samples(_ labels: Labels) -> [String] {
        (series.withLock { $0[labels] } ?? [:]).sorted { $0.key < $1.key }.map {
            "\($0.key):" + (StaleMarker.matches($0.value) ? "stale" : ValueText.format($0.value))
        }
    }
}

/// An archive over a dictionary.
final class MemoryArchive: PushArchive {
    private let records = Mutex<[[UInt8]: PushRecord]>([:])

    func pushRecords() async throws(SinkError) -> [PushRecord] { records.withLock { Array($0.values) } }

    func save(_ record: PushRecord) async throws(SinkError) {
        records.withLock { $0[record.labels] = record }
    }

    func removePushRecords(labels: [[UInt8]]) async throws(SinkError) {
        records.withLock { records in
            for one in labels { records[one] = nil }
        }
    }
}

/// Groups over a sink and an archive in memory, with a clock that a test sets.
final class Bench: Sendable {
    let sink = MemorySink()
    let archive = MemoryArchive()
    let registry = Registry()
    let push: PushGroups

    init(startMillis: Int64 = 1000, limits: (groups: Int, series: Int) = (10, 100)) {
        let time = Time(startMillis)
        self.time = time
        push = Bench.groups(sink, archive, registry, time, limits)
    }

    private let time: Time

    private final class Time: Sendable {
        let millis: Mutex<Int64>

        init(_ start: Int64) { millis = Mutex(start) }
    }

    private static func groups(
        _ sink: MemorySink,
        _ archive: MemoryArchive,
        _ registry: Registry,
        _ time: Time,
        _ limits: (groups: Int, series: Int)
    ) -> PushGroups {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var most = Limits.default
        most.pushGroups = limits.groups
        most.pushSeries = limits.series
        return PushGroups(
            sink: sink,
            archive: archive,
            registry: registry,
            logger: logger,
            limits: LimitsInForce(most),
            now: { Timestamp(millis: time.millis.withLock { $0 }) }
        )
    }

    /// The groups as a new start of the daemon finds them.
    func restarted() async throws -> PushGroups {
        let push = Bench.groups(sink, archive, Registry(), time, (10, 100))
        try await push.load()
        return push
    }

    func set(millis: Int64) { time.millis.withLock { $0 = millis } }

    /// Pushes text; what the client is told, empty if all is well.
    func push(_ path: String, _ text: String, _ mode: PushGroups.Mode = .merge) async -> String {
        do throws(PushError) {
            try await push.push(path: path, body: Array(text.utf8), mode: mode)
            return ""
        } catch {
            return error.description
        }
    }

    /// The page without comments and without the groups' own times.
    static func page(_ push: PushGroups) -> [String] {
        var writer = ExpositionWriter()
        PushPage(push.groups).write(to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self).split(separator: "\n").map(String.init).filter {
            !$0.hasPrefix("#") && !$0.hasPrefix("push_")
        }
    }
}
