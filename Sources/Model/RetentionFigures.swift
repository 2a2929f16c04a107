/// What a retention policy means for what a store holds now.
public struct RetentionFigures: Hashable, Sendable {
    /// The series of one rule.
    public struct Share: Hashable, Sendable {
        /// The number of series.
        public var seriesCount = 0
        /// The number of their samples; one that was written twice may count twice.
        public var sampleCount = 0
        /// The bytes of their values and rollups on the disk, of what is in segments.
        public var byteCount = 0
        /// The time of the oldest sample.
        public var oldest: Timestamp?
        /// The number of series of which something would be deleted that the policy in force keeps.
        public var losingSeriesCount = 0
        /// The number of samples, and of buckets of rollups, that would be deleted and that the policy in
        /// force keeps.
        public var lostSampleCount = 0

        /// No series.
        public init() {}
    }

    /// One for each rule of the policy in its order, and behind them that of the default.
    public var shares: [Share]

    /// Figures without series of a policy with `ruleCount` rules.
    public init(ruleCount: Int) {
        shares = [Share](repeating: Share(), count: ruleCount + 1)
    }

    /// The number of samples that would be deleted.
    public var lostSampleCount: Int { shares.reduce(0) { $0 + $1.lostSampleCount } }
    /// The number of series that would lose some.
    public var losingSeriesCount: Int { shares.reduce(0) { $0 + $1.losingSeriesCount } }
}

/// What became of a policy that was set.
public enum RetentionChange: Hashable, Sendable {
    /// It is in force.
    case inForce
    /// It would delete what the one in force keeps; it comes into force at this time, unless another is set
    /// before.
    case waits(until: Timestamp, lostSampleCount: Int, losingSeriesCount: Int)
}
