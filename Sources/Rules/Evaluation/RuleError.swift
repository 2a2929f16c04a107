import Model

/// Why a rule could not be evaluated; the texts are Prometheus's, but for what the store refused.
package enum RuleError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The expression's value cannot be recorded.
    case notAVector
    /// Two series of the result have the same labels once the rule's are set.
    case duplicateLabelSet
    /// The result has more series than the group's limit.
    case limitExceeded(limit: Int, seriesCount: Int)
    /// The store refused samples; the text says which and why.
    case refused(String)
    /// Two alerts have the same labels once the rule's are set.
    case duplicateAlert
    /// More alerts are active than the group's limit.
    case tooManyAlerts(limit: Int, alertCount: Int)

    /// The sentence for `lastError`.
    package var description: String {
        switch self {
        case .notAVector: "rule result is not a vector or scalar"
        case .duplicateLabelSet: "vector contains metrics with the same labelset after applying rule labels"
        case .limitExceeded(let limit, let count): "exceeded limit of \(limit) with \(count) series"
        case .refused(let reasons): reasons
        case .duplicateAlert:
            "vector contains metrics with the same labelset after applying alert labels"
        case .tooManyAlerts(let limit, let count): "exceeded limit of \(limit) with \(count) alerts"
        }
    }
}
