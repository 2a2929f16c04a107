import Model

/// The labels of the result of `absent` and `absent_over_time`.
enum AbsentLabels {
    /// The labels that the selector `expr` asks to be equal to something, once each; none for other
    /// expressions.
    static func of(_ expr: Expr?) -> Labels {
        guard case .selector(let selector)? = expr?.node else { return .empty }
        return of(selector.matchers)
    }

    /// The labels that `matchers` ask to be equal to something, and of which they ask nothing more after it.
    ///
    /// What they must not be counts as asked last: Prometheus looks at the matchers in the order in which its
    /// index used them.
    static func of(_ matchers: [Matcher]) -> Labels {
        var builder = LabelsBuilder()
        var seen: Set<ByteText> = []
        let excluding = matchers.filter(\.excludesSome)
        for matcher in matchers.filter({ !$0.excludesSome }) + excluding
        where !matcher.name.utf8.elementsEqual(Labels.metricName.utf8) {
            let isFirst = matcher.kind == .equal && seen.insert(ByteText(matcher.name)).inserted
            builder.set(matcher.name, isFirst ? matcher.value : "")
        }
        return builder.build()
    }
}

extension Matcher {
    /// Whether it keeps series without the label and says what the label must not be.
    fileprivate var excludesSome: Bool {
        switch kind {
        case .equal, .regex: false
        case .notEqual: !value.isEmpty
        case .notRegex: true
        }
    }
}
