import Model
import PromQL
import Storage

/// What a sample costs from the segment to the answer of a query, on one thread, where no rollup stands for it.
///
/// The first evaluation decodes all columns, and is for information. Of the later ones, which find some of
/// them kept, the fastest is held to the bound: what a query that is asked now and then costs.
enum EvaluationBenchmark: Benchmark {
    static let name = "evaluation"
    static let summary = "queries over 400 days of 2,000 counters, CPU time per sample read"

    /// How often each query runs again.
    private static let passCount = 4

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
            boundNanos: 5
        ),
        Case(title: "rate, one window", text: "sum(rate(\(selector)[400d]))", boundNanos: 9),
        Case(title: "rate, days", text: "sum(rate(\(selector)[1d]))", stepHours: 24, boundNanos: 9),
        Case(
            title: "rate, days, each hour",
            text: "sum by (instance) (rate(\(selector)[1d]))",
            stepHours: 1,
            boundNanos: 15
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
            let first = try nanos(expr, item, shop)
            var fastest = first
            for _ in 0..<passCount { fastest = min(fastest, try nanos(expr, item, shop)) }
            let unit = "ns per sample"
            figures.append(Figure(title: item.title + ", first", value: first, unit: unit))
            figures.append(Figure(title: item.title, value: fastest, unit: unit, bound: item.boundNanos))
        }
        return figures
    }

    /// What one evaluation costs per sample that it reads.
    private static func nanos(_ expr: Expr, _ item: Case, _ shop: SampleShop) throws -> Double {
        let budget = QueryBudget.unlimited()
        let (seconds, _) = try CPUTime.measure { try answer(expr, item, shop, budget) }
        precondition(budget.scannedSampleCount > 0, "BUG: \(item.title) reads no samples")
        return seconds * 1e9 / Double(budget.scannedSampleCount)
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
