import KPI
import Model
import PromQL

/// A report over everything, from states of days instead of samples: what lies above the source.
enum KPIStatesBenchmark: Benchmark {
    static let name = "kpi-states"
    static let summary = "200 KPIs by day over 400 days of 2,000 series, from states of days, after a start"

    static func run() async throws -> [Figure] {
        let source = DayStates()
        let now = Timestamp(millis: source.end)
        let definitions = try SampleShop.definitions(kpiCount: 200)
        var report = Double.infinity
        var query = Double.infinity
        for _ in 0..<5 {
            let service = KPIService(definitions: definitions, source: RawAggregates(source: source)) { now }
            var request = ReportRequest()
            request.period = "day"
            request.end = now.millis
            report = min(
                report,
                try above(source) {
                    let budget = QueryBudget.unlimited()
                    let answer = try service.report(request, budget: budget)
                    precondition(answer.entries.count == 200)
                    precondition(answer.frames.buckets.count == SampleShop.dayCount)
                    // The newest samples are looked for among the samples.
                    precondition(budget.scannedSampleCount < 20 * 2000, "BUG: samples were read")
                }
            )
            let expr = try Parser.parse("sum by (job) (increase({__name__=\"shop_events_7_total\"}[1d]))")
            query = min(
                query,
                try above(source) {
                    let budget = QueryBudget.unlimited()
                    _ = try Engine().range(
                        expr,
                        start: Timestamp(millis: SampleShop.start + RollupLevel.day.millis),
                        end: now,
                        stepMillis: RollupLevel.day.millis,
                        source: source,
                        budget: budget
                    )
                    precondition(budget.scannedSampleCount == 0, "BUG: samples were read")
                }
            )
        }
        let windows = Double(SampleShop.seriesPerMetric * SampleShop.dayCount)
        return [
            Figure(title: "the report, without the source", value: report * 1e3, unit: "ms CPU", bound: 100),
            Figure(title: "increase() per range", value: query * 1e9 / windows, unit: "ns CPU", bound: 100),
        ]
    }

    /// The CPU time that `body` takes outside of the source, in seconds.
    private static func above(_ source: DayStates, _ body: () throws -> Void) rethrows -> Double {
        let before = source.seconds
        let (seconds, _) = try CPUTime.measure(body)
        return seconds - (source.seconds - before)
    }
}
