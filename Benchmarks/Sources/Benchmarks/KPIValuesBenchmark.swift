import KPI
import Model

/// A report over everything: what one sample costs that is read for it.
enum KPIValuesBenchmark: Benchmark {
    static let name = "kpi-values"
    static let summary = "200 KPIs by day over 400 days of 2,000 series, nothing remembered or rolled up"

    static func run() async throws -> [Figure] {
        let shop = try await SampleShop(hasRollups: false)
        let now = shop.now
        let definitions = try SampleShop.definitions(kpiCount: 200)
        var best = Double.infinity
        var read = 0
        for _ in 0..<3 {
            let service = KPIService(definitions: definitions, source: RawAggregates(source: shop.store)) {
                now
            }
            var request = ReportRequest()
            request.period = "day"
            request.end = now.millis
            let budget = QueryBudget.unlimited()
            let (seconds, report) = try CPUTime.measure { try service.report(request, budget: budget) }
            precondition(report.entries.count == 200 && report.frames.buckets.count == SampleShop.dayCount)
            read = budget.scannedSampleCount
            best = min(best, seconds)
        }
        return [
            Figure(title: "samples stored", value: Double(shop.sampleCount), unit: "samples"),
            Figure(
                title: "samples read per sample stored",
                value: Double(read) / Double(shop.sampleCount),
                unit: "",
                bound: 1.02
            ),
            Figure(
                title: "CPU time per sample read",
                value: best * 1e9 / Double(read),
                unit: "ns",
                bound: 8
            ),
        ]
    }
}
