/// What the samples of one series in a stretch of time amount to; states of stretches that follow each other
/// can be joined.
///
/// Staleness markers and native histograms are no samples. NaNs are counted and otherwise left out, so a
/// reader to whom a NaN is a value has to look at the samples where `nanCount` is above 0.
public struct WindowState: Hashable, Sendable {
    /// The number of samples that are numbers, infinities included.
    public var count = 0
    /// The number of samples that are NaN.
    public var nanCount = 0
    /// The sum of the numbers, without `compensation`.
    public var sum = 0.0
    /// What rounding took from `sum`, as Kahan and Neumaier add up.
    public var compensation = 0.0
    /// The smallest number; infinite without any.
    public var least = Double.infinity
    /// The greatest number; minus infinity without any.
    public var greatest = -Double.infinity
    /// The time of the first number in milliseconds.
    public var firstMillis: Int64 = 0
    /// The first number.
    public var firstValue = 0.0
    /// The time of the last number in milliseconds.
    public var lastMillis: Int64 = 0
    /// The last number.
    public var lastValue = 0.0
    /// The sum of the numbers that a smaller one followed, without `resetCompensation`: a counter rose by
    /// `lastValue - firstValue + resetSum`.
    public var resetSum = 0.0
    /// What rounding took from `resetSum`.
    public var resetCompensation = 0.0
    /// The sum of each number but the last times the milliseconds to the next one, without
    /// `areaCompensation`.
    public var area = 0.0
    /// What rounding took from `area`.
    public var areaCompensation = 0.0

    /// No samples.
    @inlinable
    public init() {}

    /// Whether there is no number in it.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// How much a counter rose between its first and its last sample, resets allowed for.
    ///
    /// In this order: before its first reset a counter may be far greater than what it rose by.
    @inlinable
    public var increase: Double { (resetSum - firstValue) + lastValue + resetCompensation }

    /// The sum of the numbers.
    @inlinable
    public var total: Double { sum.isFinite ? sum + compensation : sum }

    /// The sum of the numbers that a smaller one followed.
    @inlinable
    public var totalResets: Double { resetSum.isFinite ? resetSum + resetCompensation : resetSum }

    /// The sum of each number but the last times the milliseconds to the next one.
    @inlinable
    public var totalArea: Double { area.isFinite ? area + areaCompensation : area }

    /// Adds a sample that is later than all others and no staleness marker.
    @inlinable
    public mutating func add(millis: Int64, value: Double) {
        guard value == value else {
            nanCount += 1
            return
        }
        if count == 0 {
            (firstMillis, firstValue) = (millis, value)
        } else {
            if value < lastValue { addToResets(lastValue) }
            addToArea(lastValue * Double(millis - lastMillis))
        }
        count += 1
        addToSum(value)
        if value < least { least = value }
        if value > greatest { greatest = value }
        (lastMillis, lastValue) = (millis, value)
    }

    /// Joins the state of a later stretch to this one.
    @inlinable
    public mutating func join(_ later: WindowState) {
        guard later.count > 0 else {
            nanCount += later.nanCount
            return
        }
        guard count > 0 else {
            let earlier = nanCount
            self = later
            nanCount += earlier
            return
        }
        if later.firstValue < lastValue { addToResets(lastValue) }
        if later.resetSum != 0 {
            addToResets(later.resetSum)
            resetCompensation += later.resetCompensation
        }
        addToArea(lastValue * Double(later.firstMillis - lastMillis))
        addToArea(later.area)
        areaCompensation += later.areaCompensation
        count += later.count
        nanCount += later.nanCount
        addToSum(later.sum)
        compensation += later.compensation
        if later.least < least { least = later.least }
        if later.greatest > greatest { greatest = later.greatest }
        (lastMillis, lastValue) = (later.lastMillis, later.lastValue)
    }

    /// Adds to the sum and keeps what rounding takes from it.
    @inlinable
    public mutating func addToSum(_ value: Double) {
        WindowState.add(value, to: &sum, &compensation)
    }

    /// Adds a number that a smaller one followed.
    @inlinable
    public mutating func addToResets(_ value: Double) {
        WindowState.add(value, to: &resetSum, &resetCompensation)
    }

    /// Adds a number times the milliseconds to the next one.
    @inlinable
    public mutating func addToArea(_ value: Double) {
        WindowState.add(value, to: &area, &areaCompensation)
    }

    /// Adds to a sum and keeps what rounding takes from it.
    ///
    /// Source: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen" (1974).
    @inlinable
    static func add(_ value: Double, to sum: inout Double, _ compensation: inout Double) {
        let total = sum + value
        if total.isFinite {
            compensation +=
                sum.magnitude >= value.magnitude ? (sum - total) + value : (value - total) + sum
        } else {
            compensation = 0
        }
        sum = total
    }
}

/// The parts of a `WindowState` that a reader wants.
///
/// A source may leave the others as they are in an empty state; counts and times are always there.
public struct WindowParts: OptionSet, Sendable {
    /// One bit for each part.
    public let rawValue: UInt8

    /// The parts of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `sum` and `compensation`.
    public static let sum = WindowParts(rawValue: 1)
    /// `least` and `greatest`.
    public static let extremes = WindowParts(rawValue: 2)
    /// `firstValue` and `lastValue`.
    public static let ends = WindowParts(rawValue: 4)
    /// `resetSum` and `resetCompensation`, and with them the ends.
    public static let increase = WindowParts(rawValue: 8 | 4)
    /// `area` and `areaCompensation`, and with them the ends.
    public static let area = WindowParts(rawValue: 16 | 4)
}
