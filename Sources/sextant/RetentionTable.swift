/// What a daemon tells of a retention policy.
struct RetentionAnswer: Decodable, Sendable {
    /// A rule, and what it decides about.
    struct Rule: Decodable, Sendable {
        var name: String?
        /// Its selector; nil for the default.
        var match: String?
        var series: Int
        var samples: Int
        var bytes: Int
        var losingSeries: Int
        var lostSamples: Int
        var oldest: String?
    }

    /// The rules in their order, the default last.
    var rules: [Rule]
    /// When a policy that waits comes into force; nil if none does.
    var waitsUntil: String?
}

/// What a daemon tells of a retention policy, as a table.
enum RetentionTable {
    /// The lines of the table, and a sentence about what would be deleted.
    static func lines(_ answer: RetentionAnswer) -> [String] {
        var table = TextTable(columns: [
            ("rule", .left), ("series", .right), ("samples", .right), ("bytes", .right), ("oldest", .left),
            ("would delete", .right),
        ])
        for rule in answer.rules {
            table.rows.append([
                rule.name ?? rule.match ?? "default", "\(rule.series)", "\(rule.samples)",
                "\(rule.bytes)", rule.oldest ?? "-",
                rule.lostSamples == 0 ? "-" : "\(rule.lostSamples) of \(rule.losingSeries) series",
            ])
        }
        let lost = answer.rules.reduce(0) { $0 + $1.lostSamples }
        let verdict =
            lost == 0
            ? "Nothing is deleted that is kept now."
            : "\(lost) samples would be deleted that are kept now."
        return table.lines + [verdict]
    }
}
