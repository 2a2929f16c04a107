import Model

/// The fixed intervals in which samples are kept: two hours, aligned to the epoch.
package enum Window {
    /// The length of a window in milliseconds.
    package static let millis: Int64 = 2 * 3_600_000
    /// The earliest time a sample may have: the start of the year 1.
    package static let earliestMillis: Int64 = -62_135_596_800_000

    /// The start of the window that `millis` lies in.
    package static func start(of millis: Int64) -> Int64 {
        Timestamp(millis: millis).floored(toMillis: Window.millis).millis
    }

    /// The closed range of the window that begins at `start`.
    package static func range(startingAt start: Int64) -> TimeRange {
        TimeRange(Timestamp(millis: start), Timestamp(millis: start + Window.millis - 1))
    }
}
