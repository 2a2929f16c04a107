import Model

/// Why a rule could not be evaluated; the texts of the first three are Prometheus's.
package enum RuleError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The expression's value cannot be recorded.
    case notAVector
    /// Two series of the result have the same labels once the rule's are set.
    case duplicateLabelSet
    /// The result has more series than the group's limit.
    case limitExceeded(limit: Int, seriesCount: Int)
    /// The store refused samples; the text says which and why.
    case refused(String)
    /// The rule is of a kind that is not evaluated yet.
    case notSupported(String)

    /// The sentence for `lastError`.
    package var description: String {
        switch self {
        case .notAVector: "rule result is not a vector or scalar"
        case .duplicateLabelSet: "vector contains metrics with the same labelset after applying rule labels"
        case .limitExceeded(let limit, let count): "exceeded limit of \(limit) with \(count) series"
        case .refused(let reasons): reasons
        case .notSupported(let what): "\(what) are not supported yet"
        }
    }
}
