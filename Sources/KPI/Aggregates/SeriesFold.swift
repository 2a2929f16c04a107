import Model

/// The samples of one series, cut into the intervals of a request, folded into a state for each interval.
///
/// An interval is half-open; NaN and staleness markers are no samples.
enum SeriesFold {
    /// The index of the first time that is not before `time`, from `start` on.
    ///
    /// Looks near `start` first.
    @inline(__always)
    static func lowerBound(_ times: Span<Int64>, _ time: Int64, from start: Int) -> Int {
        var (low, high, step) = (start, start, 1)
        while high < times.count, times[high] < time {
            low = high + 1
            high += step
            step *= 2
        }
        high = min(high, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] < time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Adds to `totals[interval]` what the counter rose in it.
    ///
    /// `before` is the value before the first interval. If it is nil the first sample is the first ever, and
    /// `first` says of its time whether it counts in full or not at all.
    static func addIncreases(
        of column: SampleColumn,
        cuts: [Int64],
        before: Double?,
        first: (Int64) -> Bool,
        to totals: inout [ExactSum]
    ) {
        let times = column.timestamps.span
        let values = column.values.span
        var position = lowerBound(times, cuts[0], from: 0)
        // Not a number until there is one.
        var last = before ?? .nan
        for interval in 0..<cuts.count - 1 {
            guard position < times.count else { break }
            let end = lowerBound(times, cuts[interval + 1], from: position)
            if last.isNaN {
                while position < end, values[position].isNaN { position += 1 }
                guard position < end else { continue }
                last = first(times[position]) ? 0 : values[position]
            }
            var (start, rise) = (last, 0.0)
            while position < end {
                let value = values[position]
                position += 1
                // Neither smaller nor greater: not a number.
                if value >= last {
                    last = value
                } else if value < last {
                    rise += last - start
                    start = 0
                    last = value
                }
            }
            rise += last - start
            if rise != 0 { totals[interval].add(rise) }
        }
    }

    /// The states of a series over its intervals, for everything but counters.
    struct State: Hashable {
        var count = 0
        var sum = ExactSum()
        var least = Double.infinity
        var greatest = -Double.infinity
        var firstMillis: Int64 = 0
        var firstValue = 0.0
        var lastMillis: Int64 = 0
        var lastValue = 0.0
        /// The sum of each value times the milliseconds to the next sample.
        var area = ExactSum()

        /// Adds the state of a later interval.
        mutating func merge(_ later: State) {
            guard later.count > 0 else { return }
            guard count > 0 else {
                self = later
                return
            }
            count += later.count
            sum.add(later.sum)
            least = min(least, later.least)
            greatest = max(greatest, later.greatest)
            area.add(lastValue * Double(later.firstMillis - lastMillis))
            area.add(later.area)
            lastMillis = later.lastMillis
            lastValue = later.lastValue
        }

        /// The mean over time; the last sample weighs up to `end`.
        func timeAverage(upTo end: Int64) -> Double {
            let weight = end - firstMillis
            guard weight > 0 else { return lastValue }
            var area = area
            area.add(lastValue * Double(max(0, end - lastMillis)))
            return area.value / Double(weight)
        }
    }

    /// Folds only what the aggregation needs.
    static func fold(
        _ column: SampleColumn,
        cuts: [Int64],
        for aggregation: Aggregation,
        into states: inout [State]
    ) -> Bool {
        let times = column.timestamps.span
        let values = column.values.span
        var position = lowerBound(times, cuts[0], from: 0)
        var hasSamples = false
        for interval in 0..<cuts.count - 1 {
            guard position < times.count else {
                for rest in interval..<cuts.count - 1 { states[rest] = State() }
                break
            }
            let end = lowerBound(times, cuts[interval + 1], from: position)
            var state = State()
            switch aggregation {
            case .sum, .count, .min, .max:
                while position < end {
                    let value = values[position]
                    position += 1
                    guard value == value else { continue }
                    state.count += 1
                    state.sum.add(value)
                    if value < state.least { state.least = value }
                    if value > state.greatest { state.greatest = value }
                }
            case .first, .last, .timeAverage:
                while position < end {
                    let (time, value) = (times[position], values[position])
                    position += 1
                    guard value == value else { continue }
                    if state.count == 0 {
                        (state.firstMillis, state.firstValue) = (time, value)
                    } else {
                        state.area.add(state.lastValue * Double(time - state.lastMillis))
                    }
                    (state.lastMillis, state.lastValue) = (time, value)
                    state.count += 1
                }
            }
            hasSamples = hasSamples || state.count > 0
            states[interval] = state
        }
        return hasSamples
    }
}
