/// The parts of a date, by their names in PromQL; all in UTC.
enum DateFunction: String, Hashable, Sendable, CaseIterable {
    case year, month, hour, minute
    case dayOfMonth = "day_of_month"
    case dayOfWeek = "day_of_week"
    case dayOfYear = "day_of_year"
    case daysInMonth = "days_in_month"

    /// The part of the date at `unixSeconds`, of which only whole seconds count.
    func value(unixSeconds: Double) -> Double {
        // What no date can be becomes the last second there is, as in Go on amd64.
        let seconds = Int64(exactly: unixSeconds.rounded(.towardZero)) ?? .max
        let time = CivilTime(unixSeconds: seconds)
        let part =
            switch self {
            case .year: time.year
            case .month: time.month
            case .hour: time.hour
            case .minute: time.minute
            case .dayOfMonth: time.day
            case .dayOfWeek: time.dayOfWeek
            case .dayOfYear: time.dayOfYear
            case .daysInMonth: time.daysInMonth
            }
        return Double(part)
    }

    /// Applies the function to the values at `range`, present or not.
    func apply(to values: inout [Double], _ range: Range<Int>) {
        for index in range { values[index] = value(unixSeconds: values[index]) }
    }
}
