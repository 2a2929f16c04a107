import Model

extension KPIService {
    /// The newest sample of a metric; the smallest time if there is none or it cannot be read.
    func watermark(of metric: MetricDefinition) -> Int64 {
        let budget = QueryBudget(timeLimitMillis: 5000)
        let extent = try? source.extent(of: metric.source.selectors, now: now.millis, budget: budget)
        return extent?.newest ?? .min
    }

    /// Notes samples that were stored before the watermark of a metric, in these 5-minute buckets.
    func noteLate(_ metric: String, _ buckets: Set<Int64>, watermark: Int64) {
        revisions.note(metric, buckets: buckets, watermark: watermark)
        let definitions = versions.current
        for kpi in definitions.kpis {
            guard definitions.metricNames(behind: kpi).contains(where: { ByteText($0) == ByteText(metric) })
            else { continue }
            let isFinal = buckets.contains { bucket in
                let end = kpi.calendar.bucket(kpi.defaultPeriod, containing: bucket).end
                return end + kpi.latenessMillis <= watermark
            }
            if isFinal { revisions.count(kpi.name) }
        }
    }
}
