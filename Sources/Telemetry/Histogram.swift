/// How often observed values fell into each of some ranges, and their sum.
///
/// Observing is lock-free and may be done from any thread.
package final class Histogram: Sendable {
    /// The upper bounds of the buckets, rising; the last bucket, up to infinity, is not among them.
    package let buckets: [Double]

    private let counts: [Counter]
    private let total = AtomicDouble(0)

    init(buckets: [Double]) {
        precondition(
            zip(buckets, buckets.dropFirst()).allSatisfy(<) && buckets.allSatisfy(\.isFinite),
            "BUG: histogram buckets \(buckets) do not rise"
        )
        self.buckets = buckets
        counts = (0...buckets.count).map { _ in Counter() }
    }

    /// Notes one value.
    package func observe(_ value: Double) {
        let index = buckets.firstIndex { value <= $0 } ?? buckets.count
        counts[index].add()
        total.add(value)
    }

    /// Notes one duration, in seconds.
    package func observe(_ duration: Duration) {
        observe(duration.seconds)
    }

    /// The counts up to each bound and up to infinity, each including those before it; the last is the count
    /// of all.
    package var cumulativeCounts: [Int] {
        var running = 0
        return counts.map {
            running += $0.value
            return running
        }
    }

    /// The sum of all observed values.
    package var sum: Double { total.value }

    /// Bounds in seconds that suit answers which take between a millisecond and half a minute.
    package static let latencyBuckets: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]
}
