import Model

/// Why a question about KPIs cannot be answered.
package enum ReportError: Error, Sendable {
    /// What a name should have been the name of.
    package enum Kind: String, Hashable, Sendable {
        case kpi, metric, funnel, period, timezone, version, backfill
    }

    /// A name that is not known; the message says which, and what is near it.
    case unknown(Kind, String)
    /// The question makes no sense; the message says why.
    case bad(String)
    /// A KPI needs a metric that is not defined.
    case missingConfig(String)
    /// The samples cannot be read.
    case source(SourceError)

    /// The error of an unknown name.
    static func unknown(_ kind: Kind, _ name: String, among names: [String]) -> ReportError {
        let noun = kind == .timezone ? "time zone" : kind == .kpi ? "KPI" : kind.rawValue
        return .unknown(
            kind,
            "\(noun) \(LabelText.quoted(name)) is not known" + Suggestion.text(for: name, among: names)
        )
    }
}
