import Model
import Synchronization

/// Which final periods late data have changed, since the daemon's start.
package final class Revisions: Sendable {
    /// The most buckets that are remembered for one metric.
    private static let bucketLimit = 200_000

    private struct State {
        /// By metric and 5-minute bucket: the metric's watermark when a late sample arrived there.
        var watermarks: [ByteText: [Int64: Int64]] = [:]
        var counts: [ByteText: Int] = [:]
    }

    private let state = Mutex(State())

    init() {}

    /// Notes that samples of a metric arrived in these 5-minute buckets, when its watermark was `watermark`.
    func note(_ metric: String, buckets: Set<Int64>, watermark: Int64) {
        state.withLock { state in
            var known = state.watermarks[ByteText(metric)] ?? [:]
            if known.count + buckets.count > Revisions.bucketLimit { known = [:] }
            for bucket in buckets { known[bucket] = max(known[bucket] ?? .min, watermark) }
            state.watermarks[ByteText(metric)] = known
        }
    }

    /// Notes that late data changed final periods of a KPI.
    func count(_ kpi: String) {
        state.withLock { $0.counts[ByteText(kpi), default: 0] += 1 }
    }

    /// How often late data changed final periods of a KPI.
    package func count(of kpi: String) -> Int { state.withLock { $0.counts[ByteText(kpi)] ?? 0 } }

    /// Whether late data of one of the metrics came into a range that was final by then.
    package func isRevised(_ metrics: [String], _ range: Bucket, latenessMillis: Int64) -> Bool {
        let (finalAt, overflow) = range.end.addingReportingOverflow(latenessMillis)
        guard !overflow else { return false }
        return state.withLock { state in
            guard !state.watermarks.isEmpty else { return false }
            return metrics.contains { metric in
                guard let known = state.watermarks[ByteText(metric)] else { return false }
                return known.contains { range.contains($0.key) && $0.value >= finalAt }
            }
        }
    }
}
