import Matching
import Model

/// A retention policy ready to be asked about many series.
struct RetentionClasses: Sendable {
    private let rules: [(matchers: [CompiledMatcher], rawMillis: Int64?)]
    private let defaultRawMillis: Int64?

    init(_ policy: RetentionPolicy) throws(RegexError) {
        defaultRawMillis = policy.defaultRawMillis
        var rules: [(matchers: [CompiledMatcher], rawMillis: Int64?)] = []
        for rule in policy.rules {
            rules.append((try CompiledMatcher.compile(rule.matchers), rule.rawMillis))
        }
        self.rules = rules
    }

    /// How long samples of the series are kept, in milliseconds; nil for ever.
    func rawMillis(of labels: Labels) -> Int64? {
        for rule in rules where rule.matchers.allSatisfy({ $0.matches(labels) }) { return rule.rawMillis }
        return defaultRawMillis
    }

    /// The place of the rule that decides about the series; the number of rules if it is the default.
    func ruleIndex(of labels: Labels) -> Int {
        rules.firstIndex { $0.matchers.allSatisfy { $0.matches(labels) } } ?? rules.count
    }

    /// The shortest time after which anything expires, in milliseconds; nil if nothing does.
    var shortestMillis: Int64? {
        (rules.map(\.rawMillis) + [defaultRawMillis]).compactMap { $0 }.min()
    }
}
