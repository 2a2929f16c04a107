import Model
import PromQL

/// One rule of a group.
package struct Rule: Sendable {
    /// What the rule does with the result of its expression.
    package enum Kind: Hashable, Sendable {
        /// Writes it as samples of the metric `record`.
        case recording(record: String)
        /// Raises alerts.
        case alerting(AlertDefinition)
    }

    /// What the rule does.
    package var kind: Kind
    /// The expression.
    package var expr: Expr
    /// The expression in canonical form.
    package var query: String
    /// The rule's labels over those of its group, in name order; an empty value removes the label from the
    /// result.
    package var labels: [Label]
    /// The templates of an alerting rule's labels and annotations; nil for a recording rule.
    package var templates: AlertTemplates?
    /// Where the rule begins in its file, from 1.
    package var line: Int
    /// Where the rule begins in its line, from 1.
    package var column: Int

    /// The metric's or the alert's name.
    package var name: String {
        switch kind {
        case .recording(let record): record
        case .alerting(let alert): alert.name
        }
    }

    /// Whether `other` does the same, wherever the two are written.
    func isSame(as other: Rule) -> Bool {
        guard isSuccessor(of: other), ByteText(query) == ByteText(other.query) else { return false }
        guard case (.alerting(let alert), .alerting(let otherAlert)) = (kind, other.kind) else { return true }
        return alert.forMillis == otherAlert.forMillis
            && alert.keepFiringForMillis == otherAlert.keepFiringForMillis
            && alert.annotations == otherAlert.annotations
    }

    /// Whether `other` is this rule as far as its past is concerned: a changed expression does not make
    /// another rule.
    func isSuccessor(of other: Rule) -> Bool {
        guard ByteText(name) == ByteText(other.name), labels == other.labels else { return false }
        switch (kind, other.kind) {
        case (.recording, .recording), (.alerting, .alerting): return true
        default: return false
        }
    }
}

/// What an alerting rule has beside its expression and labels.
package struct AlertDefinition: Hashable, Sendable {
    /// The alert's name.
    package var name: String
    /// How long the expression has to hold before the alert fires, in milliseconds.
    package var forMillis: Int64 = 0
    /// How long the alert keeps firing after the expression ceased to hold, in milliseconds.
    package var keepFiringForMillis: Int64 = 0
    /// The annotations, templates as written, in name order.
    package var annotations: [Label] = []
}
