import Model

/// What the samples of one series in one bucket `[start, start + length)` amount to.
///
/// The sample that sits exactly on the start is kept apart from all others. So the bucket answers for ranges
/// that are open on the left, `(a, b]`, as exactly as for those that are open on the right, `[a, b)`.
struct RollupBucket: RollupUnit, Hashable {
    /// What sits exactly on the start of a bucket.
    enum Edge: UInt8, Sendable {
        /// No sample.
        case none
        /// A number, `edgeValue`.
        case number
        /// A NaN.
        case nan
    }

    /// Where the bucket begins, in milliseconds.
    var start: Int64
    /// What sits exactly on the start.
    var edge = Edge.none
    /// The number that sits exactly on the start, if one does.
    var edgeValue = 0.0
    /// All samples behind the start.
    var open = WindowState()

    /// A bucket without samples.
    init(start: Int64) {
        self.start = start
    }

    /// Whether it has no sample.
    var isEmpty: Bool { edge == .none && open.count == 0 && open.nanCount == 0 }

    /// The sample on the start alone.
    var edgeState: WindowState {
        var state = WindowState()
        switch edge {
        case .none: break
        case .number: state.add(millis: start, value: edgeValue)
        case .nan: state.nanCount = 1
        }
        return state
    }

    /// All samples.
    var full: WindowState {
        guard edge != .none else { return open }
        var state = edgeState
        state.join(open)
        return state
    }

    /// Appends the state of all samples, with those parts that are wanted; these have the bits of `full`.
    @inline(__always)
    func append(_ wanted: WindowParts, to states: inout [WindowState]) {
        let needsAll = !wanted.isDisjoint(with: WindowParts.summed)
        if edge == .none {
            states.append(open)
        } else if edge != .number || open.count == 0 || needsAll || open.firstValue < edgeValue {
            states.append(full)
        } else {
            // Only the beginning is another.
            let last = states.count
            states.append(open)
            states[last].count += 1
            states[last].firstMillis = start
            states[last].firstValue = edgeValue
        }
    }

    /// The last number and its time; nil if it has none.
    var last: (millis: Int64, value: Double)? {
        if open.count > 0 { return (open.lastMillis, open.lastValue) }
        return edge == .number ? (start, edgeValue) : nil
    }

    /// The time of the first number; nil if it has none.
    var firstMillis: Int64? {
        if edge == .number { return start }
        return open.count > 0 ? open.firstMillis : nil
    }

    /// The number of samples, NaNs included.
    var sampleCount: Int { open.count + open.nanCount + (edge == .none ? 0 : 1) }

    /// The time of the last number; nil if it has none.
    var lastMillis: Int64? { last?.millis }

    /// Puts a finer bucket in, which lies in this one behind all that it has.
    mutating func join(_ finer: RollupBucket) {
        if finer.start == start {
            (edge, edgeValue, open) = (finer.edge, finer.edgeValue, finer.open)
        } else if finer.edge == .none {
            open.join(finer.open)
        } else {
            open.join(finer.full)
        }
    }

    /// Adds the samples of a bucket with the same start that was made of others of the same series.
    ///
    /// What depends on the order of samples is only about right where their times are mixed.
    mutating func add(_ other: RollupBucket) {
        if other.edge != .none { (edge, edgeValue) = (other.edge, other.edgeValue) }
        open.add(other.open)
    }
}

extension WindowParts {
    /// The parts that a sample in front of a state changes in any case, beside the ends: sum, extremes and
    /// area, which stands without its ends here.
    fileprivate static var summed: WindowParts { WindowParts(rawValue: 1 | 2 | 16) }
}

extension WindowState {
    /// Adds a state of samples that lie before, behind or between those of this one.
    mutating func add(_ other: WindowState) {
        if count == 0 || other.count == 0 || lastMillis < other.firstMillis { return join(other) }
        var (one, two) = (self, other)
        if other.lastMillis < firstMillis {
            two.join(one)
            self = two
            return
        }
        if other.firstMillis < firstMillis { swap(&one, &two) }
        let last = one.lastMillis > two.lastMillis ? one : two
        let (resets, area) = (one.totalResets + two.totalResets, one.totalArea + two.totalArea)
        // Joined for what does not depend on the order.
        one.join(two)
        (one.lastMillis, one.lastValue) = (last.lastMillis, last.lastValue)
        (one.resetSum, one.area) = (resets, area)
        (one.resetCompensation, one.areaCompensation) = (0, 0)
        self = one
    }
}
