import Matching
import Model

/// Which samples may have expired, by series.
struct RetentionHorizon: Sendable {
    private let rules: [(matchers: [CompiledMatcher], millis: Int64?)]

    /// The horizon under `policy`.
    init(_ policy: RetentionPolicy) {
        let last = RetentionPolicy.Rule(matchers: [], rawMillis: policy.defaultRawMillis)
        // A rule that cannot be compiled has been refused when the policy was read.
        rules = (policy.rules + [last]).compactMap { rule in
            (try? CompiledMatcher.compile(rule.matchers)).map { ($0, RetentionHorizon.knownMillis(rule)) }
        }
    }

    /// How long it stays known what the samples were, in milliseconds; nil for ever.
    private static func knownMillis(_ rule: RetentionPolicy.Rule) -> Int64? { rule.rawMillis }

    /// The time before which samples of the series may have expired; nil if they are kept for ever.
    func earliestMillis(of labels: Labels, now: Timestamp) -> Int64? {
        let rule = rules.first { rule in rule.matchers.allSatisfy { $0.matches(labels) } }
        guard let millis = rule?.millis else { return nil }
        let (earliest, overflow) = now.millis.subtractingReportingOverflow(millis)
        return overflow ? nil : earliest
    }
}
