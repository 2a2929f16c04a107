import Model
import PromQL
import Synchronization
import Telemetry
import Testing

@testable import KPI

@Suite("Virtual series") struct SeriesTests {
    private static let day = 86_400.0
    private let source = MemorySource()

    /// The engine over the definitions at a time.
    private struct Fixture {
        let source: MemorySource
        let service: KPIService
        let virtual: KPISource

        func instant(_ query: String, at seconds: Double) throws -> QueryAnswer {
            try Engine().instant(
                Parser.parse(query),
                at: Timestamp(millis: Int64(seconds * 1000)),
                source: virtual,
                budget: .unlimited()
            )
        }

        /// The values by series.
        func values(_ query: String, at seconds: Double) throws -> [String: Double] {
            guard case .vector(let samples) = try instant(query, at: seconds).value else { return [:] }
            return Dictionary(uniqueKeysWithValues: samples.map { ("\($0.labels)", $0.value) })
        }

        /// The only value, nil without one.
        func value(_ query: String, at seconds: Double) throws -> Double? {
            try values(query, at: seconds).values.first
        }
    }

    private func fixture(_ text: String = SeriesTests.text, now: Double = 40 * day) throws -> Fixture {
        let service = KPIService(
            definitions: try DefinitionTests.load(text),
            source: RawAggregates(source: source)
        ) { Timestamp(millis: Int64(now * 1000)) }
        return Fixture(source: source, service: service, virtual: KPISource(source, service))
    }

    private static let text = """
        kpi_version: 1
        calendars:
          utc: {fiscal_year_start: 02-01, periods: {sprint: {every: 14d, anchor: 1970-01-01}}}
        defaults: {calendar: utc, lateness: 1h, owner: o}
        metrics:
          - {name: revenue, from: {samples: revenue}, by: [country]}
          - {name: orders, from: {samples: orders}, by: [country]}
          - {name: visits, from: {samples: visits}}
        kpis:
          - {name: total, type: simple, metric: revenue, aliases: [old_total]}
          - name: aov
            type: ratio
            numerator: revenue
            denominator: orders
            unit: eur
            periods: [day, week]
            target: {above: 5}
          - name: conversion
            type: ratio
            numerator: orders
            denominator: visits
            unit: percentage
            period: sprint
        funnels:
          - {name: shop, kind: counter, base: visits, steps: [orders]}
        """

    private func fill() {
        for step in 0..<360 {
            let time = Double(step) * 7200 + 60
            source.set("revenue", ["country": step % 3 == 0 ? "AT" : "CH"], [(time, Double(step % 17) * 10)])
            source.set("orders", ["country": step % 3 == 0 ? "AT" : "CH"], [(time, Double(step % 5))])
            source.set("visits", [:], [(time, 100)])
        }
    }

    /// The sum of what `fill` has put into the range.
    private func sum(_ name: String, _ from: Double, _ to: Double) -> Double {
        var total = 0.0
        for step in 0..<360 {
            let time = Double(step) * 7200 + 60
            guard time >= from, time < to else { continue }
            total += name == "visits" ? 100 : name == "orders" ? Double(step % 5) : Double(step % 17) * 10
        }
        return total
    }

    @Test("have the value of the period that holds the time, the same at every time of it")
    func periods() throws {
        fill()
        let fixture = try fixture()
        let day = SeriesTests.day
        let expected = sum("revenue", 3 * day, 4 * day) / sum("orders", 3 * day, 4 * day)
        for time in [3 * day, 3.5 * day, 4 * day - 0.001] {
            #expect(try fixture.value("kpi{kpi=\"aov\"}", at: time) == expected)
        }
        #expect(try fixture.value("kpi{kpi=\"aov\"}", at: 4 * day) != expected)
        #expect(try fixture.value("kpi{kpi=\"aov\",offset=\"-1\"}", at: 4 * day) == expected)
        #expect(
            try fixture.value("kpi{kpi=\"conversion\"}", at: day)
                == 100 * sum("orders", 0, 14 * day) / sum("visits", 0, 14 * day)
        )
        #expect(try fixture.value("kpi{kpi=\"conversion\",period=\"month\"}", at: day) != nil)
        #expect(
            try fixture.value("kpi_numerator{kpi=\"aov\"}", at: 3 * day) == sum("revenue", 3 * day, 4 * day)
        )
        #expect(
            try fixture.value("kpi_denominator{kpi=\"aov\"}", at: 3 * day) == sum("orders", 3 * day, 4 * day)
        )
        #expect(try fixture.values("kpi_numerator{kpi=\"total\"}", at: 3 * day) == [:])
    }

    @Test("carry the labels that the notes list, and those asked for")
    func labels() throws {
        fill()
        let fixture = try fixture()
        #expect(
            try fixture.values("kpi{kpi=~\"aov|total\"}", at: SeriesTests.day).keys.sorted() == [
                "kpi{kpi=\"aov\", period=\"day\", tz=\"UTC\", unit=\"eur\"}",
                "kpi{kpi=\"total\", period=\"day\", tz=\"UTC\"}",
            ]
        )
        let asked =
            "kpi{kpi=\"aov\",by=\"country\",offset=\"-1\",state=\"final\",version=\"1\",tz=\"Asia/Kathmandu\",period=\"week\"}"
        #expect(
            try fixture.values(asked, at: 20 * SeriesTests.day).keys.sorted().first
                == "kpi{by=\"country\", country=\"AT\", kpi=\"aov\", offset=\"-1\", period=\"week\", "
                + "state=\"final\", tz=\"Asia/Kathmandu\", unit=\"eur\", version=\"1\"}"
        )
        #expect(
            try fixture.values("kpi{kpi=\"aov\",window=\"7 days\"}", at: 9 * SeriesTests.day).keys.first
                == "kpi{kpi=\"aov\", tz=\"UTC\", unit=\"eur\", window=\"7 days\"}"
        )
        #expect(try fixture.values("kpi{kpi=\"aov\",by=\"country\",country=\"CH\"}", at: 0).count == 1)
        #expect(
            try fixture.values("kpi{kpi=\"old_total\"}", at: 0).keys.first?.contains("kpi=\"total\"") == true
        )
        #expect(try fixture.values("kpi{kpi!=\"aov\",unit=\"percentage\"}", at: 0).count == 1)
    }

    @Test("windows are elapsed time widened to five minutes, or local dates")
    func windows() throws {
        fill()
        let fixture = try fixture()
        let day = SeriesTests.day
        #expect(
            try fixture.value("kpi{kpi=\"total\",window=\"1d\"}", at: 5 * day + 100)
                == sum("revenue", 4 * day, 5 * day + 300)
        )
        #expect(
            try fixture.value("kpi{kpi=\"total\",window=\"86400s\"}", at: 5 * day)
                == sum("revenue", 4 * day, 5 * day)
        )
        #expect(
            try fixture.value("kpi{kpi=\"total\",window=\"2 days\"}", at: 5 * day)
                == sum("revenue", 4 * day, 6 * day)
        )
        #expect(
            try fixture.value("kpi{kpi=\"total\",window=\"2 days\",offset=\"-1\"}", at: 5 * day)
                == sum("revenue", 2 * day, 4 * day)
        )
    }

    @Test("1,000 random windows are what a recount of the samples gives")
    func randomWindows() throws {
        fill()
        let fixture = try fixture()
        var chance = SplitMix(seed: 21)
        for _ in 0..<1000 {
            let end = Double(chance.below(Int(31 * SeriesTests.day)))
            let length = 300 + Double(chance.below(Int(20 * SeriesTests.day)))
            let from = ((end - length) / 300).rounded(.down) * 300
            let to = (end / 300).rounded(.up) * 300
            let value = try fixture.value("kpi{kpi=\"aov\",window=\"\(Int(length))s\"}", at: end)
            let (top, bottom) = (sum("revenue", from, to), sum("orders", from, to))
            // Without data, or without orders, there is no value.
            let isInside = to > 60 && from <= 359 * 7200 + 60
            #expect(value == (isInside && bottom != 0 ? top / bottom : nil))
        }
    }

    @Test("as a range vector there is one sample per period, at its start")
    func rangeVector() throws {
        fill()
        let fixture = try fixture()
        let day = SeriesTests.day
        guard case .matrix(let series) = try fixture.instant("kpi{kpi=\"total\"}[3d]", at: 5 * day).value
        else {
            Issue.record("no matrix")
            return
        }
        #expect(series.first?.column.timestamps == [3, 4, 5].map { Int64($0 * day * 1000) })
        #expect(try fixture.value("count_over_time(kpi{kpi=\"total\"}[3d])", at: 5 * day) == 3)
        #expect(
            try fixture.value("sum_over_time(kpi{kpi=\"total\"}[3d])", at: 5 * day)
                == sum("revenue", 3 * day, 6 * day)
        )
    }

    @Test("a function over a ratio carries an info, over a sum it does not")
    func infos() throws {
        fill()
        let fixture = try fixture()
        let time = 5 * SeriesTests.day
        for query in ["avg_over_time(kpi{kpi=\"aov\"}[3d])", "avg_over_time(kpi{kpi=\"aov\"}[3d:1d])"] {
            #expect(try fixture.instant(query, at: time).infos.count == 1)
        }
        #expect(try fixture.instant("avg_over_time(kpi{kpi=\"total\"}[3d])", at: time).infos == [])
        #expect(try fixture.instant("kpi{kpi=\"aov\"}", at: time).infos == [])
    }

    @Test("null is no sample, and the engine does not look further back")
    func nulls() throws {
        source.set("orders", ["country": "CH"], [(0, 1), (2 * SeriesTests.day, 1)])
        source.set("revenue", ["country": "CH"], [(0, 10), (2 * SeriesTests.day, 10)])
        let fixture = try fixture()
        let day = SeriesTests.day
        #expect(try fixture.value("kpi{kpi=\"aov\"}", at: day - 1) == 10)
        #expect(try fixture.value("kpi{kpi=\"aov\"}", at: day) == nil)
        let range = try Engine().range(
            Parser.parse("kpi{kpi=\"aov\"}"),
            start: Timestamp(millis: 86_390_000),
            end: Timestamp(millis: 86_410_000),
            stepMillis: 10_000,
            source: fixture.virtual,
            budget: .unlimited()
        )
        guard case .matrix(let series) = range.value else { return }
        #expect(series.first?.column.timestamps == [86_390_000])
    }

    @Test("state=\"final\" gives only what is final, with late data too")
    func states() async throws {
        fill()
        let fixture = try fixture(now: 29.99 * SeriesTests.day)
        let day = SeriesTests.day
        let query = "kpi{kpi=\"total\",state=\"final\"}"
        #expect(try fixture.value(query, at: 28.5 * day) != nil)
        #expect(try fixture.value(query, at: 29.9 * day) == nil)
        #expect(try fixture.value("kpi{kpi=\"total\",offset=\"-1\",state=\"final\"}", at: 29.9 * day) != nil)
        #expect(try fixture.value("kpi{kpi=\"total\",state=\"open\"}", at: 29.9 * day) != nil)
        #expect(try fixture.value("kpi_complete{kpi=\"total\"}", at: 28.5 * day) == 1)
        #expect(try fixture.value("kpi_complete{kpi=\"total\"}", at: 29.9 * day) == 0)

        // A late sample, 20 days old.
        let revised = "kpi{kpi=\"total\",state=\"revised\"}"
        #expect(try fixture.value(revised, at: 9.5 * day) == nil)
        let before = try #require(try fixture.value("kpi{kpi=\"total\"}", at: 9.5 * day))
        let sink = KPISink(MemorySink(source: source), fixture.service, registry: Registry())
        var batch = SampleBatch()
        batch.append(
            Labels(["__name__": "revenue", "country": "CH"]),
            Timestamp(millis: Int64(9.7 * day * 1000)),
            1000
        )
        _ = try await sink.append(batch)
        #expect(try fixture.value(revised, at: 9.5 * day) == before + 1000)
        #expect(try fixture.value(query, at: 9.5 * day) == before + 1000)
        #expect(try fixture.value(revised, at: 8.5 * day) == nil)
        #expect(try fixture.value("kpi_revisions_total{kpi=\"total\"}", at: 29.9 * day) == 1)
        #expect(try fixture.value("kpi_revisions_total{kpi=\"conversion\"}", at: 29.9 * day) == 0)
    }

    @Test("samples under virtual names are stored with another name")
    func renaming() async throws {
        let fixture = try fixture()
        let registry = Registry()
        let sink = KPISink(MemorySink(source: source), fixture.service, registry: registry)
        var batch = SampleBatch()
        let names = [
            "kpi_numerator", "kpi_denominator", "kpi_complete", "kpi_status", "kpi_info", "kpi_target",
            "kpi_watermark_timestamp_seconds", "kpi_revisions_total",
        ]
        for name in ["kpi", "kpi_funnel_x", "kpi:mine", "kpis", "up"] + names {
            batch.append(Labels(["__name__": name, "A": "b"]), Timestamp(millis: 1000), 3)
            batch.append(Labels(["__name__": name, "z": "b"]), Timestamp(millis: 1000), 3)
        }
        _ = try await sink.append(batch)
        // As a client spells them: read only where it must be.
        let spelled = SampleBatch(
            labelBytes: batch.labelBytes,
            spelling: ClientSpelling(),
            series: batch.series,
            timestamps: batch.timestamps.map { $0 + 1000 },
            values: batch.values
        )
        _ = try await sink.append(spelled)
        let stored = try source.labelValues(Labels.metricName, LabelRequest(), budget: .unlimited()).items
        #expect(
            stored
                == (["exported_kpi", "exported_kpi_funnel_x", "kpi:mine", "kpis", "up"]
                + names.map { "exported_\($0)" }).sorted()
        )
        var page: [UInt8] = []
        registry.render(into: &page)
        #expect(String(decoding: page, as: UTF8.self).contains("sextant_kpi_samples_renamed_total 40\n"))
    }

    @Test(
        "what cannot be asked is refused by name",
        arguments: [
            ("kpi{kpi=\"aow\"}", "\"aov\""), ("kpi{period=~\"day\"}", "period"), ("kpi{tz!=\"UTC\"}", "tz"),
            ("kpi{kpi=\"aov\",period=\"fortnight\"}", "fortnight"),
            ("kpi{tz=\"Europe/Zurick\"}", "Europe/Zurich"),
            ("kpi{window=\"7 weeks\"}", "7 weeks"), ("kpi{window=\"7d\",period=\"day\"}", "exclude"),
            ("kpi{kpi=\"aov\",by=\"city\"}", "city"), ("kpi{state=\"done\"}", "done"),
            ("kpi{version=\"9\"}", "no version 9"), ("kpi{offset=\"one\"}", "one"),
            ("kpi{group=\"a\"}", "group"), ("kpi{window=~\"7d\"}", "window"),
            ("kpi{offset!=\"-1\"}", "offset"),
            ("kpi{state=~\"final\"}", "state"), ("kpi{version!~\"1\"}", "version"),
            ("kpi{by=~\"l.*\"}", "by"),
            ("kpi{group=~\"a\"}", "group"),
            ("kpi_funnel_users{funnel=\"shap\"}", "\"shop\""), ("kpi_funnel_users{by=\"country\"}", "by"),
        ]
    )
    func refusals(query: String, words: String) throws {
        let fixture = try fixture()
        do {
            _ = try fixture.instant(query, at: 0)
            Issue.record("\(query) was answered")
        } catch let error as PromQLError {
            guard case .source(.badMatcher(let message)) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(message.contains(words), "\(message)")
        }
    }

    @Test("facts about KPIs and metrics are series, too")
    func facts() throws {
        fill()
        let fixture = try fixture()
        #expect(
            try fixture.values("kpi_info{kpi=\"aov\"}", at: 0)
                == ["kpi_info{kpi=\"aov\", owner=\"o\", type=\"ratio\", unit=\"eur\", version=\"1\"}": 1]
        )
        #expect(try fixture.value("kpi_target", at: 0) == 5)
        #expect(
            try fixture.value("kpi_watermark_timestamp_seconds{source=\"visits\"}", at: 0) == 359 * 7200 + 60
        )
        #expect(
            try fixture.values("kpi_status{status=\"missing_data\"}", at: 40 * SeriesTests.day).count == 2
        )
        #expect(try fixture.values("kpi_status{status=\"ok\"}", at: 30 * SeriesTests.day).count == 3)
    }

    @Test("funnels have counts and conversions for each step")
    func funnels() throws {
        fill()
        let fixture = try fixture()
        let day = SeriesTests.day
        let found = try fixture.values("kpi_funnel_conversion_percent{period=\"sprint\"}", at: day)
        let expected = 100 * sum("orders", 0, 14 * day) / sum("visits", 0, 14 * day)
        #expect(
            found == [
                "kpi_funnel_conversion_percent{from=\"first\", funnel=\"shop\", period=\"sprint\", step=\"orders\", tz=\"UTC\"}":
                    expected,
                "kpi_funnel_conversion_percent{from=\"first\", funnel=\"shop\", period=\"sprint\", step=\"visits\", tz=\"UTC\"}":
                    100,
                "kpi_funnel_conversion_percent{from=\"previous\", funnel=\"shop\", period=\"sprint\", step=\"orders\", tz=\"UTC\"}":
                    expected,
            ]
        )
        #expect(try fixture.value("kpi_funnel_users{step=\"visits\",window=\"1d\"}", at: 2 * day) == 1200)
    }

    @Test("what selects everything does not compute KPIs; label APIs tell of them")
    func listing() throws {
        source.set("up", [:], [(0, 1)])
        let virtual = try fixture().virtual
        let budget = QueryBudget.unlimited()
        let everything = SelectRequest(matchers: [Matcher(Labels.metricName, .regex, ".+")], range: .all)
        #expect(try virtual.select(everything, budget: budget).count == 1)
        #expect(
            try virtual.labelValues("kpi", LabelRequest(), budget: budget).items == [
                "aov", "conversion", "total",
            ]
        )
        let names = try virtual.labelValues(Labels.metricName, LabelRequest(), budget: budget).items
        #expect(names.contains("kpi") && names.contains("up"))
        let selection = LabelRequest(selections: [
            [Matcher(Labels.metricName, .equal, "kpi"), Matcher("kpi", .equal, "aov")]
        ])
        #expect(
            try virtual.series(selection, budget: budget).items.map(\.description) == [
                "kpi{kpi=\"aov\", period=\"day\", tz=\"UTC\", unit=\"eur\"}",
                "kpi{kpi=\"aov\", period=\"week\", tz=\"UTC\", unit=\"eur\"}",
            ]
        )
        #expect(try virtual.labelValues("period", selection, budget: budget).items.contains("sprint"))
        #expect(try virtual.labelNames(selection, budget: budget).items.contains("window"))
        #expect(virtual.metadata(of: "kpi").count == 1)
    }

    @Test("an old version answers by its own definition and metrics, over all history")
    func versions() throws {
        fill()
        let fixture = try fixture()
        let day = SeriesTests.day
        let before = try fixture.value("kpi{kpi=\"aov\"}", at: 3 * day)
        fixture.service.replace(
            by: try DefinitionTests.load(
                SeriesTests.text.replacing(
                    "{samples: orders}",
                    with: "{samples: visits, }".replacing(", ", with: "")
                )
                .replacing(
                    "{name: visits, from: {samples: visits}}",
                    with: "{name: visits, from: {gauge: visits}}"
                )
            )
        )
        let now = try fixture.value("kpi{kpi=\"aov\"}", at: 3 * day)
        #expect(now == (sum("revenue", 3 * day, 4 * day) / sum("visits", 3 * day, 4 * day)))
        #expect(try fixture.value("kpi{kpi=\"aov\",version=\"1\"}", at: 3 * day) == before)
        #expect(try fixture.value("kpi{kpi=\"aov\",version=\"2\"}", at: 3 * day) == now)
        #expect(try fixture.values("kpi_info{kpi=\"aov\",version=\"2\"}", at: 0).count == 1)
        #expect(try fixture.values("kpi_info{kpi=\"total\",version=\"1\"}", at: 0).count == 1)
    }
}

/// Packed labels that are not known to be.
final class ClientSpelling: LabelSpelling {
    func isEqual(_ spelled: UnsafeRawBufferPointer, packed: UnsafeRawBufferPointer) -> Bool { false }

    func labels(_ spelled: UnsafeRawBufferPointer) -> Labels { unsafe Labels(trusted: Array(spelled)) }
}

/// Writes into a `MemorySource`.
struct MemorySink: SampleSink {
    let source: MemorySource

    func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        for (index, series) in batch.series.enumerated() {
            for sample in series.samples {
                source.set(
                    batch.labels(at: index),
                    [(Double(batch.timestamps[sample]) / 1000, batch.values[sample])]
                )
            }
        }
        return StagedWrite(AppendOutcome(storedSampleCount: batch.sampleCount))
    }
}
