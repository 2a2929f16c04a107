import Model

/// A group of rules that are evaluated together, one after the other.
package struct RuleGroup: Sendable {
    /// The file it was read from.
    package var file: String
    /// Its name, unique in its file.
    package var name: String
    /// The time between two evaluations in milliseconds; nil for the daemon's default.
    package var intervalMillis: Int64?
    /// How far before the slot the rules are evaluated, in milliseconds; nil for the daemon's default.
    package var queryOffsetMillis: Int64?
    /// The most series that one rule may yield; 0 or less: no limit.
    package var limit: Int
    /// The rules in the order of the file.
    package var rules: [Rule]

    /// What names the group among all: `file;name`, as Prometheus labels it.
    package var key: String { "\(file);\(name)" }

    /// Whether `other` would be evaluated alike.
    func isSame(as other: RuleGroup) -> Bool {
        ByteText(key) == ByteText(other.key) && intervalMillis == other.intervalMillis && limit == other.limit
            && queryOffsetMillis == other.queryOffsetMillis && rules.count == other.rules.count
            && zip(rules, other.rules).allSatisfy { $0.isSame(as: $1) }
    }
}
