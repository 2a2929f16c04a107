import APIServer
import Model
import Storage

/// Retention policies in words.
enum RetentionText {
    /// What `policy` means for what `store` holds now.
    static func report(
        _ policy: RetentionPolicy,
        over store: Store
    ) throws(StorageError) -> RetentionReport {
        let figures = try store.retentionFigures(under: policy)
        var rules: [RetentionReport.Rule] = []
        for (rule, share) in zip(policy.rules, figures.shares) {
            rules.append(
                RetentionReport.Rule(
                    name: nil,
                    match: selector(rule.matchers),
                    kept: kept(rule.rawMillis),
                    share: share
                )
            )
        }
        rules.append(
            RetentionReport.Rule(
                name: nil,
                match: nil,
                kept: kept(policy.defaultRawMillis),
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

    private static func kept(_ rawMillis: Int64?) -> [(resolution: String, text: String)] {
        [("raw", duration(rawMillis))]
    }
}
