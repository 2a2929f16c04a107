/// Something about rules that is kept over restarts.
public struct RuleRecord: Hashable, Sendable {
    /// What it is about.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// An alert of a rule.
        case alert
        /// The last slot of a group.
        case slot
        /// A recorded series whose latest value `/metrics` shows.
        case kpi
        /// A past of a rule that is being computed, or was.
        case backfill
        /// What a receiver was told of the alerts of a name.
        case receiver
    }

    /// What it is about.
    public var kind: Kind
    /// What names it among those of its kind; for the writer alone to understand.
    public var key: [UInt8]
    /// What is known; for the writer alone to understand.
    public var value: [UInt8]

    /// A record of the given parts.
    public init(kind: Kind, key: [UInt8], value: [UInt8]) {
        self.kind = kind
        self.key = key
        self.value = value
    }
}

/// Where what is known about rules survives restarts.
public protocol RuleArchive: Sendable {
    /// All records of a kind, in the order of their keys.
    func ruleRecords(_ kind: RuleRecord.Kind) async throws(SinkError) -> [RuleRecord]
    /// Adds or replaces `saved` and removes what has the kind and key of one in `removed`, all or nothing;
    /// durable when it returns.
    func commit(saved: [RuleRecord], removed: [RuleRecord]) async throws(SinkError)
}
