import Model
import Telemetry
import Testing

@testable import PromQL
@testable import Rules

@Suite(.timeLimit(.minutes(1))) struct RuleSchedulerTests {
    private typealias Sample = MemorySink.Sample

    private let table = QueryTable()
    private let sink = MemorySink()
    private let clock = ManualClock(1_700_000_000_000)
    private let registry = Registry()
    private let scheduler: RuleScheduler

    init() {
        scheduler = RuleScheduler(
            query: table.query,
            sink: sink,
            blocking: DirectRunner(),
            clock: clock,
            registry: registry,
            logger: quietLogger
        )
    }

    private func nextSlot(_ name: String) -> Int64 {
        GroupSchedule(file: "rules.yml", name: name, intervalMillis: 10_000).slot(after: clock.now()).millis
    }

    /// Moves the clock to `millis` and waits until `count` groups (or endings) sleep again.
    private func advance(to millis: Int64, sleepers count: Int) async {
        clock.set(millis)
        await clock.waitForSleepers(count)
    }

    private func metrics() -> [String] {
        var bytes: [UInt8] = []
        registry.render(into: &bytes)
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test("Groups run each at their own slots; statuses come by file and name")
    func groupsRun() async throws {
        table.answer("source", [.empty: 1])
        await scheduler.reload([try group("b", ["rb": "source"]), try group("a", ["ra": "source"])])
        await clock.waitForSleepers(2)
        let slots = [Sample("ra", nextSlot("a"), "1"), Sample("rb", nextSlot("b"), "1")]
            .sorted { $0.millis < $1.millis }
        for slot in slots { await advance(to: slot.millis, sleepers: 2) }
        #expect(sink.take() == slots)
        let statuses = scheduler.statuses()
        #expect(statuses.map(\.name) == ["a", "b"])
        #expect(statuses.map(\.lastEvaluation?.millis) == [nextSlot("a") - 10_000, nextSlot("b") - 10_000])
        #expect(metrics().contains(#"sextant_rule_evaluations_total{rule_group="rules.yml;a"} 1"#))
        #expect(metrics().contains(#"sextant_rule_group_interval_seconds{rule_group="rules.yml;b"} 10"#))
        await scheduler.stop()
    }

    @Test("A reload leaves unchanged groups alone, hands state on to changed ones, and ends removed rules")
    func reload() async throws {
        table.answer("source", [.empty: 1])
        table.answer("new", [.empty: 2])
        let same = try group("same", ["s": "source"])
        await scheduler.reload([same, try group("g", ["keep": "source", "drop": "source"])])
        await clock.waitForSleepers(2)
        clock.set(clock.now().millis + 10_000)
        await clock.waitForSleepers(2)
        #expect(Set(sink.take().map(\.series)) == ["s", "keep", "drop"])

        // The kept rule's expression yields other series now: its old one ends although the expression
        // changed.
        table.answer("new", [Labels("x", "1"): 2])
        await scheduler.reload([same, try group("g", ["keep": "new"])])
        await clock.waitForSleepers(2)
        #expect(scheduler.statuses().map { $0.rules[0].health } == [.ok, .ok])
        let slot = nextSlot("g")
        await advance(to: slot, sleepers: 2)
        let written = sink.take().filter { $0.series != "s" }
        #expect(
            written == [
                Sample(#"keep{x="1"}"#, slot, "2"), Sample("keep", slot, "stale"),
                Sample("drop", slot, "stale"),
            ]
        )
        #expect(metrics().contains(#"sextant_rule_evaluations_total{rule_group="rules.yml;g"} 3"#))
        await scheduler.stop()
    }

    @Test(
        "What a removed group wrote ends after two intervals, unless another group writes it by then"
    )
    func removedGroup() async throws {
        table.answer("source", [.empty: 1])
        await scheduler.reload([try group("old", ["gone": "source", "moved": "source"])])
        await clock.waitForSleepers(1)
        await advance(to: nextSlot("old"), sleepers: 1)
        _ = sink.take()
        let removedAt = clock.now().millis
        await scheduler.reload([try group("new", ["moved": "source"])])
        await clock.waitForSleepers(2)
        await advance(to: nextSlot("new"), sleepers: 2)
        #expect(sink.take().map(\.series) == ["moved"])
        await advance(to: removedAt + 19_999, sleepers: 2)
        #expect(!sink.take().contains { $0.value == "stale" })
        clock.set(removedAt + 20_000)
        while sink.samples.allSatisfy({ $0.value != "stale" }) { await Task.yield() }
        #expect(sink.samples.filter { $0.value == "stale" } == [Sample("gone", removedAt, "stale")])
        #expect(!metrics().contains { $0.contains("rules.yml;old") })
        await scheduler.stop()
    }

    @Test("Stopping ends everything and writes nothing")
    func stop() async throws {
        table.answer("source", [.empty: 1])
        await scheduler.reload([try group("g", ["r": "source"])])
        await clock.waitForSleepers(1)
        await advance(to: nextSlot("g"), sleepers: 1)
        await scheduler.reload([])
        await clock.waitForSleepers(1)
        _ = sink.take()
        await scheduler.stop()
        clock.set(clock.now().millis + 100_000)
        #expect(sink.take().isEmpty)
        await scheduler.reload([try group("g", ["r": "source"])])
        #expect(scheduler.statuses().isEmpty)
    }

    @Test("Changed defaults restart the groups that use them")
    func defaults() async throws {
        table.answer("source", [.empty: 1])
        let text = "groups:\n- name: g\n  rules: [{record: r, expr: source}]"
        await scheduler.reload(try groups(text), defaults: RuleDefaults(evaluationIntervalMillis: 15_000))
        #expect(scheduler.statuses().map(\.intervalMillis) == [15_000])
        await scheduler.reload(try groups(text), defaults: RuleDefaults(evaluationIntervalMillis: 30_000))
        #expect(scheduler.statuses().map(\.intervalMillis) == [30_000])
        await scheduler.stop()
    }
}
