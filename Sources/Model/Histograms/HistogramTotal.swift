/// A sum of native histograms that may turn out not to exist.
package struct HistogramTotal: Sendable {
    /// The sum; nil if there is nothing to add up, or if it does not exist.
    package private(set) var sum: HistogramSum?
    /// Why the sum does not exist.
    package private(set) var mismatch: HistogramMismatch?

    /// The sum of nothing.
    package init() {}

    /// A sum that is known.
    package init(_ sum: NativeHistogram) {
        self.sum = HistogramSum(sum)
    }

    /// A sum that does not exist.
    package init(mismatch: HistogramMismatch) {
        self.mismatch = mismatch
    }

    /// Whether nothing was added.
    package var isEmpty: Bool { sum == nil && mismatch == nil }

    /// Adds a histogram.
    package mutating func add(_ histogram: NativeHistogram) {
        guard mismatch == nil else { return }
        guard sum != nil else {
            sum = HistogramSum(histogram)
            return
        }
        do throws(HistogramMismatch) {
            try sum?.add(histogram)
        } catch {
            self = HistogramTotal(mismatch: error)
        }
    }

    /// Adds all that another sum has.
    package mutating func add(_ other: HistogramTotal) {
        guard mismatch == nil, !other.isEmpty else { return }
        guard sum != nil, let more = other.sum else {
            self = other
            return
        }
        do throws(HistogramMismatch) {
            try sum?.add(more)
        } catch {
            self = HistogramTotal(mismatch: error)
        }
    }
}
