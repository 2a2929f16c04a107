import Model
import PromQL
import Storage

/// What a sample costs from the segment to the answer of a query, on one thread.
///
/// The first evaluation decodes all columns, later ones find those that the store keeps.
enum EvaluationBenchmark: Benchmark {
    static let name = "evaluation"
    static let summary = "queries over 400 days of 2,000 counters, CPU time per sample read"

    /// How often each query runs; the fastest time counts.
    private static let passCount = 5

    private struct Case {
        var title: String
        var text: String
        /// The distance of steps in hours; nil for an instant query.
        var stepHours: Int64?
        var boundNanos: Double
    }

    private static let cases = [
        Case(
            title: "sum_over_time, one window",
            text: "sum(sum_over_time(\(selector)[400d]))",
            boundNanos: 5
        ),
        Case(
            title: "sum_over_time, days",
            text: "sum(sum_over_time(\(selector)[1d]))",
            stepHours: 24,
            boundNanos: 6
        ),
        Case(title: "rate, one window", text: "sum(rate(\(selector)[400d]))", boundNanos: 7),
        Case(title: "rate, days", text: "sum(rate(\(selector)[1d]))", stepHours: 24, boundNanos: 9),
        Case(
            title: "rate, days, each hour",
            text: "sum by (instance) (rate(\(selector)[1d]))",
            stepHours: 1,
            boundNanos: 30
        ),
        Case(
            title: "rate, windows of 20 samples, one for every 4",
            text: "sum by (instance) (rate(\(selector)[10h]))",
            stepHours: 2,
            boundNanos: 9
        ),
        Case(
            title: "increase, windows of 12 samples, end to end",
            text: "sum by (instance) (increase(\(selector)[6h]))",
            stepHours: 6,
            boundNanos: 9
        ),
    ]
    private static let selector = "{__name__=~\"shop_events_1._total\"}"

    static func run() async throws -> [Figure] {
        let shop = try await SampleShop(hasRollups: false)
        var figures: [Figure] = []
        for item in cases {
            let expr = try Parser.parse(item.text)
            var fastest = Double.infinity
            for _ in 0..<passCount {
                let budget = QueryBudget.unlimited()
                let (seconds, _) = try CPUTime.measure {
                    try answer(expr, item, shop, budget)
                }
                fastest = min(fastest, seconds * 1e9 / Double(budget.scannedSampleCount))
            }
            figures.append(
                Figure(title: item.title, value: fastest, unit: "ns per sample", bound: item.boundNanos)
            )
        }
        return figures
    }

    private static func answer(_ expr: Expr, _ item: Case, _ shop: SampleShop, _ budget: QueryBudget) throws
        -> QueryAnswer
    {
        let end = shop.now.advanced(byMillis: -1000)
        guard let stepHours = item.stepHours else {
            return try Engine().instant(expr, at: end, source: shop.store, budget: budget)
        }
        return try Engine().range(
            expr,
            start: Timestamp(millis: SampleShop.start + 86_400_000),
            end: end,
            stepMillis: stepHours * 3_600_000,
            source: shop.store,
            budget: budget
        )
    }
}
