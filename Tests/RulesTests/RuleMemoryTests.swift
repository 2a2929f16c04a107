import Model
import Synchronization
import Telemetry
import Testing

@testable import PromQL
@testable import Rules

/// An archive in memory, which may fail.
final class MemoryArchive: RuleArchive {
    private let records = Mutex<[RuleRecord.Kind: [[UInt8]: RuleRecord]]>([:])
    private let failing = Mutex(false)

    func fail(_ isFailing: Bool) { failing.withLock { $0 = isFailing } }

    func ruleRecords(_ kind: RuleRecord.Kind) async throws(SinkError) -> [RuleRecord] {
        records.withLock { Array(($0[kind] ?? [:]).values) }
    }

    func commit(saved: [RuleRecord], removed: [RuleRecord]) async throws(SinkError) {
        if failing.withLock({ $0 }) { throw .unavailable("disk full") }
        records.withLock { records in
            for record in removed { records[record.kind]?[record.key] = nil }
            for record in saved { records[record.kind, default: [:]][record.key] = record }
        }
    }
}

@Suite struct RuleMemoryTests {
    private let archive = MemoryArchive()
    private let store = MemoryStore()
    private let clock = ManualClock(0)
    private let registry = Registry()

    private static let text = """
        groups:
        - name: g
          interval: 30s
          rules:
          - alert: Short
            expr: m > 0
            for: 1m
            labels: {value: "v{{ $value }}"}
          - alert: Long
            expr: m > 0
            for: 1h
            keep_firing_for: 2m
          - {record: "kpi:m", expr: m}
        """

    /// A daemon's rules after a start.
    private func start(_ text: String = text) async throws -> (
        runner: RuleGroupRunner, memory: RuleMemory, recorder: AlertRecorder
    ) {
        let memory = RuleMemory(archive: archive, registry: registry, logger: quietLogger)
        try await memory.load()
        let group = try groups(text)[0]
        await memory.adopt([group])
        let recorder = AlertRecorder(clock)
        let context = RuleContext(
            query: Engine().ruleQuery(over: store),
            sink: store,
            blocking: DirectRunner(),
            clock: clock,
            logger: quietLogger,
            alerts: AlertOutlet(sink: recorder),
            memory: memory
        )
        return (
            RuleGroupRunner(group, defaults: RuleDefaults(), state: nil, context: context), memory, recorder
        )
    }

    private func evaluate(_ runner: RuleGroupRunner, _ seconds: ClosedRange<Int64>) async {
        for second in stride(from: seconds.lowerBound, through: seconds.upperBound, by: 30) {
            clock.set(second * 1000)
            await runner.iterate(at: Timestamp(millis: second * 1000))
        }
    }

    private func set(
        _ seconds: ClosedRange<Int64>,
        _ value: Double,
        _ labels: KeyValuePairs<String, String> = [:]
    ) {
        let labels = Labels(labels).setting("__name__", "m")
        for second in stride(from: seconds.lowerBound, through: seconds.upperBound, by: 30) {
            store.set(labels, second * 1000, value)
        }
    }

    private func alerts(_ runner: RuleGroupRunner) -> [String] {
        runner.status.rules.flatMap { $0.alerting?.alerts ?? [] }.map {
            "\($0.labels["alertname"] ?? "") \($0.state.rawValue) \($0.activeAt.millis / 1000)"
        }
    }

    @Test("A restart between two slots changes nothing, whatever for and labels are")
    func seamless() async throws {
        set(0...300, 5)
        let before = try await start()
        await evaluate(before.runner, 0...30)
        await before.memory.flush()
        let after = try await start()
        await evaluate(after.runner, 60...60)
        #expect(alerts(after.runner) == ["Short firing 0", "Long pending 0"])
        let short = try #require(after.runner.status.rules[0].alerting?.alerts.first)
        #expect(short.labels["value"] == "v5" && short.firedAt?.millis == 60_000)
        // The pending series ends, although the daemon that wrote it is gone.
        let pending = Labels([
            "__name__": "ALERTS", "alertname": "Short", "alertstate": "pending", "value": "v5",
        ])
        #expect(store.value(pending, 60_000).map(StaleMarker.matches) == true)
    }

    @Test("A firing alert goes on firing, is told again at once, and resolved if it is over")
    func firing() async throws {
        set(0...120, 5)
        let before = try await start()
        await evaluate(before.runner, 0...120)
        await before.memory.flush()
        let after = try await start()
        set(600...600, 5)
        await evaluate(after.runner, 600...600)
        #expect(alerts(after.runner).first == "Short firing 0")
        let told = after.recorder.take()
        #expect(told.map { $0.alert.startsAt.millis } == [60_000])
        set(630...630, 0)
        await evaluate(after.runner, 630...630)
        #expect(after.recorder.take().map { $0.alert.isResolved } == [true])
        await after.memory.flush()
        let last = try await start()
        set(660...660, 0)
        await evaluate(last.runner, 660...660)
        #expect(last.recorder.take().map { $0.alert.endsAt.millis } == [630_000])
    }

    @Test("Missed slots do not count as pending; long ones wait for the grace period")
    func outage() async throws {
        set(0...3330, 5)
        let before = try await start()
        await evaluate(before.runner, 0...30)
        await before.memory.flush()
        let after = try await start()
        await evaluate(after.runner, 330...330)
        #expect(alerts(after.runner) == ["Short firing 270", "Long pending 270"])
        await evaluate(after.runner, 360...3330)
        await after.memory.flush()
        // 540 s are left of the hour; after a gap there are 600.
        let last = try await start()
        set(3600...3600, 5)
        await evaluate(last.runner, 3600...3600)
        #expect(alerts(last.runner).last == "Long pending 600")
    }

    @Test("After more than an hour alerts begin anew")
    func longOutage() async throws {
        set(0...60, 5)
        let before = try await start()
        await evaluate(before.runner, 0...60)
        await before.memory.flush()
        let after = try await start()
        set(3720...3720, 5)
        await evaluate(after.runner, 3720...3720)
        #expect(alerts(after.runner) == ["Short pending 3720", "Long pending 3720"])
    }

    @Test("keep_firing_for goes on over a restart")
    func keepFiring() async throws {
        set(0...3600, 5)
        set(3630...3900, 0)
        let before = try await start()
        await evaluate(before.runner, 0...3660)
        await before.memory.flush()
        let after = try await start()
        await evaluate(after.runner, 3690...3720)
        #expect(alerts(after.runner) == ["Long firing 0"])
        #expect(after.runner.status.rules[1].alerting?.alerts.first?.keepFiringSince?.millis == 3_630_000)
        await evaluate(after.runner, 3750...3750)
        #expect(alerts(after.runner).isEmpty)
    }

    @Test("Alerts of rules that are gone are forgotten; those of a rule in another group move along")
    func moved() async throws {
        set(0...120, 5)
        let before = try await start()
        await evaluate(before.runner, 0...60)
        await before.memory.flush()
        let text = Self.text.replacing("name: g", with: "name: h").replacing(
            "alert: Long",
            with: "alert: New"
        )
        let after = try await start(text)
        await evaluate(after.runner, 90...90)
        #expect(alerts(after.runner) == ["Short firing 0", "New pending 90"])
        await after.memory.flush()
        let back = try await start()
        await evaluate(back.runner, 120...120)
        #expect(alerts(back.runner) == ["Short firing 0", "Long pending 120"])
    }

    @Test("A recorded series that vanished while the daemon was down ends at the first slot")
    func recorded() async throws {
        set(0...30, 5, ["x": "a"])
        let before = try await start()
        await evaluate(before.runner, 0...30)
        await before.memory.flush()
        let after = try await start()
        #expect(await after.memory.recordedSeries == [Labels(["__name__": "kpi:m", "x": "a"])])
        store.set(Labels(["__name__": "m", "x": "a"]), 60_000, StaleMarker.value)
        store.set(Labels(["__name__": "m", "x": "b"]), 60_000, 1)
        await evaluate(after.runner, 60...60)
        let gone = store.value(Labels(["__name__": "kpi:m", "x": "a"]), 60_000)
        #expect(gone.map(StaleMarker.matches) == true)
        await after.memory.flush()
        #expect(try await start().memory.recordedSeries == [Labels(["__name__": "kpi:m", "x": "b"])])
    }

    @Test("An archive that fails keeps nobody from evaluating; the failure is counted")
    func failing() async throws {
        set(0...90, 5)
        let daemon = try await start()
        archive.fail(true)
        await evaluate(daemon.runner, 0...60)
        #expect(alerts(daemon.runner).first == "Short firing 0")
        #expect(daemon.recorder.take().count == 1)
        await daemon.memory.flush()
        var bytes: [UInt8] = []
        registry.render(into: &bytes)
        let page = String(decoding: bytes, as: UTF8.self)
        #expect(page.contains("\nsextant_rule_state_write_failures_total "))
        #expect(!page.contains("\nsextant_rule_state_write_failures_total 0\n"))
    }

    @Test("Values that are no numbers and odd texts survive")
    func encoding() throws {
        let rule = RuleIdentity(group: "f;\u{0}g", name: "é", labels: [1, 0x61, 0], ordinal: 2)
        var alert = Alert(
            labels: Labels(["alertname": "é", "x": "\"\n"]),
            annotations: [Label("a", ""), Label("b", "\u{1F600}")],
            value: Double(bitPattern: 0x7ff8_0000_0000_0123),
            activeAt: Timestamp(millis: -5)
        )
        alert.state = .inactive
        alert.resolvedAt = Timestamp(millis: 1 << 61)
        let record = AlertRecord(rule: rule, alert: alert, slot: Timestamp(millis: -7))
        let read = try #require(AlertRecord(record.record))
        #expect(read.alert.value.bitPattern == alert.value.bitPattern)
        #expect(read.alert.annotations == alert.annotations && read.alert.labels == alert.labels)
        #expect(read.alert.resolvedAt == alert.resolvedAt && read.slot.millis == -7 && read.rule == rule)
        #expect(AlertRecord(RuleRecord(kind: .alert, key: [], value: [1, 2])) == nil)
        alert.resolvedAt = .max
        #expect(AlertRecord(AlertRecord(rule: rule, alert: alert, slot: .min).record) == nil)
    }
}
