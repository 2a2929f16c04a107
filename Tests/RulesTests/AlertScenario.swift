import Model
import Synchronization
import Testing

@testable import PromQL
@testable import Rules

/// A sink that remembers what receivers were told, and when.
final class AlertRecorder: AlertSink {
    private let told = Mutex<[(millis: Int64, alert: AlertNotification)]>([])
    private let clock: ManualClock

    init(_ clock: ManualClock) {
        self.clock = clock
    }

    func send(_ alerts: [AlertNotification]) async {
        let millis = clock.now().millis
        told.withLock { $0 += alerts.map { (millis, $0) } }
    }

    /// What was told since the last call.
    func take() -> [(millis: Int64, alert: AlertNotification)] {
        told.withLock { told in
            defer { told = [] }
            return told
        }
    }
}

/// A rule group over a store in memory, evaluated slot by slot on a clock of its own.
final class AlertScenario {
    let store = MemoryStore()
    let clock = ManualClock(0)
    let recorder: AlertRecorder
    let runner: RuleGroupRunner
    var settings = AlertSettings(
        externalLabels: Labels(["region": "eu"]),
        externalURL: "http://s.example.com/x"
    )

    /// The first group of a rule file, evaluated every 30 s unless it says otherwise.
    init(_ text: String, settings: AlertSettings? = nil) throws {
        recorder = AlertRecorder(clock)
        if let settings { self.settings = settings }
        let inForce = self.settings
        let context = RuleContext(
            query: Engine().ruleQuery(over: store),
            sink: store,
            blocking: DirectRunner(),
            clock: clock,
            logger: quietLogger,
            alerts: AlertOutlet(sink: recorder, settings: { inForce })
        )
        let defaults = RuleDefaults(evaluationIntervalMillis: 30_000)
        runner = RuleGroupRunner(try groups(text)[0], defaults: defaults, state: nil, context: context)
    }

    /// Evaluates the group for the slot at `seconds`.
    func evaluate(_ seconds: Int64) async {
        clock.set(seconds * 1000)
        await runner.iterate(at: Timestamp(millis: seconds * 1000))
    }

    /// Writes `values` every 15 s from time 0 on; `3x4` is a 3 and four more of it.
    func write(_ labels: Labels, _ values: String) {
        var seconds: Int64 = 0
        for part in values.split(separator: " ") {
            let pieces = part.split(separator: "x")
            guard let value = Double(pieces[0]) else { continue }
            let more = pieces.count > 1 ? Int(pieces[1]) ?? 0 : 0
            for _ in 0...more {
                store.set(labels, seconds * 1000, value)
                seconds += 15
            }
        }
    }

    /// The pending and firing alerts of a rule, as `state value since`, by label order.
    func alerts(_ rule: Int = 0) -> [String] {
        runner.status.rules[rule].alerting?.alerts.map {
            "\($0.state.rawValue) \(ValueText.format($0.value)) \($0.activeAt.millis / 1000)"
        } ?? []
    }

    /// The series called `ALERTS` that have a sample at `seconds`.
    func alertSeries(_ seconds: Int64) -> [String] {
        store.values(atMillis: seconds * 1000).keys.filter { $0.hasPrefix("ALERTS{") }.sorted()
    }
}
