import Foundation
import Model
import Telemetry
import Testing

@testable import KPI

@Suite("Late data of KPIs") struct LateDataTests {
    private static let day: Int64 = 86_400_000
    private static let text = """
        kpi_version: 1
        defaults: {lateness: 1h}
        metrics:
          - {name: revenue, from: {samples: revenue}}
          - {name: orders, from: {samples: 'orders{test!="1"}'}}
        kpis:
          - {name: income, type: simple, metric: revenue}
          - {name: aov, type: ratio, numerator: revenue, denominator: orders}
        """

    private let source = MemorySource()

    private func service(_ record: Revisions.Record = Revisions.Record()) throws -> KPIService {
        KPIService(
            definitions: try DefinitionTests.load(LateDataTests.text),
            revisions: record,
            source: RawAggregates(source: source)
        ) { Timestamp(millis: 30 * LateDataTests.day) }
    }

    private func write(_ service: KPIService, _ name: String, days: [Double]) async throws {
        let sink = KPISink(MemorySink(source: source), service, registry: Registry())
        var batch = SampleBatch()
        for day in days {
            let millis = Int64(day * Double(LateDataTests.day))
            batch.append(Labels(["__name__": name]), Timestamp(millis: millis), 1)
        }
        _ = try await sink.append(batch)
    }

    private func counts(_ service: KPIService) -> [Int] {
        service.settleLateData()
        return ["income", "aov"].map(service.revisions.count)
    }

    private func isRevised(_ service: KPIService, _ metric: String, day: Int64) -> Bool {
        service.settleLateData()
        let range = Bucket(start: day * LateDataTests.day, end: (day + 1) * LateDataTests.day)
        return service.revisions.isRevised([metric], range, latenessMillis: 3_600_000)
    }

    @Test("history that is written in its order is not late, in one write or in many")
    func history() async throws {
        let service = try service()
        try await write(service, "revenue", days: [1.5, 2.5, 3.5])
        for day in stride(from: 4.5, to: 20, by: 1) { try await write(service, "revenue", days: [day]) }
        #expect(counts(service) == [0, 0])
        try await write(service, "revenue", days: [21])
        #expect(counts(service) == [0, 0])
        #expect(!isRevised(service, "revenue", day: 3))
    }

    @Test("a sample behind a newer one is late, whether somebody has looked in between or not")
    func order() async throws {
        let service = try service()
        for looks in [false, true] {
            try await write(service, "revenue", days: [looks ? 20 : 10])
            if looks { _ = counts(service) }
            try await write(service, "revenue", days: [looks ? 15.5 : 5.5])
            #expect(counts(service) == (looks ? [2, 2] : [1, 1]))
        }
        #expect(isRevised(service, "revenue", day: 5))
        #expect(isRevised(service, "revenue", day: 15))
        #expect(!isRevised(service, "revenue", day: 6))
        #expect(!isRevised(service, "orders", day: 5))
    }

    @Test("what comes into a period that was not final then does not revise it")
    func unfinished() async throws {
        let service = try service()
        try await write(service, "revenue", days: [10.02])
        try await write(service, "revenue", days: [9.5])
        #expect(counts(service) == [0, 0])
        #expect(!isRevised(service, "revenue", day: 9))
    }

    @Test("what is known of late data outlasts a restart")
    func restart() async throws {
        let service = try service()
        try await write(service, "orders", days: [20])
        try await write(service, "orders", days: [3.5, 7.25, 7.5])
        #expect(counts(service) == [0, 1])
        let kept = try JSONEncoder().encode(service.revisions.record)
        let again = try self.service(JSONDecoder().decode(Revisions.Record.self, from: kept))
        #expect(counts(again) == [0, 1])
        for day in 0..<10 {
            #expect(isRevised(again, "orders", day: Int64(day)) == [3, 7].contains(day))
        }
        try await write(again, "orders", days: [5.5])
        #expect(counts(again) == [0, 2])
    }

    @Test("so many writes wait that somebody has to look")
    func backpressure() {
        let batches = LateBatches()
        var batch = SampleBatch()
        batch.beginSeries(packed: Labels(["__name__": "x"]).packed)
        for time in 0..<1_000_000 { batch.append(millis: Int64(time), value: 0) }
        let entry = LateBatches.Entry(batch: batch, limit: 0)
        #expect([batches.add(entry), batches.add(entry), batches.add(entry)] == [true, true, false])
        #expect(batches.take().count == 3)
        #expect(batches.take().isEmpty)
        #expect(batches.add(entry))
    }

    @Test("metrics of numbers over native histograms are told of; expressions may take them")
    func histograms() throws {
        for step in 0..<600 { source.set("latency", [:], [(Double(step) * 60, Double(step))]) }
        source.makeHistograms("latency")
        let text = """
            kpi_version: 1
            metrics:
              - {name: wrong, from: {counter: latency}}
              - {name: requests, from: {promql: 'sum(histogram_count(increase(latency[5m])))'}}
              - {name: raw, from: {promql: 'latency'}}
            kpis:
              - {name: wrong_kpi, type: simple, metric: wrong}
              - {name: requests_kpi, type: simple, metric: requests}
              - {name: raw_kpi, type: simple, metric: raw}
            """
        let service = KPIService(
            definitions: try DefinitionTests.load(text),
            source: RawAggregates(source: source)
        ) { Timestamp(millis: 36_000_000) }
        var request = ReportRequest()
        request.period = "hour"
        request.start = 3_600_000
        request.end = 7_200_000
        let report = try service.report(request, budget: .unlimited())
        let values = report.entries.map { $0.row.values[0] }
        #expect(values[0] == nil && values[2] == nil)
        #expect(((values[1] ?? 0) - 60).magnitude < 0.5)
        #expect(report.warnings.filter { $0.contains("native histograms") }.count == 1)
        let status = try service.statusReport([], budget: .unlimited())
        #expect(status.entries.map(\.status) == [.missingConfig, .ok, .ok])
        #expect(status.warnings.first?.contains("histogram_count()") == true)
    }

    @Test(
        "an expression is known to look ahead, or to be about a fixed time",
        arguments: [
            ("sum(rate(x[5m]))", 0), ("x offset 1h", 0), ("x offset -1h", 3_600_000),
            ("max_over_time((x offset -10m)[1h:1m] offset -5m)", 900_000),
            ("max_over_time((x offset -10m)[1h:1m] offset 20m)", 0), ("x + x @ 100", nil),
            ("sum_over_time(x[1h] @ end())", nil), ("x offset (-1h * 2)", nil),
        ] as [(String, Int64?)]
    )
    func leads(_ text: String, _ lead: Int64?) throws {
        let file = "kpi_version: 1\nmetrics:\n  - {name: m, from: {promql: \(LabelText.quoted(text))}}\n"
        #expect(try DefinitionTests.load(file).metrics.first?.leadMillis == lead)
    }
}
