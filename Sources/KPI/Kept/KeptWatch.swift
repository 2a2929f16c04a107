import Matching
import Model
import PromQL

/// The metrics whose values are kept, and to which of their buckets a write makes a difference.
struct KeptWatch: Sendable {
    /// A metric with the matchers of one of its selectors.
    private struct Reader: Sendable {
        var series: KeptSeries
        var span: ExpressionSpan
        var matchers: [CompiledMatcher]
    }

    private var byName: [ByteText: [Reader]] = [:]
    private var others: [Reader] = []
    /// How far the samples lie that each metric reads.
    private(set) var spans: [KeptSeries: ExpressionSpan] = [:]

    /// Those of `metrics` whose values can be kept.
    init(_ metrics: [MetricDefinition], _ options: EngineOptions) {
        for metric in metrics {
            guard case .promql(let expression) = metric.source,
                let span = ExpressionSpan(expression.expr, options)
            else { continue }
            let series = KeptSeries(metric, options)
            guard spans.updateValue(span, forKey: series) == nil else { continue }
            for selector in expression.selectors {
                // The parser has tried them; what is longer than this allows (`regex_bytes` may allow more)
                // counts as everything of its name: doubting too much is safe.
                let matchers = (try? CompiledMatcher.compile(selector.matchers)) ?? []
                let reader = Reader(series: series, span: span, matchers: matchers)
                let name = selector.matchers.first { $0.name == Labels.metricName && $0.kind == .equal }
                if let name {
                    byName[ByteText(name.value), default: []].append(reader)
                } else {
                    others.append(reader)
                }
            }
        }
    }

    /// The buckets that samples of `batch` before `limit` may change, by metric.
    func affected(by batch: SampleBatch, before limit: Int64) -> [KeptSeries: BucketRanges] {
        var affected: [KeptSeries: BucketRanges] = [:]
        guard !spans.isEmpty else { return affected }
        for (index, series) in batch.series.enumerated() {
            let times = batch.timestamps[series.samples]
            guard times.contains(where: { $0 < limit }) else { continue }
            // Labels that cannot be are refused.
            guard let labels = try? batch.checkedLabels(at: index) else { continue }
            let named = labels.metricName.flatMap { byName[ByteText($0)] } ?? []
            for reader in named + others where reader.matchers.allSatisfy({ $0.matches(labels) }) {
                var ranges = affected.removeValue(forKey: reader.series) ?? BucketRanges()
                var last = 0..<Int64(0)
                for time in times where time < limit {
                    let range = reader.span.buckets(of: time)
                    if range != last { ranges.insert(range) }
                    last = range
                }
                affected[reader.series] = ranges
            }
        }
        return affected
    }

    /// The buckets that samples in `range` may change, by metric.
    func affected(by range: TimeRange) -> [KeptSeries: BucketRanges] {
        spans.mapValues { span in
            let (first, last) = (span.buckets(of: range.start.millis), span.buckets(of: range.end.millis))
            return BucketRanges(first.lowerBound..<max(first.lowerBound, last.upperBound))
        }
    }
}
