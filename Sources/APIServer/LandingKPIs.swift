import Model

/// The recorded KPIs as the page at `/` shows them.
struct LandingKPIs: Sendable {
    /// One series.
    struct Item: Sendable {
        var labels: Labels
        var value: Double
        var millis: Int64
        var course: Sparkline
    }

    /// The most series that are shown.
    static let itemLimit = 48
    /// How far back their course goes.
    private static let rangeMillis: Int64 = 24 * 3_600_000
    /// How many samples and how much time may be spent on them.
    private static let sampleLimit = 5_000_000
    private static let timeLimitMillis: Int64 = 2000

    /// The series, in label order.
    private(set) var items: [Item] = []
    /// How many more there are.
    private(set) var hiddenCount = 0
    /// From which distance on two points are not joined.
    private(set) var gapMillis: Int64

    /// Reads the KPIs of `backend` as they are at `now`.
    init(of backend: APIBackend, now: Timestamp) throws(SourceError) {
        let interval = backend.ruleGroups().map(\.intervalMillis).max() ?? 0
        gapMillis = 2 * min(max(interval, 60_000), LandingKPIs.rangeMillis)
        let budget = QueryBudget(
            sampleLimit: LandingKPIs.sampleLimit,
            timeLimitMillis: LandingKPIs.timeLimitMillis
        )
        let start = now.advanced(byMillis: -max(LandingKPIs.rangeMillis, gapMillis))
        let matcher = Matcher(Labels.metricName, .regex, "kpi:.+")
        let series = try backend.source.select(
            SelectRequest(matchers: [matcher], range: TimeRange(start, now)),
            budget: budget
        )
        var column = SampleColumn()
        for index in 0..<series.count {
            let labels = series.labels(at: index)
            guard backend.isRecorded(labels) else { continue }
            guard items.count < LandingKPIs.itemLimit else {
                hiddenCount += 1
                continue
            }
            try series.read(index, into: &column)
            guard let value = column.values.last, let millis = column.timestamps.last,
                !StaleMarker.matches(value)
            else { continue }
            let course = Sparkline(column, spanMillis: 60_000)
            items.append(Item(labels: labels, value: value, millis: millis, course: course))
        }
    }

    /// How many whole hours the drawings show: as many as the oldest sample is old, up to a day.
    func spanHours(at now: Timestamp) -> Int64 {
        let oldest = items.compactMap { $0.course.points.first?.millis }.min() ?? now.millis
        let (hours, rest) = max(0, now.millis - oldest).quotientAndRemainder(dividingBy: 3_600_000)
        return min(24, max(1, rest > 0 ? hours + 1 : hours))
    }
}
