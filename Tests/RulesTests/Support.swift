import Logging
import Model
import Synchronization
import Telemetry

@testable import PromQL
@testable import Rules

/// A clock that tests move; nobody waits for real time.
final class ManualClock: RuleClock {
    private struct State {
        var now: Timestamp
        var sleepers: [Int: (until: Timestamp, wake: CheckedContinuation<Void, any Error>)] = [:]
        var lastID = 0
        var watchers: [(count: Int, wake: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    init(_ millis: Int64) {
        state = Mutex(State(now: Timestamp(millis: millis)))
    }

    func now() -> Timestamp { state.withLock { $0.now } }

    func sleep(until time: Timestamp, slackMillis: Int64) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
                    if Task.isCancelled || time <= state.now {
                        continuation.resume()
                        return []
                    }
                    state.sleepers[id] = (time, continuation)
                    let count = state.sleepers.count
                    let ready = state.watchers.filter { $0.count <= count }.map(\.wake)
                    state.watchers.removeAll { $0.count <= count }
                    return ready
                }
                for watcher in ready { watcher.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.wake.resume(throwing: CancellationError())
        }
    }

    /// Returns once `count` tasks sleep.
    func waitForSleepers(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Sets the time and wakes whom it concerns.
    func set(_ millis: Int64) {
        let due = state.withLock { state in
            state.now = Timestamp(millis: millis)
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.wake)
        }
        for sleeper in due { sleeper.resume() }
    }

    /// Wakes everybody early.
    func nudge() {
        let all = state.withLock { state in
            defer { state.sleepers = [:] }
            return state.sleepers.values.map(\.wake)
        }
        for sleeper in all { sleeper.resume() }
    }
}

/// A sink that remembers what was written, in the order it was.
final class MemorySink: SampleSink {
    struct Sample: Hashable, CustomStringConvertible {
        var series: String
        var millis: Int64
        var value: String

        init(_ series: String, _ millis: Int64, _ value: String) {
            self.series = series
            self.millis = millis
            self.value = value
        }

        var description: String { "\(series) \(value) @\(millis)" }
    }

    private struct State {
        var samples: [Sample] = []
        var metadata: [MetricMetadata] = []
        var isFailing = false
        var refused: String?
    }

    private let state = Mutex(State())

    /// Everything written so far; a staleness marker has the value `stale`.
    var samples: [Sample] { state.withLock { $0.samples } }
    var metadata: [MetricMetadata] { state.withLock { $0.metadata } }

    /// What was written since the last call.
    func take() -> [Sample] {
        state.withLock { state in
            defer { state.samples = [] }
            return state.samples
        }
    }

    /// Makes appends fail, or refuse the series of the metric `refused`.
    func fail(_ isFailing: Bool, refusing refused: String? = nil) {
        state.withLock {
            $0.isFailing = isFailing
            $0.refused = refused
        }
    }

    func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        let outcome = state.withLock { state -> AppendOutcome? in
            if state.isFailing { return nil }
            var outcome = AppendOutcome()
            state.metadata += batch.metadata
            for (index, series) in batch.series.enumerated() {
                let labels = batch.labels(at: index)
                if labels.metricName == state.refused {
                    outcome.rejections.add("\(labels) is refused")
                    continue
                }
                for sample in series.samples {
                    let value = batch.values[sample]
                    let text = StaleMarker.matches(value) ? "stale" : ValueText.format(value)
                    state.samples.append(Sample("\(labels)", batch.timestamps[sample], text))
                    outcome.storedSampleCount += 1
                }
            }
            return outcome
        }
        guard let outcome else { throw .unavailable("disk full") }
        return StagedWrite(outcome)
    }
}

/// Runs the work where it is called.
struct DirectRunner: BlockingRunner {
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T { try body() }
}

/// Answers queries from a table that the test changes.
final class QueryTable: Sendable {
    typealias Answer = @Sendable (Timestamp) throws -> QueryValue

    private let answers = Mutex<[String: Answer]>([:])

    func answer(_ query: String, _ answer: @escaping Answer) {
        answers.withLock { $0[query] = answer }
    }

    func answer(_ query: String, _ series: KeyValuePairs<Labels, Double>) {
        let pairs = series.map { ($0.key, $0.value) }
        answer(query) { time in
            .vector(pairs.map { InstantSample(labels: $0.0, time: time, value: $0.1) })
        }
    }

    var query: RuleQuery {
        { expr, time, _ in
            guard let answer = self.answers.withLock({ $0[expr.description] }) else {
                throw PromQLError.execution("no answer for \(expr.description)")
            }
            return try answer(time)
        }
    }
}

extension RuleContext {
    init(_ table: QueryTable, _ sink: MemorySink, _ clock: any RuleClock = ManualClock(0)) {
        self.init(
            query: table.query,
            sink: sink,
            blocking: DirectRunner(),
            clock: clock,
            logger: quietLogger
        )
    }
}

let quietLogger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// The groups of a rule file that has no mistakes.
func groups(_ text: String, file: String = "rules.yml") throws -> [RuleGroup] {
    try RuleFile.parse(text, file: file)
}

/// A group that records the right sides as the left ones, every ten seconds; `extra` are more lines of it.
func group(_ name: String, extra: String = "", _ rules: KeyValuePairs<String, String>) throws -> RuleGroup {
    var text = "groups:\n- name: \(name)\n  interval: 10s\n\(extra)  rules:\n"
    for (record, expr) in rules { text += "  - {record: '\(record)', expr: '\(expr)'}\n" }
    return try groups(text)[0]
}

/// Such a group with the name `g`.
func group(extra: String = "", _ rules: KeyValuePairs<String, String>) throws -> RuleGroup {
    try group("g", extra: extra, rules)
}

extension Labels {
    init(_ name: String, _ value: String) { self.init([Label(name, value)]) }
}
