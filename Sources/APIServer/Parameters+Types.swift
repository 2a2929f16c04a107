import Model

/// Parameters read as times, durations and numbers, with the error texts that Prometheus has.
extension Parameters {
    /// The time `name`, which must be given.
    func time(_ name: String) throws(APIError) -> Timestamp {
        guard let time = TimeText.parse(self[name]) else {
            throw .invalid(name, "cannot parse \(LabelText.quoted(self[name])) to a valid timestamp")
        }
        return time
    }

    /// The time `name`, or `fallback` if it is not given.
    func time(_ name: String, or fallback: Timestamp) throws(APIError) -> Timestamp {
        guard !self[name].isEmpty else { return fallback }
        guard let time = TimeText.parse(self[name]) else {
            throw .invalid(
                name,
                "invalid time value for '\(name)': cannot parse \(LabelText.quoted(self[name])) "
                    + "to a valid timestamp"
            )
        }
        return time
    }

    /// The duration `name`, seconds or a text such as `5m`, in seconds.
    func durationSeconds(_ name: String) throws(APIError) -> Double {
        do {
            return try Parameters.durationSeconds(self[name])
        } catch {
            throw .invalid(name, error.message)
        }
    }

    /// The duration that `text` stands for, in seconds; the error says only what is wrong with it.
    static func durationSeconds(_ text: String) throws(APIError) -> Double {
        if let seconds = ValueText.parse(text), !seconds.isNaN {
            guard seconds.magnitude <= 9.2e9 else {
                throw .badData(
                    "cannot parse \(LabelText.quoted(text)) to a valid duration. It overflows int64"
                )
            }
            return seconds
        }
        guard let millis = DurationText.parse(text) else {
            throw .badData("cannot parse \(LabelText.quoted(text)) to a valid duration")
        }
        return Double(millis) / 1000
    }

    /// The number `limit`: nil if it is not given or 0, which both mean that there is none.
    func limit() throws(APIError) -> Int? {
        let text = self["limit"]
        guard !text.isEmpty else { return nil }
        guard let limit = Int(text) else {
            throw .invalid("limit", "strconv.Atoi: parsing \(LabelText.quoted(text)): invalid syntax")
        }
        guard limit >= 0 else { throw .invalid("limit", "limit must be non-negative") }
        return limit == 0 ? nil : limit
    }

    /// The truth value `name`, as Go writes them; false if it is not given.
    func flag(_ name: String) throws(APIError) -> Bool {
        switch self[name] {
        case "", "0", "f", "F", "false", "FALSE", "False": return false
        case "1", "t", "T", "true", "TRUE", "True": return true
        default:
            let text = LabelText.quoted(self[name])
            throw .invalid(
                name,
                "unable to parse boolean: strconv.ParseBool: parsing \(text): invalid syntax"
            )
        }
    }

    /// The whole number `name`, or `fallback` if it is not given.
    func count(_ name: String, or fallback: Int) throws(APIError) -> Int {
        guard !self[name].isEmpty else { return fallback }
        guard let count = Int(self[name]) else { throw .badData("\(name) must be a number") }
        return count
    }

    /// How long the query may run, in milliseconds: what the client asks for, within the limit.
    func timeLimitMillis(_ limits: Limits) throws(APIError) -> Int64 {
        guard !self["timeout"].isEmpty else { return Int64(limits.queryTimeout) }
        let seconds = try durationSeconds("timeout")
        return min(Int64(limits.queryTimeout), max(0, Int64(seconds * 1000)))
    }

    /// How far back a sample counts, in milliseconds: what the client asks for, or `fallback`.
    func lookbackMillis(or fallback: Int64) throws(APIError) -> Int64 {
        let text = self["lookback_delta"]
        guard !text.isEmpty else { return fallback }
        do {
            let millis = Int64(try Parameters.durationSeconds(text) * 1000)
            return millis > 0 ? millis : fallback
        } catch {
            throw .badData("error parsing lookback delta duration: \(error.message)")
        }
    }
}
