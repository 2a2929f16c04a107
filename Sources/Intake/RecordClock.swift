/// Where the dates and hours of records lie in time.
package struct RecordClock: Sendable {
    /// The zone of the dates, for messages.
    package var zoneName: String
    /// The first instant of a date such as `2018-04-05` in milliseconds; nil if it is none.
    package var day: @Sendable (String) -> Int64?
    /// The first instant of an hour (0 to 23) of a date in milliseconds; nil if that day has no such hour.
    package var hour: @Sendable (String, Int) -> Int64?

    /// The clock of a zone.
    package init(
        zoneName: String,
        day: @escaping @Sendable (String) -> Int64?,
        hour: @escaping @Sendable (String, Int) -> Int64?
    ) {
        self.zoneName = zoneName
        self.day = day
        self.hour = hour
    }
}
