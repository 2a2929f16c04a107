import Model
import Testing

@testable import KPI

@Suite("KPI values") struct EvaluationTests {
    private static let day = 86_400.0
    private let source = MemorySource()

    private static let metrics = """
        kpi_version: 1
        calendars:
          utc: {periods: {sprint: {every: 14d, anchor: 1970-01-01}}}
          zurich: {timezone: Europe/Zurich}
        defaults: {calendar: utc, lateness: 1h}
        metrics:
          - {name: revenue, from: {samples: revenue}, by: [country]}
          - {name: orders, from: {samples: orders}, by: [country]}
          - {name: members, from: {gauge: members}}
          - {name: never, from: {samples: never}}
        kpis:
        """

    private func rows(
        _ kpis: String,
        days: Range<Int64>,
        period: String = "day",
        by label: String? = nil,
        now: Double = 40 * day
    ) throws -> [KPIRow] {
        let definitions = try DefinitionTests.load(EvaluationTests.metrics + "\n" + kpis)
        let evaluator = KPIEvaluator(
            definitions: definitions,
            source: RawAggregates(source: source),
            now: Timestamp(millis: Int64(now * 1000))
        )
        let tasks = try definitions.kpis.map { kpi in
            let period = try #require(kpi.calendar.period(named: period))
            let buckets = try #require(
                kpi.calendar.cover(
                    period,
                    from: days.lowerBound * 86_400_000,
                    to: days.upperBound * 86_400_000,
                    limit: 1000
                )
            )
            return KPITask(
                kpi,
                frames: buckets.map { Frame(period, $0, in: kpi.calendar) },
                aggregate: Frame(
                    .buckets(period, first: buckets[0], last: buckets[buckets.count - 1]),
                    in: kpi.calendar
                )
            )
        }
        return try evaluator.rows(tasks, by: label, budget: .unlimited())
    }

    private func fill(_ name: String, _ values: [Double?], in country: String = "CH") {
        for (day, value) in values.enumerated() {
            guard let value else { continue }
            source.set(name, ["country": country], [(Double(day) * EvaluationTests.day + 3600, value)])
        }
    }

    @Test("a ratio is finalised after merging: the whole is no mean of its parts")
    func ratio() throws {
        fill("revenue", [100, 100])
        fill("orders", [1, 9])
        let row = try rows(
            "  - {name: aov, type: ratio, numerator: revenue, denominator: orders}",
            days: 0..<2
        )[0]
        #expect(row.values == [100, 100.0 / 9])
        #expect(row.aggregate == 20)
        #expect(row.numerators == [100, 100])
        #expect(row.denominators == [1, 9])
    }

    @Test("a percentage of 1 is 1 %, for ratios only")
    func percentage() throws {
        fill("revenue", [1])
        fill("orders", [100])
        let found = try rows(
            """
              - {name: a, type: ratio, numerator: revenue, denominator: orders, unit: percentage}
              - {name: b, type: simple, metric: orders, unit: percentage}
            """,
            days: 0..<1
        )
        #expect(found.map(\.values) == [[1], [100]])
    }

    @Test("null before the data and behind the watermark, 0 between without samples")
    func nullAndZero() throws {
        fill("revenue", [nil, nil, 5, nil, 7])
        fill("orders", [nil, nil, 0, nil, 7])
        let found = try rows(
            """
              - {name: sum, type: simple, metric: revenue}
              - {name: aov, type: ratio, numerator: revenue, denominator: orders}
              - {name: none, type: simple, metric: never}
              - {name: lost, type: simple, metric: undefined}
            """,
            days: 0..<7
        )
        #expect(found[0].values == [nil, nil, 5, 0, 7, nil, nil])
        #expect(found[0].aggregate == 12)
        #expect(found[1].values == [nil, nil, nil, nil, 1, nil, nil])
        #expect(found[2].values == [Double?](repeating: nil, count: 7))
        #expect(found[3].aggregate == nil)
    }

    @Test("a range that ends at the first data is null, one that begins at the watermark is not")
    func edges() throws {
        source.set(
            "revenue",
            ["country": "CH"],
            [(EvaluationTests.day, 3), (2 * EvaluationTests.day, 4)]
        )
        let row = try rows("  - {name: sum, type: simple, metric: revenue}", days: 0..<4)[0]
        #expect(row.values == [nil, 3, 4, nil])
    }

    @Test("a gauge without samples in a range is null")
    func emptyGauge() throws {
        source.set("members", [:], [(0, 3), (2 * EvaluationTests.day, 4)])
        #expect(
            try rows("  - {name: m, type: simple, metric: members}", days: 0..<3)[0].values == [
                3, nil, 4,
            ]
        )
    }

    @Test("derived KPIs take metrics, KPIs and earlier periods; null stays null unless it is filled")
    func derived() throws {
        fill("revenue", [100, 150, 0, 75])
        fill("orders", [1, 3, nil, 5])
        let found = try rows(
            """
              - {name: aov, type: ratio, numerator: revenue, denominator: orders}
              - {name: growth, type: derived, expr: "revenue / offset(revenue, 1) - 1"}
              - {name: twice, type: derived, expr: "2 * aov"}
              - {name: filled, type: derived, expr: "aov + offset(aov, 1)", fill: 0}
            """,
            days: 0..<4
        )
        #expect(found[1].values == [nil, 0.5, -1, nil])
        #expect(found[2].values == [200, 100, nil, 30])
        #expect(found[3].values == [100, 150, 50, 15])
        // The aggregate is moved by as many periods as the offset says, and finalised once.
        let moved = try rows(
            "  - {name: g, type: derived, expr: \"revenue - offset(revenue, 1)\"}",
            days: 1..<3
        )
        #expect(moved[0].aggregate == -100)
    }

    @Test("cumulative KPIs add up to the end of each bucket")
    func cumulative() throws {
        fill("revenue", [Double?](repeating: nil, count: 10) + (10..<35).map { Double($0) })
        let found = try rows(
            """
              - {name: mtd, type: cumulative, metric: revenue, grain_to_date: month}
              - {name: week, type: cumulative, metric: revenue, window: 7d}
              - {name: dates, type: cumulative, metric: revenue, window: 7 days}
              - {name: all, type: cumulative, metric: revenue}
            """,
            days: 9..<36
        )
        #expect(found[0].values[0] == nil)
        #expect(found[0].values[1] == 10)
        #expect(found[0].values[21] == Double((10...30).reduce(0, +)))
        #expect(found[0].values[22] == 31)
        #expect(found[0].values[26] == nil)
        #expect(found[1].values[10] == Double((13...19).reduce(0, +)))
        #expect(found[2].values[10] == found[1].values[10])
        #expect(found[3].values[25] == Double((10...34).reduce(0, +)))
        // The whole is the value at the end of the last bucket; its range begins before the watermark.
        #expect(found[0].aggregate == Double((31...34).reduce(0, +)))
        #expect(found[3].aggregate == Double((10...34).reduce(0, +)))
        let ended = try rows(
            """
              - {name: mtd, type: cumulative, metric: revenue, grain_to_date: month}
              - {name: all, type: cumulative, metric: revenue}
            """,
            days: 9..<35
        )
        #expect(ended[0].aggregate == Double((31...34).reduce(0, +)))
        #expect(ended[1].aggregate == Double((10...34).reduce(0, +)))
    }

    @Test("a daily average divides by the local days that begin, in open periods too")
    func perDay() throws {
        fill("orders", [12_005])
        let kpi = "  - {name: daily, type: per_day_average, metric: orders}"
        #expect(try rows(kpi, days: 0..<1, period: "sprint")[0].values == [857.5])
        #expect(try rows(kpi, days: 0..<1, period: "sprint", now: 7200)[0].values == [857.5])
        #expect(try rows(kpi, days: 0..<1, period: "hour")[0].values[1] == 12_005)
        // 14 local days of 23 and 25 hours are 14 days.
        let start = Int64(try #require(CivilDate("2025-10-20")).dayNumber)
        source.set("orders", ["country": "CH"], [(Double(start + 3) * EvaluationTests.day, 700)])
        source.set("orders", ["country": "CH"], [(Double(start + 8) * EvaluationTests.day, 700)])
        let zurich = "  - {name: daily, type: per_day_average, metric: orders, calendar: zurich}"
        let found = try rows(
            zurich,
            days: start..<start + 7,
            period: "week",
            now: Double(start + 90) * EvaluationTests.day
        )
        #expect(found[0].values == [100, 100])
        #expect(found[0].aggregate == 100)
    }

    @Test("samples about a whole day count in days and not in hours, whatever is asked first")
    func wholeDays() throws {
        let day = EvaluationTests.day
        source.set("revenue", ["granularity": "day"], [(0, 100), (day, 200)])
        let kpi = "  - {name: sum, type: simple, metric: revenue}"
        #expect(try rows(kpi, days: 0..<2)[0].values == [100, 200])
        #expect(try rows(kpi, days: 0..<1, period: "hour")[0].values == [Double?](repeating: nil, count: 24))
        // Of 24 hours the day is one again.
        #expect(try rows(kpi, days: 0..<1, period: "hour")[0].aggregate == 100)
        // Hours have data of their own, from the first to the last of them.
        source.set("revenue", ["country": "CH"], [(3600, 5), (4 * 3600, 7)])
        let hours = try rows(kpi, days: 0..<1, period: "hour")[0]
        #expect(hours.values.prefix(6) == [nil, 5, 0, 0, 7, nil])
        #expect(try rows(kpi, days: 0..<1)[0].values == [112])
        let groups = try rows(kpi, days: 0..<1, period: "hour", by: "country")
        #expect(groups.map(\.group) == ["", "CH"])
        #expect(groups[1].values.prefix(3) == [nil, 5, 0])
    }

    @Test("division by 0 is null, a filled operand is a number")
    func divisions() throws {
        fill("revenue", [10, 10])
        fill("orders", [0, 5])
        let found = try rows(
            """
              - {name: a, type: derived, expr: "revenue / orders"}
              - {name: b, type: derived, expr: "(revenue / orders) + 1", fill: 3}
              - {name: c, type: derived, expr: "never + 1", fill: 3}
            """,
            days: 0..<2
        )
        #expect(found[0].values == [nil, 2])
        #expect(found[1].values == [nil, 3])
        #expect(found[2].values == [4, 4])
    }

    @Test("the same question has the same bits, whatever is asked beside it")
    func deterministic() throws {
        var chance = SplitMix(seed: 5)
        for series in 0..<40 {
            source.set(
                "revenue",
                ["country": "\(series)"],
                (0..<50).map { (Double($0) * 7000, Double(chance.below(1_000_000)) / 997) }
            )
        }
        let kpi = "  - {name: sum, type: simple, metric: revenue}"
        let once = try rows(kpi, days: 0..<4)[0]
        let more = try rows(kpi + "\n  - {name: n, type: per_day_average, metric: revenue}", days: 0..<4)
        #expect(once.values == more[0].values)
        #expect(once.aggregate == more[0].aggregate)
        #expect(once.values == more[1].values)
        // In another order of merging the whole is the same but for the last bits.
        let whole = once.aggregate ?? 0
        #expect((once.values.compactMap(\.self).reduce(0, +) - whole).magnitude <= 1e-12 * whole)
    }

    @Test("a breakdown has every value that the label ever had, in order")
    func breakdown() throws {
        fill("revenue", [10, 20], in: "CH")
        fill("revenue", [nil, nil, nil, 5], in: "AT")
        fill("orders", [2], in: "DE")
        fill("orders", [5], in: "CH")
        let found = try rows(
            """
              - {name: aov, type: ratio, numerator: revenue, denominator: orders}
              - {name: sum, type: simple, metric: revenue}
            """,
            days: 0..<1,
            by: "country"
        )
        #expect(found.map(\.group) == ["AT", "CH", "DE", "AT", "CH"])
        #expect(found.map(\.values) == [[nil], [2], [0], [0], [10]])
    }

    @Test("states go by the clock, the watermark and the lateness")
    func states() {
        func state(_ now: Int64, _ watermark: Int64?, revised: Bool = false) -> (PeriodState, Bool) {
            let found = Completeness(
                end: 100,
                watermark: watermark,
                latenessMillis: 20,
                now: now,
                isRevised: revised
            )
            return (found.state, found.isComplete)
        }
        #expect(state(99, 500) == (.open, false))
        #expect(state(100, 99) == (.closed, false))
        #expect(state(100, 100) == (.closed, true))
        #expect(state(100, 119) == (.closed, true))
        #expect(state(100, 120) == (.final, true))
        #expect(state(100, nil) == (.closed, false))
        #expect(state(100, 120, revised: true) == (.revised, true))
        #expect(PeriodState.revised.satisfies(.final))
        #expect(!PeriodState.final.satisfies(.revised))
    }

    @Test("the status tells of missing definitions and missing data")
    func statuses() throws {
        fill("revenue", [1, 1, 1, 1])
        let definitions = try DefinitionTests.load(
            EvaluationTests.metrics + """

                  - {name: ok, type: simple, metric: revenue}
                  - {name: none, type: simple, metric: never}
                  - {name: lost, type: ratio, numerator: revenue, denominator: undefined}
                """
        )
        for (now, expected) in [
            (3.5, [KPIStatus.ok, .missingData, .missingConfig]),
            (4.9, [.ok, .missingData, .missingConfig]),
            (5.1, [.missingData, .missingData, .missingConfig]),
        ] {
            let evaluator = KPIEvaluator(
                definitions: definitions,
                source: RawAggregates(source: source),
                now: Timestamp(millis: Int64(now * EvaluationTests.day * 1000))
            )
            #expect(try evaluator.statuses(of: definitions.kpis, budget: .unlimited()) == expected)
        }
    }

    @Test("windows move by their own length, windows of buckets by the bucket's period")
    func frames() throws {
        let calendar = Calendar()
        let day: Int64 = 86_400_000
        let week = Frame(.window(.elapsed(7 * day), end: 20 * day + 1), in: calendar)
        #expect(week.range == Bucket(start: 13 * day, end: 20 * day + 300_000))
        #expect(week.earlier(by: 1).range == Bucket(start: 6 * day, end: 13 * day + 300_000))
        let dates = Frame(.window(.days(7), end: 20 * day + 1), in: calendar)
        #expect(dates.range == Bucket(start: 14 * day, end: 21 * day))
        #expect(dates.earlier(by: 2).range == Bucket(start: 0, end: 7 * day))
        #expect(dates.earlier(by: -1).range == Bucket(start: 21 * day, end: 28 * day))
        let bucket = Bucket(start: 20 * day, end: 21 * day)
        let ofBucket = Frame(.windowOfBucket(.elapsed(7 * day), .day, bucket), in: calendar)
        #expect(ofBucket.range == Bucket(start: 14 * day, end: 21 * day))
        #expect(ofBucket.earlier(by: 1).range == Bucket(start: 13 * day, end: 20 * day))
    }
}
