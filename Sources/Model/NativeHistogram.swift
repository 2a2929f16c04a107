/// A native histogram: observations counted in buckets that one sample carries all at once.
///
/// Buckets are exponential (schemas -4...8, where a larger schema has more of them) or have bounds of their
/// own (`customSchema`). Counts are numbers with fractions, because queries compute with them; what a client
/// sent as integers comes back the same. Source: Prometheus `model/histogram`.
public struct NativeHistogram: Sendable {
    /// What is known about a counter's restart at this sample.
    public enum CounterReset: UInt8, Sendable {
        /// Nothing; whoever wants to know compares with the sample before.
        case unknown = 0
        /// The counter was reset between the sample before and this one.
        case reset = 1
        /// It was not.
        case notReset = 2
        /// This is no counter.
        case gauge = 3
    }

    /// The schema of histograms with custom bounds.
    public static let customSchema: Int32 = -53
    /// The schemas of exponential buckets that are understood.
    public static let exponentialSchemas: ClosedRange<Int32> = -4...8

    /// What is known about a counter's restart.
    public var counterReset: CounterReset
    /// How wide the buckets are: of exponential ones each bound is the one before times 2^(2^-schema), and 1
    /// is a bound.
    public var schema: Int32
    /// Observations whose magnitude is not above this one are in the zero bucket.
    public var zeroThreshold: Double
    /// The number of observations in the zero bucket.
    public var zeroCount: Double
    /// The number of all observations; those of NaN are in no bucket.
    public var count: Double
    /// The sum of all observations.
    public var sum: Double
    /// The buckets of positive observations, or all buckets if the bounds are custom.
    public var positive: HistogramBuckets
    /// The buckets of negative observations, by magnitude.
    public var negative: HistogramBuckets
    /// The upper bounds of custom buckets, rising; above the last one is one more bucket.
    public var customBounds: [Double]

    /// A histogram; without arguments one without observations.
    public init(
        schema: Int32 = 0,
        zeroThreshold: Double = 0,
        zeroCount: Double = 0,
        count: Double = 0,
        sum: Double = 0,
        positive: HistogramBuckets = HistogramBuckets(),
        negative: HistogramBuckets = HistogramBuckets(),
        customBounds: [Double] = [],
        counterReset: CounterReset = .unknown
    ) {
        self.counterReset = counterReset
        self.schema = schema
        self.zeroThreshold = zeroThreshold
        self.zeroCount = zeroCount
        self.count = count
        self.sum = sum
        self.positive = positive
        self.negative = negative
        self.customBounds = customBounds
    }

    /// Whether the buckets have custom bounds.
    public var hasCustomBounds: Bool { schema == NativeHistogram.customSchema }

    /// How many samples of a query's budget it takes.
    public var heldSampleCount: Int {
        let numberCount = 3 * (positive.count + negative.count) / 2 + customBounds.count
        return 6 + numberCount / 2
    }

    /// What stands in a column of numbers where the sample is a histogram.
    public static let placeholder = Double(bitPattern: StaleMarker.ordinaryNaNBitPattern)
}

/// Buckets of one sign, those that are there: index and count, by rising index.
///
/// The exponential bucket of index i reaches up to 2^(i * 2^-schema); the custom bucket of index i up to the
/// bound of that index. A bucket may be there with count 0.
public struct HistogramBuckets: Sendable, Hashable {
    /// The indices, rising strictly.
    public private(set) var indices: [Int32] = []
    /// The counts, as many as `indices`.
    public var counts: [Double] = []

    /// No buckets.
    public init() {}

    /// The number of buckets.
    public var count: Int { indices.count }
    /// Whether there is no bucket.
    public var isEmpty: Bool { indices.isEmpty }

    /// Adds a bucket behind the others.
    public mutating func append(index: Int32, count: Double) {
        precondition(indices.last.map { $0 < index } ?? true, "BUG: bucket \(index) is not behind the last")
        indices.append(index)
        counts.append(count)
    }

    /// Whether both have the same buckets, bit by bit.
    public static func == (left: HistogramBuckets, right: HistogramBuckets) -> Bool {
        left.indices == right.indices
            && zip(left.counts, right.counts).allSatisfy { $0.bitPattern == $1.bitPattern }
    }

    /// Hashes the bits that `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(indices)
        for count in counts { hasher.combine(count.bitPattern) }
    }
}

extension NativeHistogram: Hashable {
    /// Whether both are the same bit by bit, whatever is known about resets.
    public static func == (left: NativeHistogram, right: NativeHistogram) -> Bool {
        left.schema == right.schema
            && left.zeroThreshold.bitPattern == right.zeroThreshold.bitPattern
            && left.zeroCount.bitPattern == right.zeroCount.bitPattern
            && left.count.bitPattern == right.count.bitPattern
            && left.sum.bitPattern == right.sum.bitPattern
            && left.positive == right.positive
            && left.negative == right.negative
            && left.customBounds.map(\.bitPattern) == right.customBounds.map(\.bitPattern)
    }

    /// Hashes some of what `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(count.bitPattern)
        hasher.combine(sum.bitPattern)
        hasher.combine(positive)
        hasher.combine(negative)
    }
}
