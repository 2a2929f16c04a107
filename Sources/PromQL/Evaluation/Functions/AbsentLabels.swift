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
    static func of(_ matchers: [Matcher]) -> Labels {
        var builder = LabelsBuilder()
        var seen: Set<ByteText> = []
        for matcher in matchers where !matcher.name.utf8.elementsEqual(Labels.metricName.utf8) {
            let isFirst = matcher.kind == .equal && seen.insert(ByteText(matcher.name)).inserted
            builder.set(matcher.name, isFirst ? matcher.value : "")
        }
        return builder.build()
    }
}
