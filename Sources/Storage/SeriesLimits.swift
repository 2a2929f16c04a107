import Model

/// How many series were created in the minute that runs.
struct NewSeriesCount: Sendable {
    /// The minute since the epoch.
    var minute: Int64 = 0
    /// The series created in it.
    var count = 0

    /// Begins to count again if another minute has begun.
    mutating func advance(to now: Timestamp) {
        let current = now.millis / 60_000
        if current != minute { self = NewSeriesCount(minute: current) }
    }
}

extension Store.State {
    /// The limit that a new series with these labels would exceed, or nil.
    ///
    /// Series are counted in the head and in the one before, of which the larger number counts: so known
    /// series find their place again in a new head. A limit of 0 is none.
    mutating func limitOnNewSeries(_ labels: Labels, _ limits: Limits, _ now: Timestamp) -> String? {
        newSeries.advance(to: now)
        let count = max(head.seriesCount, head.previousSeriesCount)
        if limits.seriesActive > 0, count >= limits.seriesActive {
            return "series_active (\(limits.seriesActive))"
        }
        if limits.seriesCreatedPerMinute > 0, newSeries.count >= limits.seriesCreatedPerMinute {
            return "series_created_per_minute (\(limits.seriesCreatedPerMinute))"
        }
        if limits.seriesPerMetric > 0, let name = labels.metricName,
            head.seriesCount(ofMetric: name) >= limits.seriesPerMetric
        {
            return "series_per_metric (\(limits.seriesPerMetric))"
        }
        return nil
    }
}
