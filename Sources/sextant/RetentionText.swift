import APIServer
import Model
import Storage

/// Retention policies in words.
enum RetentionText {
    /// What `policy` means for what `store` holds now.
    static func report(
        _ policy: RetentionPolicy,
        over store: Store,
        budget: QueryBudget
    ) throws(SourceError) -> RetentionReport {
        let figures = try store.retentionFigures(under: policy, budget: budget)
        var rules: [RetentionReport.Rule] = []
        for (rule, share) in zip(policy.rules, figures.shares) {
            rules.append(
                RetentionReport.Rule(
                    name: rule.name,
                    match: selector(rule.matchers),
                    kept: kept(rule.times),
                    share: share
                )
            )
        }
        rules.append(
            RetentionReport.Rule(
                name: nil,
                match: nil,
                kept: kept(policy.defaultTimes),
                share: figures.shares[policy.rules.count]
            )
        )
        return RetentionReport(rules: rules, due: store.retentionDue)
    }

    /// How long samples are kept, such as `400d`, or `forever`.
    static func duration(_ millis: Int64?) -> String {
        millis.map(DurationText.format(millis:)) ?? "forever"
    }

    /// Matchers as a selector.
    static func selector(_ matchers: [Matcher]) -> String {
        "{\(matchers.map(\.description).joined(separator: ","))}"
    }

    private static func kept(_ times: RetentionTimes) -> [(resolution: String, text: String)] {
        [("raw", duration(times.rawMillis))] + times.rollups.map { ($0.level.name, duration($0.keptMillis)) }
    }
}
