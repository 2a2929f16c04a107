import KPI
import Model

/// A report over everything from a store that was just opened: what is on disk are samples and days.
enum KPIRestartBenchmark: Benchmark {
    static let name = "kpi-restart"
    static let summary =
        "200 KPIs by day over 400 days of 2,000 series (a sample every 15 min), from days on disk after a start"

    static func run() async throws -> [Figure] {
        let shop = try await SampleShop(stepMillis: 900_000)
        let definitions = try SampleShop.definitions(kpiCount: 200)
        var (first, second) = (Double.infinity, Double.infinity)
        var values: [[Double?]] = []
        for _ in 0..<5 {
            try shop.reopen()
            let service = service(shop, definitions, shop.store)
            let report = try CPUTime.measure { try self.values(of: service, shop, isOfDays: true) }
            (first, values) = (min(first, report.seconds), report.value)
            second = min(
                second,
                try CPUTime.measure { try self.values(of: service, shop, isOfDays: true) }.seconds
            )
        }
        let samples = service(shop, definitions, SamplesOnly(base: shop.store))
        let (raw, expected) = try CPUTime.measure { try self.values(of: samples, shop, isOfDays: false) }
        precondition(values == expected, "BUG: days give other values than their samples")
        return [
            Figure(title: "samples stored", value: Double(shop.sampleCount), unit: "samples"),
            Figure(title: "the first report after a start", value: first * 1e3, unit: "ms CPU", bound: 100),
            Figure(title: "the second one", value: second * 1e3, unit: "ms CPU"),
            Figure(title: "the same report from samples", value: raw * 1e3, unit: "ms CPU"),
        ]
    }

    private static func service(_ shop: SampleShop, _ definitions: KPIDefinitions, _ source: any SeriesSource)
        -> KPIService
    {
        let now = shop.now
        return KPIService(definitions: definitions, source: RawAggregates(source: source)) { now }
    }

    /// The values of all KPIs by day.
    private static func values(of service: KPIService, _ shop: SampleShop, isOfDays: Bool) throws
        -> [[Double?]]
    {
        var request = ReportRequest()
        request.period = "day"
        request.end = shop.now.millis
        let budget = QueryBudget.unlimited()
        let report = try service.report(request, budget: budget)
        precondition(report.entries.count == 200 && report.frames.buckets.count == SampleShop.dayCount)
        // The newest samples are looked for among the samples.
        precondition(!isOfDays || budget.scannedSampleCount < 20 * 2000, "BUG: samples were read")
        return report.entries.map(\.row.values)
    }
}
