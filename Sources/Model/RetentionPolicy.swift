/// How long samples are kept, by series: the first rule whose matchers all fit decides, else the default.
public struct RetentionPolicy: Hashable, Sendable {
    /// How long the series that a selector picks are kept.
    public struct Rule: Hashable, Sendable {
        /// What the rule is called in reports; nil if it has no name.
        public var name: String?
        /// All of them have to match.
        public var matchers: [Matcher]
        /// How long what is stored of the series is kept.
        public var times: RetentionTimes

        /// How long raw samples are kept, in milliseconds; nil for ever.
        public var rawMillis: Int64? { times.rawMillis }

        /// A rule for the series that satisfy `matchers`.
        public init(matchers: [Matcher], rawMillis: Int64?) {
            self.init(matchers: matchers, times: RetentionTimes(rawMillis: rawMillis))
        }

        /// A rule for the series that satisfy `matchers`.
        public init(name: String? = nil, matchers: [Matcher], times: RetentionTimes) {
            self.name = name
            self.matchers = matchers
            self.times = times
        }
    }

    /// How long what is stored of series that no rule picks is kept.
    public var defaultTimes: RetentionTimes
    /// The rules; the first that fits counts.
    public var rules: [Rule]

    /// How long raw samples of series that no rule picks are kept, in milliseconds; nil for ever.
    public var defaultRawMillis: Int64? {
        get { defaultTimes.rawMillis }
        set { defaultTimes.rawMillis = newValue }
    }

    /// A policy of `rules` over a default without rollups.
    public init(defaultRawMillis: Int64?, rules: [Rule] = []) {
        self.init(defaultTimes: RetentionTimes(rawMillis: defaultRawMillis), rules: rules)
    }

    /// A policy of `rules` over a default.
    public init(defaultTimes: RetentionTimes, rules: [Rule] = []) {
        self.defaultTimes = defaultTimes
        self.rules = rules
    }

    /// The policy under which nothing expires; hours and days are kept for speed.
    public static let keepForever = RetentionPolicy(
        defaultTimes: RetentionTimes(
            rawMillis: nil,
            rollups: [
                RetentionTimes.Rollup(level: .hour, keptMillis: nil),
                RetentionTimes.Rollup(level: .day, keptMillis: nil),
            ]
        )
    )
}

/// How long what is stored of a series is kept: its samples, and their rollups by level.
public struct RetentionTimes: Hashable, Sendable {
    /// How long the rollups of one level are kept.
    public struct Rollup: Hashable, Sendable {
        /// The length of the buckets.
        public var level: RollupLevel
        /// How long they are kept, in milliseconds; nil for ever.
        public var keptMillis: Int64?

        /// Rollups of `level` that are kept for `keptMillis`.
        public init(level: RollupLevel, keptMillis: Int64?) {
            self.level = level
            self.keptMillis = keptMillis
        }
    }

    /// How long raw samples are kept, in milliseconds; nil for ever.
    public var rawMillis: Int64?
    /// The rollups that are made, finer levels first, each level at most once.
    public let rollups: [Rollup]

    /// Times for samples and for `rollups`, of which there is at most one for each level.
    public init(rawMillis: Int64?, rollups: [Rollup] = []) {
        self.rawMillis = rawMillis
        self.rollups = rollups.sorted { $0.level < $1.level }
    }

    /// The levels that are made, finer ones first.
    public var levels: [RollupLevel] { rollups.map(\.level) }

    /// The levels that are not kept for longer than samples: those only make reading faster.
    public var levelsForSpeed: Set<RollupLevel> {
        Set(rollups.filter { $0.keptMillis == rawMillis || rawMillis == nil }.map(\.level))
    }
}
