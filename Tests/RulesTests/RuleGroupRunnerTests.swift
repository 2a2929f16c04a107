import Model
import Synchronization
import Testing

@testable import PromQL
@testable import Rules

@Suite(.timeLimit(.minutes(1))) struct RuleGroupRunnerTests {
    private typealias Sample = MemorySink.Sample

    private let table = QueryTable()
    private let sink = MemorySink()

    private func runner(_ group: RuleGroup, defaults: RuleDefaults = RuleDefaults()) -> RuleGroupRunner {
        RuleGroupRunner(group, defaults: defaults, state: nil, context: RuleContext(table, sink))
    }

    private func iterate(_ runner: RuleGroupRunner, _ millis: Int64) async {
        await runner.iterate(at: Timestamp(millis: millis))
    }

    @Test("A rule sees what the rules above it wrote at the same slot")
    func order() async throws {
        table.answer("source", [.empty: 21])
        table.answer("first") { [sink] time in
            let seen = sink.samples.last { $0.series == "first" && $0.millis == time.millis }
            return .scalar(time, 2 * (Double(seen?.value ?? "") ?? .nan))
        }
        await iterate(runner(try group(["first": "source", "second": "first"])), 5000)
        #expect(sink.samples == [Sample("first", 5000, "21"), Sample("second", 5000, "42")])
    }

    @Test("A series that the rule ceases to yield ends at that slot, once")
    func staleness() async throws {
        let runner = runner(try group(["r": "source"]))
        table.answer("source", [Labels("x", "1"): 1, Labels("x", "2"): 2])
        await iterate(runner, 10_000)
        _ = sink.take()
        table.answer("source", [Labels("x", "2"): 3])
        await iterate(runner, 20_000)
        #expect(sink.take() == [Sample(#"r{x="2"}"#, 20_000, "3"), Sample(#"r{x="1"}"#, 20_000, "stale")])
        await iterate(runner, 30_000)
        #expect(sink.take() == [Sample(#"r{x="2"}"#, 30_000, "3")])
        table.answer("source", [:])
        await iterate(runner, 40_000)
        #expect(sink.take() == [Sample(#"r{x="2"}"#, 40_000, "stale")])
        await iterate(runner, 50_000)
        #expect(sink.take().isEmpty)
    }

    @Test("A series that another rule of the group writes does not end")
    func sharedSeries() async throws {
        let runner = runner(try group(["r": "one", "r": "two"]))
        table.answer("one", [.empty: 1])
        table.answer("two", [:])
        await iterate(runner, 10_000)
        table.answer("one", [:])
        table.answer("two", [.empty: 2])
        await iterate(runner, 20_000)
        // The first rule ends the series, as nobody else had written it; the second one then writes it.
        #expect(sink.take().last == Sample("r", 20_000, "2"))
        table.answer("one", [.empty: 1])
        table.answer("two", [:])
        await iterate(runner, 30_000)
        #expect(sink.take() == [Sample("r", 30_000, "1")])
    }

    @Test("A failed evaluation writes nothing, ends nothing and is told; the next rule runs")
    func failure() async throws {
        let runner = runner(try group(["r": "source", "s": "other"]))
        table.answer("source", [.empty: 1])
        table.answer("other", [.empty: 2])
        await iterate(runner, 10_000)
        #expect(runner.status.rules.map(\.health) == [.ok, .ok])
        _ = sink.take()
        table.answer("source") { _ in throw PromQLError.execution("many-to-many") }
        await iterate(runner, 20_000)
        #expect(sink.take() == [Sample("s", 20_000, "2")])
        #expect(runner.status.rules.map(\.health) == [.err, .ok])
        #expect(runner.status.rules[0].lastError == "many-to-many")
        table.answer("source", [:])
        await iterate(runner, 30_000)
        #expect(sink.take() == [Sample("r", 30_000, "stale"), Sample("s", 30_000, "2")])
        #expect(runner.status.rules[0].lastError == nil)
        let counts = runner.snapshot.counts
        #expect(counts.evaluations == 6 && counts.failures == 1 && counts.iterations == 3)
    }

    @Test("What the store refuses or cannot take is the rule's error")
    func storeErrors() async throws {
        let runner = runner(try group(["r": "source"]))
        table.answer("source", [.empty: 1])
        sink.fail(false, refusing: "r")
        await iterate(runner, 10_000)
        #expect(runner.status.rules[0].lastError == "r is refused")
        sink.fail(true)
        await iterate(runner, 20_000)
        #expect(runner.status.rules[0].lastError == "storage unavailable: disk full")
        sink.fail(false)
        table.answer("source", [:])
        await iterate(runner, 30_000)
        #expect(runner.status.rules[0].health == .ok)
    }

    @Test("Too many series fail the rule as a whole")
    func limit() async throws {
        let runner = runner(try group(extra: "  limit: 1\n", ["r": "source"]))
        table.answer("source", [Labels("x", "1"): 1, Labels("x", "2"): 2])
        await iterate(runner, 10_000)
        #expect(sink.samples.isEmpty)
        #expect(runner.status.rules[0].lastError == "exceeded limit of 1 with 2 series")
    }

    @Test("With a query offset, query and samples are that much earlier; the group's counts over the default")
    func queryOffset() async throws {
        table.answer("source") { .scalar($0, Double($0.millis)) }
        let defaults = RuleDefaults(queryOffsetMillis: 1000)
        await iterate(runner(try group(["r": "source"]), defaults: defaults), 10_000)
        await iterate(
            runner(try group(extra: "  query_offset: 3s\n", ["r": "source"]), defaults: defaults),
            10_000
        )
        await iterate(
            runner(try group(extra: "  query_offset: 0s\n", ["r": "source"]), defaults: defaults),
            10_000
        )
        #expect(sink.samples == [9000, 7000, 10_000].map { Sample("r", $0, "\($0)") })
    }

    @Test("A recorded metric is described once, by the first rule that records it")
    func metadata() async throws {
        let runner = runner(try group("shop", ["r": "one", "r": "two"]))
        table.answer("one", [Labels("x", "1"): 1])
        table.answer("two", [Labels("x", "2"): 1])
        await iterate(runner, 10_000)
        await iterate(runner, 20_000)
        #expect(
            sink.metadata == [
                MetricMetadata(name: "r", kind: .gauge, help: "Recorded by rule group shop: one")
            ]
        )
    }

    @Test("Status tells interval, labels and query, and unknown health before the first evaluation")
    func status() throws {
        let text = "groups:\n- name: g\n  limit: 3\n  labels: {a: b}\n  rules: [{record: r, expr: sum( x )}]"
        let status = runner(try groups(text)[0]).status
        #expect(status.name == "g" && status.file == "rules.yml" && status.limit == 3)
        #expect(status.intervalMillis == 60_000 && status.lastEvaluation == nil)
        let rule = status.rules[0]
        #expect(rule.kind == .recording && rule.name == "r" && rule.query == "sum(x)")
        #expect(rule.labels == Labels("a", "b") && rule.health == .unknown && rule.lastError == nil)
    }

    @Test("The loop evaluates at slots, skips those it missed, and counts them")
    func loop() async throws {
        let group = try group(["r": "source"])
        let clock = ManualClock(1_700_000_000_000)
        let schedule = GroupSchedule(file: group.file, name: group.name, intervalMillis: 10_000)
        let first = schedule.slot(after: clock.now()).millis
        let context = RuleContext(table, sink, clock)
        let runner = RuleGroupRunner(group, defaults: RuleDefaults(), state: nil, context: context)
        table.answer("source") { [table] time in
            // The first evaluation takes three and a half intervals.
            clock.set(first + 35_000)
            table.answer("source") { .scalar($0, 1) }
            return .scalar(time, 0)
        }
        let task = Task { await runner.run() }
        await clock.waitForSleepers(1)
        clock.nudge()
        await clock.waitForSleepers(1)
        #expect(sink.samples.isEmpty)
        clock.set(first)
        await clock.waitForSleepers(1)
        #expect(sink.take() == [Sample("r", first, "0"), Sample("r", first + 30_000, "1")])
        // Waking up late does not move the slot.
        clock.set(first + 47_000)
        await clock.waitForSleepers(1)
        #expect(sink.take() == [Sample("r", first + 40_000, "1")])
        let counts = runner.snapshot.counts
        #expect(counts.missedIterations == 2 && counts.iterations == 5)
        task.cancel()
        await task.value
    }
}
