import Model
import Synchronization
import Telemetry
import Testing

@testable import PromQL
@testable import Rules

@Suite struct RuleHistoryTests {
    private let store = MemoryStore()
    private let clock = ManualClock(0)
    private let archive = MemoryArchive()
    private let registry = Registry()

    private static let text = """
        groups:
        - name: g
          interval: 30s
          rules:
          - {record: "sum:m", expr: sum by (x) (m)}
          - {record: "twice:m", expr: '2 * {__name__="sum:m"}', labels: {team: a}}
          - {record: "rate:m", expr: "sum_over_time(m[1m])"}
        """

    private struct Daemon {
        var runner: RuleGroupRunner
        var history: RuleHistory
        var watch: LateWatch
        var memory: RuleMemory
    }

    private func start(
        _ text: String = text,
        _ settings: HistorySettings = HistorySettings()
    ) async throws -> Daemon {
        let watch = LateWatch(store, registry: registry)
        let history = RuleHistory(
            query: PastQuery(source: store, engine: { Engine() }),
            watch: watch,
            sink: store,
            blocking: DirectRunner(),
            clock: clock,
            settings: { settings },
            archive: archive,
            registry: registry,
            logger: quietLogger
        )
        try await history.load()
        let memory = RuleMemory(archive: archive, registry: registry, logger: quietLogger)
        try await memory.load()
        let context = RuleContext(
            query: Engine().ruleQuery(over: store),
            sink: store,
            blocking: DirectRunner(),
            clock: clock,
            logger: quietLogger,
            memory: memory,
            history: history
        )
        let group = try groups(text)[0]
        await memory.adopt([group])
        let runner = RuleGroupRunner(group, defaults: RuleDefaults(), state: nil, context: context)
        await history.replace(by: [runner])
        return Daemon(runner: runner, history: history, watch: watch, memory: memory)
    }

    /// The slots of the group from the first behind 0 on.
    private var slots: GroupSchedule { GroupSchedule(file: "rules.yml", name: "g", intervalMillis: 30_000) }
    private func slot(_ number: Int64) -> Int64 {
        slots.slot(after: Timestamp(millis: 1_000_000_000)).millis + 30_000 * number
    }

    private func evaluate(_ daemon: Daemon, _ numbers: ClosedRange<Int64>) async {
        for number in numbers {
            clock.set(slot(number) + 10)
            await daemon.runner.iterate(at: Timestamp(millis: slot(number)))
        }
    }

    /// Does all there is to do, as if nothing came late any more.
    private func settle(_ daemon: Daemon) async {
        var idleCount = 0
        for _ in 0..<10_000 {
            clock.set(clock.now().millis + 60_000)
            idleCount = await daemon.history.step() ? 0 : idleCount + 1
            if idleCount == 2 { return }
        }
        Issue.record("it never ends")
    }

    private func write(_ daemon: Daemon, _ labels: Labels, _ millis: Int64, _ value: Double) async throws {
        var batch = SampleBatch()
        batch.append(labels.setting("__name__", "m"), Timestamp(millis: millis), value)
        _ = try await daemon.watch.append(batch)
    }

    private func recorded(_ name: String, _ number: Int64, _ labels: KeyValuePairs<String, String> = [:])
        -> Double?
    {
        let value = store.value(Labels(labels).setting("__name__", name), slot(number))
        return value.flatMap { StaleMarker.matches($0) ? nil : $0 }
    }

    @Test("Late samples make the slots that read them be evaluated again, and the rules that read those")
    func repair() async throws {
        let daemon = try await start()
        try await write(daemon, Labels(["x": "a"]), slot(0), 1)
        await evaluate(daemon, 0...20)
        await settle(daemon)
        #expect(recorded("sum:m", 10, ["x": "a"]) == nil)
        try await write(daemon, Labels(["x": "a"]), slot(10) - 5, 7)
        await settle(daemon)
        #expect(recorded("sum:m", 9, ["x": "a"]) == 1)
        for number in Int64(10)...19 {
            #expect(recorded("sum:m", number, ["x": "a"]) == 7)
            #expect(recorded("twice:m", number, ["x": "a", "team": "a"]) == 14)
        }
        #expect(recorded("rate:m", 10, ["x": "a"]) == 7 && recorded("rate:m", 12, ["x": "a"]) == nil)
        // Where a series was not before, it ends as well.
        let ended = store.value(Labels(["__name__": "rate:m", "x": "a"]), slot(12))
        #expect(ended.map(StaleMarker.matches) == true)
        #expect(!(await daemon.history.step()))
    }

    @Test("What is left to repair survives a restart")
    func leftOver() async throws {
        let before = try await start()
        await evaluate(before, 0...20)
        try await write(before, Labels(["x": "a"]), slot(10) - 5, 7)
        #expect(!(await before.history.step()))
        let after = try await start()
        await evaluate(after, 21...21)
        await settle(after)
        #expect(
            recorded("sum:m", 12, ["x": "a"]) == 7 && recorded("twice:m", 12, ["x": "a", "team": "a"]) == 14
        )
        #expect(try await archive.ruleRecords(.backfill).isEmpty)
    }

    @Test("Corrected samples take away what does not hold any more, and leave copies alone")
    func correction() async throws {
        let daemon = try await start()
        for number in Int64(0)...20 { try await write(daemon, Labels(["x": "a"]), slot(number), 1) }
        let copy = Labels(["__name__": "sum:m", "x": "a", "job": "sextant"])
        store.set(copy, slot(5), 4)
        await evaluate(daemon, 0...20)
        try await write(daemon, Labels(["x": "a"]), slot(5), StaleMarker.value)
        await settle(daemon)
        #expect(recorded("sum:m", 4, ["x": "a"]) == 1 && recorded("sum:m", 5, ["x": "a"]) == nil)
        #expect(recorded("sum:m", 6, ["x": "a"]) == 1)
        #expect(store.value(copy, slot(5)) == 4)
    }

    @Test("Recorded values that differ by no more than rollups may from samples stay as they are")
    func withinRounding() async throws {
        let daemon = try await start()
        let labels = Labels(["x": "a"])
        for number in 0...20 as ClosedRange<Int64> { try await write(daemon, labels, slot(number), 3) }
        await evaluate(daemon, 0...20)
        await settle(daemon)
        var batch = SampleBatch()
        let (near, far) = (3.0.nextUp, 3 + 1e-9)
        for (number, value) in [(10, near), (11, far)] as [(Int64, Double)] {
            batch.append(labels.setting("__name__", "sum:m"), Timestamp(millis: slot(number)), value)
        }
        _ = try await store.append(batch)
        for number in [9, 10, 11] as [Int64] { try await write(daemon, labels, slot(number) - 1, 3) }
        await settle(daemon)
        #expect(recorded("sum:m", 10, ["x": "a"]) == near)
        #expect(recorded("sum:m", 11, ["x": "a"]) == 3)
    }

    @Test("Samples in time, for other series, or beyond the horizon change nothing")
    func nothingLate() async throws {
        var settings = HistorySettings()
        settings.repairMillis = 300_000
        let daemon = try await start(Self.text, settings)
        await evaluate(daemon, 0...20)
        try await write(daemon, Labels(["x": "a"]), slot(20) - 10_000, 1)
        #expect(daemon.watch.take().isEmpty)
        var batch = SampleBatch()
        batch.append(Labels(["__name__": "other"]), Timestamp(millis: slot(15)), 1)
        _ = try await daemon.watch.append(batch)
        try await write(daemon, Labels(["x": "a"]), slot(0), 1)
        await settle(daemon)
        #expect(recorded("sum:m", 1, ["x": "a"]) == nil)
    }

    @Test("Slots that were missed while the daemon was down are made up for")
    func catchUp() async throws {
        let before = try await start()
        for number in Int64(0)...30 {
            store.set(Labels(["__name__": "m", "x": "a"]), slot(number), Double(number))
        }
        await evaluate(before, 0...5)
        await before.memory.flush()
        let after = try await start()
        await evaluate(after, 20...20)
        #expect(recorded("sum:m", 10, ["x": "a"]) == nil)
        await settle(after)
        for number in Int64(0)...20 { #expect(recorded("sum:m", number, ["x": "a"]) == Double(number)) }
        #expect(recorded("twice:m", 19, ["x": "a", "team": "a"]) == 38)
    }

    @Test("Slots that a slow group missed are counted and made up for")
    func slowGroup() async throws {
        let daemon = try await start()
        for number in Int64(0)...30 {
            store.set(Labels(["__name__": "m", "x": "a"]), slot(number), Double(number))
        }
        clock.set(slot(0) - 10)
        let loop = Task { await daemon.runner.run() }
        await clock.waitForSleepers(1)
        clock.set(slot(0))
        await clock.waitForSleepers(1)
        // Nobody wakes the group up for five slots; it goes on with the first and then the last of them.
        clock.set(slot(6) + 10)
        await clock.waitForSleepers(1)
        loop.cancel()
        await loop.value
        #expect(daemon.runner.snapshot.counts.missedIterations == 4)
        #expect(recorded("sum:m", 1, ["x": "a"]) == 1 && recorded("sum:m", 6, ["x": "a"]) == 6)
        #expect(recorded("sum:m", 3, ["x": "a"]) == nil)
        await settle(daemon)
        for number in Int64(0)...6 { #expect(recorded("sum:m", number, ["x": "a"]) == Double(number)) }
        #expect(recorded("twice:m", 4, ["x": "a", "team": "a"]) == 8)
    }

    @Test("A wanted past is computed once, and again when the expression changes")
    func wishes() async throws {
        var settings = HistorySettings()
        settings.wishes = [.init(group: "g", rule: nil, pastMillis: 30_000 * 2500)]
        clock.set(slot(3000))
        for number in Int64(0)...3000 {
            store.set(Labels(["__name__": "m", "x": "a"]), slot(number), Double(number))
        }
        let first = try await start(Self.text, settings)
        #expect(await first.history.backfills.map(\.slotCount) == [2501])
        await settle(first)
        #expect(recorded("sum:m", 500, ["x": "a"]) == 500 && recorded("sum:m", 499, ["x": "a"]) == nil)
        #expect(recorded("twice:m", 3000, ["x": "a", "team": "a"]) == 6000)
        let second = try await start(Self.text, settings)
        #expect(await second.history.backfills.isEmpty)
        let text = Self.text.replacing("sum by (x) (m)", with: "3 * sum by (x) (m)")
        let third = try await start(text, settings)
        #expect(await third.history.backfills.map(\.rules) == [["sum:m"]])
        await settle(third)
        #expect(recorded("sum:m", 1000, ["x": "a"]) == 3000)
    }

    @Test("A past goes on after a restart where it was, by wish and by hand")
    func resume() async throws {
        var settings = HistorySettings()
        settings.wishes = [.init(group: nil, rule: "sum:m", pastMillis: 30_000 * 2999)]
        clock.set(slot(3000))
        for number in Int64(0)...3000 { store.set(Labels(["__name__": "m"]), slot(number), 1) }
        let first = try await start(Self.text, settings)
        _ = try await first.history.request(
            Self.text,
            file: "other.yml",
            names: ["rate:m"],
            from: Timestamp(millis: slot(0)),
            through: Timestamp(millis: slot(2500)),
            defaultIntervalMillis: 60_000
        )
        #expect(await first.history.step())
        #expect(await first.history.backfills.map(\.doneCount) == [1000, 0])
        let second = try await start(Self.text, settings)
        #expect(Set(await second.history.backfills.map(\.slotCount)) == [2000, 2501])
        await settle(second)
        #expect((0...3000).allSatisfy { recorded("sum:m", $0) == ($0 > 0 ? 1 : nil) })
        #expect(recorded("rate:m", 2500) == 2)
        #expect(await second.history.backfills.isEmpty)
        #expect(try await start(Self.text, settings).history.backfills.isEmpty)
    }

    @Test("A past replaces samples of another grid, so that none of the old shows")
    func replaces() async throws {
        let daemon = try await start()
        clock.set(slot(100))
        for number in Int64(0)...100 { store.set(Labels(["__name__": "m"]), slot(number), 1) }
        let old = Labels(["__name__": "sum:m"])
        for number in Int64(0)...20 { store.set(old, slot(5 * number) + 7, 99) }
        _ = try await daemon.history.request(
            Self.text,
            file: "x.yml",
            names: [],
            from: Timestamp(millis: slot(0)),
            through: Timestamp(millis: slot(99)),
            defaultIntervalMillis: 30_000
        )
        await settle(daemon)
        #expect((0...99).allSatisfy { recorded("sum:m", $0) == 1 })
        #expect(store.value(old, slot(5) + 7) == 1)
        await #expect(throws: RuleHistory.NothingToDo.self) {
            try await daemon.history.request(
                Self.text,
                file: "x.yml",
                names: ["nope"],
                from: .min,
                through: Timestamp(millis: 0),
                defaultIntervalMillis: 30_000
            )
        }
    }

    @Test("A rule that reads itself, and one whose query depends on its time, are evaluated slot by slot")
    func slotBySlot() async throws {
        let text = """
            groups:
            - name: g
              interval: 30s
              rules:
              - {record: "count:m", expr: "sum({__name__=\\"count:m\\"} offset 30s) + 1 or m"}
              - {record: "end:m", expr: "m @ end()"}
            """
        let daemon = try await start(text)
        clock.set(slot(50))
        for number in Int64(0)...50 { store.set(Labels(["__name__": "m"]), slot(number), Double(number)) }
        _ = try await daemon.history.request(
            text,
            file: "x.yml",
            names: [],
            from: Timestamp(millis: slot(0)),
            through: Timestamp(millis: slot(20)),
            defaultIntervalMillis: 30_000
        )
        await settle(daemon)
        #expect(recorded("count:m", 20) == 20 && recorded("end:m", 13) == 13)
    }

    @Test("Slots at which a rule fails stay as they were; the others are computed")
    func failures() async throws {
        let text = """
            groups:
            - name: g
              interval: 30s
              limit: 2
              rules:
              - {record: "r", expr: "m * on() group_left() n"}
              - {record: "s", expr: "m"}
            """
        let daemon = try await start(text)
        clock.set(slot(50))
        for number in Int64(0)...50 {
            store.set(Labels(["__name__": "m", "x": "a"]), slot(number), 1)
            store.set(Labels(["__name__": "n"]), slot(number), 5)
        }
        let second = Labels(["__name__": "n", "y": "b"])
        store.set(second, slot(10), 1)
        store.set(second, slot(12), StaleMarker.value)
        for x in ["b", "c"] {
            store.set(Labels(["__name__": "m", "x": x]), slot(30), 1)
            store.set(Labels(["__name__": "m", "x": x]), slot(31), StaleMarker.value)
        }
        store.set(Labels(["__name__": "r", "x": "a"]), slot(11), 77)
        _ = try await daemon.history.request(
            text,
            file: "x.yml",
            names: [],
            from: Timestamp(millis: slot(0)),
            through: Timestamp(millis: slot(40)),
            defaultIntervalMillis: 30_000
        )
        await settle(daemon)
        #expect(recorded("r", 9, ["x": "a"]) == 5 && recorded("r", 12, ["x": "a"]) == 5)
        #expect(recorded("r", 10, ["x": "a"]) == nil && recorded("r", 11, ["x": "a"]) == 77)
        #expect(recorded("s", 29, ["x": "a"]) == 1 && recorded("s", 30, ["x": "a"]) == nil)
    }

    @Test(
        "The past of a rule equals what evaluation slot by slot records, staleness included",
        arguments: [
            UInt64.random(in: 0...(.max))
        ]
    )
    func equalsLive(seed: UInt64) async throws {
        print("RuleHistoryTests seed \(seed)")
        var state = seed
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(truncatingIfNeeded: state >> 33) % count
        }
        for number in Int64(0)...120 {
            for x in ["a", "b", "c"] {
                let labels = Labels(["__name__": "m", "x": x])
                switch random(6) {
                case 0: store.set(labels, slot(number), StaleMarker.value)
                case 1: break
                default: store.set(labels, slot(number) - Int64(random(20_000)), Double(random(5)))
                }
            }
        }
        let live = try await start()
        await evaluate(live, 0...120)
        let names = ["sum:m", "twice:m", "rate:m"]
        let wanted = names.map { store.all($0) }
        for name in names { store.remove(name) }
        let past = try await start()
        _ = try await past.history.request(
            Self.text,
            file: "rules.yml",
            names: [],
            from: Timestamp(millis: slot(0)),
            through: Timestamp(millis: slot(120)),
            defaultIntervalMillis: 30_000
        )
        await settle(past)
        for (name, samples) in zip(names, wanted) { #expect(store.all(name) == samples, "\(name)") }
    }

    @Test("What a rule reads is found with all its delays")
    func reads() throws {
        func affected(_ query: String, _ labels: Labels = Labels(["__name__": "m", "x": "a"])) throws
            -> String?
        {
            let reads = RuleReads(try Parser.parse(query), lookbackMillis: 300_000)
            let range = TimeRange(Timestamp(millis: 0), Timestamp(millis: 1000))
            return reads.affected(by: labels, in: range).map { "\($0.start.millis)...\($0.end.millis)" }
        }
        #expect(try affected("m") == "0...301000")
        #expect(try affected("m{x='b'}") == nil)
        #expect(try affected("n + m offset 1m") == "60000...361000")
        #expect(try affected("rate(m[10m])") == "0...601000")
        #expect(try affected("m offset -1m") == "-60000...241000")
        #expect(try affected("max_over_time(rate(m[10m])[1h:1m] offset 1m)") == "60000...4321000")
        #expect(try affected("m @ 5") == nil)
        #expect(try affected("{x='a'}") == "0...301000")
        #expect(RuleReads(try Parser.parse("m @ end()"), lookbackMillis: 0).dependsOnQuery)
    }

    @Test("Ranges merge where they touch, and many become few")
    func ranges() {
        func range(_ start: Int64, _ end: Int64) -> TimeRange {
            TimeRange(Timestamp(millis: start), Timestamp(millis: end))
        }
        var times = TimeRanges()
        for (start, end) in [(10, 20), (30, 40), (21, 29), (50, 45), (100, 110), (0, 5)] as [(Int64, Int64)] {
            times.insert(range(start, end))
        }
        #expect(times.ranges == [range(0, 5), range(10, 40), range(100, 110)])
        #expect(times.popFirst() == range(0, 5))
        for number in Int64(0)...1000 { times.insert(range(number * 100, number * 100 + 1)) }
        #expect(times.ranges.count == 64)
    }
}
