/// The number of a series in the store: given when the series is first seen, never reused.
public struct SeriesID: Hashable, Comparable, Sendable {
    /// The number itself; the first series has 1.
    public var rawValue: UInt64

    /// The series with this number.
    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Orders by age: a smaller id was given earlier.
    @inlinable
    public static func < (left: SeriesID, right: SeriesID) -> Bool {
        left.rawValue < right.rawValue
    }
}
