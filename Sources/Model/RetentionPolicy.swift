/// How long samples are kept, by series: the first rule whose matchers all fit decides, else the default.
public struct RetentionPolicy: Hashable, Sendable {
    /// How long the series that a selector picks are kept.
    public struct Rule: Hashable, Sendable {
        /// All of them have to match.
        public var matchers: [Matcher]
        /// How long raw samples are kept, in milliseconds; nil for ever.
        public var rawMillis: Int64?

        /// A rule for the series that satisfy `matchers`.
        public init(matchers: [Matcher], rawMillis: Int64?) {
            self.matchers = matchers
            self.rawMillis = rawMillis
        }
    }

    /// How long raw samples of series that no rule picks are kept, in milliseconds; nil for ever.
    public var defaultRawMillis: Int64?
    /// The rules; the first that fits counts.
    public var rules: [Rule]

    /// A policy of `rules` over a default.
    public init(defaultRawMillis: Int64?, rules: [Rule] = []) {
        self.defaultRawMillis = defaultRawMillis
        self.rules = rules
    }

    /// The policy under which nothing expires.
    public static let keepForever = RetentionPolicy(defaultRawMillis: nil)
}
