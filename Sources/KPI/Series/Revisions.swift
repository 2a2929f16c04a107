import Model
import Synchronization

/// Which final periods late data have changed.
package final class Revisions: Sendable {
    /// The most buckets that are remembered for one metric.
    private static let bucketLimit = 200_000

    /// Late data of one metric: 5-minute buckets in which samples arrived, rising, each with the metric's
    /// watermark then.
    package struct Late: Codable, Hashable, Sendable {
        /// The starts of the buckets in milliseconds.
        fileprivate(set) var buckets: [Int64] = []
        /// The highest watermark at which samples arrived in each bucket.
        fileprivate(set) var watermarks: [Int64] = []

        /// Adds buckets that samples reached at a watermark.
        fileprivate mutating func add(_ late: Set<Int64>, _ watermark: Int64) {
            var merged = Late()
            var next = 0
            func copy(upTo bucket: Int64) {
                while next < buckets.count, buckets[next] < bucket {
                    merged.append(buckets[next], watermarks[next])
                    next += 1
                }
            }
            for bucket in late.sorted() {
                copy(upTo: bucket)
                var highest = watermark
                if next < buckets.count, buckets[next] == bucket {
                    highest = max(highest, watermarks[next])
                    next += 1
                }
                merged.append(bucket, highest)
            }
            copy(upTo: .max)
            self = merged
        }

        private mutating func append(_ bucket: Int64, _ watermark: Int64) {
            buckets.append(bucket)
            watermarks.append(watermark)
        }

        /// Whether samples came into the range at the watermark `finalAt` or later.
        fileprivate func contains(_ range: Bucket, finalAt: Int64) -> Bool {
            var index = SeriesFold.lowerBound(buckets.span, range.start, from: 0)
            while index < buckets.count, buckets[index] < range.end {
                if watermarks[index] >= finalAt { return true }
                index += 1
            }
            return false
        }
    }

    /// Everything that is remembered, to be kept over a restart.
    package struct Record: Codable, Hashable, Sendable {
        /// Late data by metric.
        package var late: [String: Late] = [:]
        /// How often late data have changed final periods, by KPI.
        package var counts: [String: Int] = [:]

        /// Nothing.
        package init() {}
    }

    private struct State {
        var late: [ByteText: Late] = [:]
        var counts: [ByteText: Int] = [:]
        var changeCount = 0
    }

    private let state: Mutex<State>

    /// What an earlier run remembered.
    init(_ record: Record) {
        var state = State()
        for (name, late) in record.late where late.buckets.count == late.watermarks.count {
            state.late[ByteText(name)] = late
        }
        for (name, count) in record.counts { state.counts[ByteText(name)] = count }
        self.state = Mutex(state)
    }

    /// How often something was noted, so that others see whether there is anything new to keep.
    package var changeCount: Int { state.withLock { $0.changeCount } }

    /// Everything that is remembered.
    package var record: Record {
        state.withLock { state in
            var record = Record()
            for (name, late) in state.late { record.late[name.string] = late }
            for (name, count) in state.counts { record.counts[name.string] = count }
            return record
        }
    }

    /// Notes that samples of a metric arrived in these 5-minute buckets, when its watermark was `watermark`.
    func note(_ metric: String, buckets: Set<Int64>, watermark: Int64) {
        state.withLock { state in
            var known = state.late.removeValue(forKey: ByteText(metric)) ?? Late()
            if known.buckets.count + buckets.count > Revisions.bucketLimit { known = Late() }
            known.add(buckets, watermark)
            state.late[ByteText(metric)] = known
            state.changeCount += 1
        }
    }

    /// Notes that late data changed final periods of a KPI.
    func count(_ kpi: String) {
        state.withLock { state in
            state.counts[ByteText(kpi), default: 0] += 1
            state.changeCount += 1
        }
    }

    /// How often late data changed final periods of a KPI.
    package func count(of kpi: String) -> Int { state.withLock { $0.counts[ByteText(kpi)] ?? 0 } }

    /// Whether late data of any of the metrics are remembered.
    package func hasLateData(of metrics: [String]) -> Bool {
        state.withLock { state in
            !state.late.isEmpty && metrics.contains { state.late[ByteText($0)] != nil }
        }
    }

    /// Whether late data of one of the metrics came into a range that was final by then.
    package func isRevised(_ metrics: [String], _ range: Bucket, latenessMillis: Int64) -> Bool {
        let (finalAt, overflow) = range.end.addingReportingOverflow(latenessMillis)
        guard !overflow else { return false }
        return state.withLock { state in
            guard !state.late.isEmpty else { return false }
            return metrics.contains { metric in
                state.late[ByteText(metric)]?.contains(range, finalAt: finalAt) ?? false
            }
        }
    }
}
