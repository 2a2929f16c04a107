import Model
import Testing

@testable import Storage

private let day: Int64 = 86_400_000
private let hour: Int64 = 3_600_000

/// Which segments are merged, and when.
@Suite struct CompactionPlannerTests {
    private func candidate(
        _ file: String,
        sequence: UInt64,
        from start: Int64,
        to end: Int64,
        level: Int = 0,
        bytes: Int = 100,
        sparse: Int = 100,
        retention: Int64? = nil
    ) -> CompactionPlanner.Candidate {
        CompactionPlanner.Candidate(
            file: file,
            sequence: sequence,
            range: TimeRange(Timestamp(millis: start), Timestamp(millis: end - 1)),
            level: level,
            retentionMillis: retention,
            byteCount: bytes,
            sampleCount: 100,
            sparseSampleCount: sparse
        )
    }

    private func plan(
        _ candidates: [CompactionPlanner.Candidate],
        now: Int64,
        isForced: Bool = false
    ) -> CompactionPlanner.Plan? {
        CompactionPlanner(candidates: candidates, now: Timestamp(millis: now), isForced: isForced).next()
    }

    @Test("A day is merged once it is over and late samples had an hour to come")
    func wholeDay() {
        let flushes = (0..<3).map {
            candidate("\($0)", sequence: UInt64($0), from: Int64($0) * 2 * hour, to: Int64($0 + 1) * 2 * hour)
        }
        #expect(plan(flushes, now: 12 * hour) == nil)
        #expect(plan(flushes, now: day + hour / 2) == nil)
        #expect(plan(flushes, now: day + 2 * hour)?.files == ["0", "1", "2"])
        #expect(plan(flushes, now: day + 2 * hour)?.level == 1)
        #expect(plan(flushes, now: 12 * hour, isForced: true)?.files == ["0", "1", "2"])
    }

    @Test("Many flushes of a day that goes on are merged")
    func manyFlushes() {
        let flushes = (0..<8).map {
            candidate("\($0)", sequence: UInt64($0), from: Int64($0) * 2 * hour, to: Int64($0 + 1) * 2 * hour)
        }
        #expect(plan(flushes, now: 17 * hour)?.files.count == 8)
        #expect(plan(Array(flushes.dropLast()), now: 17 * hour) == nil)
    }

    @Test("A flush that is alone in its day is written again as small as it gets, a merged one is left alone")
    func alone() {
        #expect(plan([candidate("a", sequence: 1, from: 0, to: day)], now: 3 * day)?.level == 1)
        #expect(plan([candidate("a", sequence: 1, from: 0, to: day, level: 1)], now: 30 * day) == nil)
        #expect(
            plan([candidate("a", sequence: 1, from: 0, to: day, level: 1)], now: 3 * day, isForced: true)
                == nil
        )
    }

    @Test("A flush of many days that nothing joins is written again when its partition is over")
    func aloneInManyDays() {
        let flush = candidate("a", sequence: 1, from: 0, to: 9 * day)
        #expect(plan([flush], now: 10 * day) == nil)
        #expect(plan([flush], now: 33 * day)?.level == 3)
        #expect(plan([flush], now: 10 * day, isForced: true)?.level == 3)
        let merged = candidate("a", sequence: 1, from: 0, to: 9 * day, level: 3)
        #expect(plan([merged], now: 33 * day, isForced: true) == nil)
    }

    @Test("A little late data waits, much of it or old one does not")
    func late() {
        let main = candidate("m", sequence: 1, from: 0, to: day, level: 1, bytes: 1000)
        let small = candidate("s", sequence: 2, from: 0, to: 2 * hour, bytes: 10)
        let large = candidate("l", sequence: 2, from: 0, to: 2 * hour, bytes: 400)
        #expect(plan([main, small], now: day + 2 * hour) == nil)
        #expect(plan([main, large], now: day + 2 * hour)?.files == ["m", "l"])
        #expect(plan([main, small], now: 2 * day + 2 * hour)?.files == ["m", "s"])
    }

    @Test("Days of short chunks become eight days, days of long chunks do not")
    func tiers() {
        func days(sparse: Int) -> [CompactionPlanner.Candidate] {
            (0..<8).map {
                candidate(
                    "\($0)",
                    sequence: UInt64($0),
                    from: Int64($0) * day,
                    to: Int64($0 + 1) * day,
                    level: 1,
                    sparse: sparse
                )
            }
        }
        #expect(plan(days(sparse: 100), now: 9 * day)?.level == 2)
        #expect(plan(days(sparse: 5), now: 9 * day) == nil)
        #expect(plan(days(sparse: 100), now: 7 * day) == nil)
    }

    @Test("Samples are not merged with others that live much longer than them")
    func retention() {
        let days = (0..<8).map {
            candidate(
                "\($0)",
                sequence: UInt64($0),
                from: Int64($0) * day,
                to: Int64($0 + 1) * day,
                level: 1,
                retention: 15 * day
            )
        }
        #expect(plan(days, now: 9 * day) == nil)
        let flushes = (0..<2).map {
            candidate("\($0)", sequence: UInt64($0), from: 0, to: 2 * hour, retention: day)
        }
        #expect(plan(flushes, now: 9 * day, isForced: true) == nil)
    }

    @Test("A merge never passes a write that lies between: the larger partition takes all of them")
    func order() {
        let crossing = [
            candidate("a", sequence: 1, from: 0, to: 2 * hour),
            candidate("b", sequence: 2, from: 0, to: 8 * day),
            candidate("c", sequence: 3, from: 0, to: 2 * hour),
        ]
        #expect(plan(crossing, now: 20 * day) == CompactionPlanner.Plan(files: ["a", "b", "c"], level: 2))
        // What was written before or after all of them is in nobody's way.
        let beside = [crossing[0], crossing[2], candidate("b", sequence: 4, from: 0, to: 8 * day)]
        #expect(plan(beside, now: 20 * day)?.files == ["a", "c"])
    }

    @Test("Whatever there is, merging comes to an end", arguments: 0..<200 as Range<UInt64>)
    func ends(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var candidates = (0..<30).map { index in
            let start = Int64.random(in: 0..<480, using: &random) * 2 * hour
            let length = [2 * hour, 2 * hour, 10 * hour, 5 * day].randomElement(using: &random) ?? hour
            return candidate(
                "\(index)",
                sequence: UInt64(index),
                from: start,
                to: start + length,
                bytes: .random(in: 1...1000, using: &random),
                sparse: .random(in: 0...100, using: &random),
                retention: [nil, 3 * day, 100 * day].randomElement(using: &random) ?? nil
            )
        }
        for round in 0..<100 {
            guard let plan = plan(candidates, now: 100 * day, isForced: seed.isMultiple(of: 2)) else {
                return
            }
            let inputs = candidates.filter { plan.files.contains($0.file) }
            candidates.removeAll { plan.files.contains($0.file) }
            for retention in Set(inputs.map(\.retentionMillis)) {
                let members = inputs.filter { $0.retentionMillis == retention }
                var result = members[0]
                result.file = "\(seed)-\(round)-\(retention ?? 0)"
                result.sequence = inputs.map(\.sequence).max() ?? 0
                result.level = plan.level
                for member in members {
                    result.range = TimeRange(
                        min(result.range.start, member.range.start),
                        max(result.range.end, member.range.end)
                    )
                }
                candidates.append(result)
            }
        }
        Issue.record("seed \(seed): 100 merges and no end")
    }
}
