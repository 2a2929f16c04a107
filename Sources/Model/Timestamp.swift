/// A point in time: milliseconds since 1970-01-01T00:00:00Z, negative before it.
///
/// Single times are of this type; columns of times are plain `[Int64]` in the same unit, because codecs
/// and evaluators work on them as integers.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Milliseconds since the epoch.
    public var millis: Int64

    /// A timestamp from milliseconds since the epoch.
    @inlinable
    public init(millis: Int64) {
        self.millis = millis
    }

    /// The smallest timestamp that can be expressed.
    public static let min = Timestamp(millis: .min)
    /// The largest timestamp that can be expressed.
    public static let max = Timestamp(millis: .max)

    /// Orders by time.
    @inlinable
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.millis < right.millis
    }

    /// This time moved by `millis` milliseconds; stays at the ends of the range instead of overflowing.
    @inlinable
    public func advanced(byMillis millis: Int64) -> Timestamp {
        let (sum, overflow) = self.millis.addingReportingOverflow(millis)
        guard overflow else { return Timestamp(millis: sum) }
        return millis < 0 ? .min : .max
    }

    /// Rounds down to a multiple of `millis` (> 0), towards minus infinity also before the epoch.
    @inlinable
    public func floored(toMillis millis: Int64) -> Timestamp {
        let remainder = self.millis % millis
        let down = remainder < 0 ? remainder + millis : remainder
        return advanced(byMillis: -down)
    }
}

/// A closed interval of time: both ends belong to it.
public struct TimeRange: Hashable, Sendable {
    /// The first time inside the range.
    public var start: Timestamp
    /// The last time inside the range; a range whose end is before its start is empty.
    public var end: Timestamp

    /// The range from `start` to `end`, both included.
    @inlinable
    public init(_ start: Timestamp, _ end: Timestamp) {
        self.start = start
        self.end = end
    }

    /// All of time.
    public static let all = TimeRange(.min, .max)

    /// Whether `time` lies in the range.
    @inlinable
    public func contains(_ time: Timestamp) -> Bool {
        start <= time && time <= end
    }

    /// Whether the two ranges have a time in common.
    @inlinable
    public func overlaps(_ other: TimeRange) -> Bool {
        start <= other.end && other.start <= end
    }
}
