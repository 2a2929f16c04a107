import KPI
import Model

/// How an answer of the analytics API is written.
struct AnalyticsFormat: Sendable {
    /// Whether it has more fields than the plain API.
    var isExtended = false
    /// Whether it is a table of comma-separated values.
    var isCSV = false
}

extension Parameters {
    /// The largest time in seconds; larger ones are milliseconds by mistake.
    private static let largestSeconds = 1e11

    /// The question that the parameters ask; `nameKey` is the parameter with the names.
    func reportRequest(_ nameKey: String, _ limits: Limits) throws(ReportError) -> ReportRequest {
        for key in ["group", "exclude", "segment"] where !all(key).isEmpty {
            throw .bad(
                "\(key) is not supported: there are no events of single users, and so no groups of them"
            )
        }
        var request = ReportRequest()
        request.names = all(nameKey)
        request.start = try millis("start_timestamp", .down)
        request.end = try millis("end_timestamp", .up)
        request.period = all("period").first
        request.timezone = all("timezone").first
        request.window = all("window").first
        request.label = all("by").first
        request.bucketLimit = limits.pointsPerSeries
        if let text = all("version").first {
            guard let version = Int(text) else {
                throw .bad("version \(LabelText.quoted(text)) is no whole number")
            }
            request.version = version
        }
        return request
    }

    /// How the answer is to be written.
    func analyticsFormat() throws(ReportError) -> AnalyticsFormat {
        var format = AnalyticsFormat()
        switch self["extended"] {
        case "", "0", "false": break
        case "1", "true": format.isExtended = true
        case let text: throw .bad("extended has to be 0 or 1, not \(LabelText.quoted(text))")
        }
        switch self["format"] {
        case "", "json": break
        case "csv": format.isCSV = true
        case let text: throw .bad("format has to be json or csv, not \(LabelText.quoted(text))")
        }
        return format
    }

    private func millis(_ name: String, _ rounding: FloatingPointRoundingRule) throws(ReportError) -> Int64? {
        guard let text = all(name).first else { return nil }
        guard let seconds = Double(text), seconds.isFinite else {
            throw .bad("\(name) has to be seconds since 1970, not \(LabelText.quoted(text))")
        }
        guard seconds.magnitude <= Parameters.largestSeconds else {
            throw .bad("\(name) \(text) is beyond 1e11 seconds; it may be milliseconds")
        }
        // What is a whole millisecond but for the last bits is one.
        let millis = seconds * 1000
        let nearest = millis.rounded()
        return Int64((millis - nearest).magnitude < 1e-3 ? nearest : millis.rounded(rounding))
    }
}
