/// What the native histograms of one series in a stretch of time amount to, as `WindowState` says it of
/// numbers; states of stretches that follow each other can be joined.
///
/// However a stretch is cut, the sums are the same as long as the histograms are even: buckets of one sort,
/// with one zero threshold or the same bounds; resolutions may differ. Else the order of additions may decide
/// where a zero bucket ends, and `Marks.uneven` says so.
public struct HistogramState: Sendable {
    /// What is known of all histograms of a stretch.
    package struct Marks: OptionSet, Sendable {
        package let rawValue: UInt8

        /// The marks of these bits.
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// One says that it is no counter.
        package static let gauge = Marks(rawValue: 1)
        /// One says that its counter was reset.
        package static let saysReset = Marks(rawValue: 2)
        /// One says that its counter was not reset.
        package static let saysNotReset = Marks(rawValue: 4)
        /// They are not even.
        package static let uneven = Marks(rawValue: 8)
        /// One behind the first has custom buckets.
        package static let custom = Marks(rawValue: 16)
        /// One behind the first has exponential buckets.
        package static let exponential = Marks(rawValue: 32)
        /// The counter was reset between the first and the second.
        package static let secondIsReset = Marks(rawValue: 64)

        /// What a histogram says of resets.
        fileprivate static func hint(of histogram: NativeHistogram) -> Marks {
            switch histogram.counterReset {
            case .unknown: []
            case .reset: saysReset
            case .notReset: saysNotReset
            case .gauge: gauge
            }
        }

        /// Which sort of buckets a histogram behind the first has.
        fileprivate static func sort(of histogram: NativeHistogram) -> Marks {
            histogram.hasCustomBounds ? custom : exponential
        }
    }

    /// The number of histograms.
    package var count = 0
    /// The time of the first one in milliseconds.
    package var firstMillis: Int64 = 0
    /// The first one.
    package var first = NativeHistogram()
    /// The time of the last one in milliseconds.
    package var lastMillis: Int64 = 0
    /// The last one.
    package var last = NativeHistogram()
    /// The sum of all.
    package var total = HistogramTotal()
    /// The sum of those before a reset, without the first.
    ///
    /// What comes before a reset of the second does not matter. A counter rose by the last one minus the
    /// first (if the second is no reset) plus these.
    package var resets = HistogramTotal()
    /// The lowest schema of those between the first and the last; nil if there is none.
    package var betweenSchema: Int32?
    /// What is known of all.
    package var marks: Marks = []

    /// No histograms.
    package init() {}

    /// Whether there is none.
    package var isEmpty: Bool { count == 0 }

    /// Adds a histogram that is later than all others.
    package mutating func add(millis: Int64, _ histogram: NativeHistogram) {
        if count == 0 {
            (firstMillis, first) = (millis, histogram)
        } else {
            follow(histogram)
        }
        marks.formUnion(Marks.hint(of: histogram))
        total.add(histogram)
        (lastMillis, last) = (millis, histogram)
        count += 1
    }

    /// Joins the state of a later stretch to this one.
    package mutating func join(_ later: HistogramState) {
        guard later.count > 0 else { return }
        guard count > 0 else {
            self = later
            return
        }
        follow(later.first)
        if later.count > 1 {
            if later.marks.contains(.secondIsReset) { resets.add(later.first) }
            note(between: later.first.schema)
        }
        takeUp(later)
        (lastMillis, last) = (later.lastMillis, later.last)
    }

    /// Adds a state of histograms that lie before, behind or between those of this one.
    ///
    /// What depends on their order is only about right where their times are mixed.
    package mutating func add(_ other: HistogramState) {
        if count == 0 || other.count == 0 || lastMillis < other.firstMillis { return join(other) }
        var (one, two) = (self, other)
        if other.lastMillis < firstMillis {
            two.join(one)
            self = two
            return
        }
        if other.firstMillis < firstMillis { swap(&one, &two) }
        let later = one.lastMillis > two.lastMillis ? one : two
        one.compare(one.last, two.first)
        one.marks.formUnion(Marks.sort(of: two.first))
        one.note(between: min(two.first.schema, min(one.last.schema, two.last.schema)))
        one.takeUp(two)
        (one.lastMillis, one.last) = (later.lastMillis, later.last)
        self = one
    }

    // MARK: - Private

    /// Notes what comes of a histogram that follows the last one.
    private mutating func follow(_ histogram: NativeHistogram) {
        let isReset = histogram.isReset(since: last)
        if count > 1 {
            if isReset { resets.add(last) }
            note(between: last.schema)
        } else if isReset {
            marks.insert(.secondIsReset)
        }
        compare(last, histogram)
        marks.formUnion(Marks.sort(of: histogram))
    }

    /// Takes in what does not depend on which histogram is next to which.
    private mutating func takeUp(_ other: HistogramState) {
        resets.add(other.resets)
        total.add(other.total)
        if let schema = other.betweenSchema { note(between: schema) }
        marks.formUnion(other.marks.subtracting(.secondIsReset))
        count += other.count
    }

    private mutating func note(between schema: Int32) {
        betweenSchema = min(betweenSchema ?? schema, schema)
    }

    private mutating func compare(_ left: NativeHistogram, _ right: NativeHistogram) {
        let isEven =
            left.hasCustomBounds == right.hasCustomBounds
            && (left.hasCustomBounds
                ? left.customBounds == right.customBounds : left.zeroThreshold == right.zeroThreshold)
        if !isEven { marks.insert(.uneven) }
    }
}
