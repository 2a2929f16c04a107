import Model

/// The samples of one series, cut into the intervals of a request, folded into a state for each interval.
///
/// An interval is half-open; NaN and staleness markers are no samples. A source that has states of them
/// already is asked first (`IntervalStates`).
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

    /// The last number before a time; nil if there is none.
    static func last(_ column: SampleColumn, before time: Int64) -> Double? {
        var index = lowerBound(column.timestamps.span, time, from: 0)
        while index > 0 {
            index -= 1
            if !column.values[index].isNaN { return column.values[index] }
        }
        return nil
    }

    /// Sets `states[first...]` to the states of the intervals between `cuts`, with those parts that are
    /// wanted and their counts and times.
    static func fold(
        _ column: SampleColumn,
        cuts: [Int64],
        _ parts: WindowParts,
        into states: inout [WindowState],
        from first: Int
    ) {
        let times = column.timestamps.span
        let values = column.values.span
        var position = lowerBound(times, cuts[0], from: 0)
        for interval in 0..<cuts.count - 1 {
            let end = lowerBound(times, cuts[interval + 1], from: position)
            let samples = position..<end
            position = end
            var state = WindowState()
            if !samples.isEmpty {
                if parts.contains(.area) {
                    addEnds(samples, times, values, to: &state, hasArea: true)
                } else if parts.contains(.ends), !parts.contains(.increase) {
                    addEnds(samples, times, values, to: &state, hasArea: false)
                }
                if parts.contains(.increase) { addIncrease(samples, times, values, to: &state) }
                if parts.isDisjoint(with: .ends) || !parts.isDisjoint(with: [.sum, .extremes]) {
                    addNumbers(samples, times, values, to: &state)
                }
            }
            states[first + interval] = state
        }
    }

    /// Adds up samples, and finds the smallest and the greatest.
    private static func addNumbers(
        _ samples: Range<Int>,
        _ times: Span<Int64>,
        _ values: Span<Double>,
        to state: inout WindowState
    ) {
        var next = WindowState()
        var (first, last) = (-1, 0)
        for index in samples {
            let value = values[index]
            guard value == value else { continue }
            if first < 0 { first = index }
            last = index
            next.count += 1
            next.addToSum(value)
            if value < next.least { next.least = value }
            if value > next.greatest { next.greatest = value }
        }
        guard first >= 0 else { return }
        (state.count, state.sum, state.compensation) = (next.count, next.sum, next.compensation)
        (state.least, state.greatest) = (next.least, next.greatest)
        (state.firstMillis, state.lastMillis) = (times[first], times[last])
    }

    /// Notes the first and the last sample, and what lies between them over time if that is wanted.
    private static func addEnds(
        _ samples: Range<Int>,
        _ times: Span<Int64>,
        _ values: Span<Double>,
        to state: inout WindowState,
        hasArea: Bool
    ) {
        var next = WindowState()
        for index in samples {
            let (time, value) = (times[index], values[index])
            guard value == value else { continue }
            if next.count == 0 {
                (next.firstMillis, next.firstValue) = (time, value)
            } else if hasArea {
                next.addToArea(next.lastValue * Double(time - next.lastMillis))
            }
            (next.lastMillis, next.lastValue) = (time, value)
            next.count += 1
        }
        state = next
    }

    /// Notes the first and the last sample, and those that a smaller one followed.
    private static func addIncrease(
        _ samples: Range<Int>,
        _ times: Span<Int64>,
        _ values: Span<Double>,
        to state: inout WindowState
    ) {
        guard let first = samples.first(where: { !values[$0].isNaN }) else { return }
        var last = values[first]
        var (lastIndex, count) = (first, 1)
        var index = first + 1
        while index < samples.upperBound {
            let value = values[index]
            // Neither smaller nor greater: not a number.
            if value >= last {
                (last, lastIndex) = (value, index)
                count += 1
            } else if value < last {
                state.addToResets(last)
                (last, lastIndex) = (value, index)
                count += 1
            }
            index += 1
        }
        (state.count, state.firstMillis, state.lastMillis) = (count, times[first], times[lastIndex])
        (state.firstValue, state.lastValue) = (values[first], last)
    }
}

extension WindowState {
    /// The mean over time; the last sample weighs up to `end`.
    func timeAverage(upTo end: Int64) -> Double {
        let weight = end - firstMillis
        guard weight > 0 else { return lastValue }
        var state = self
        state.addToArea(lastValue * Double(max(0, end - lastMillis)))
        return state.totalArea / Double(weight)
    }

    /// How much a counter rose in the stretch.
    ///
    /// - Parameters:
    ///   - last: Its value before. NaN: its first sample here is the first that is known.
    ///   - countsFirst: Whether that counts in full, seen from its time.
    /// - Returns: The rise, at least 0 for what a counter can be.
    func rise(after last: Double, countsFirst: (Int64) -> Bool) -> Double {
        if last.isNaN { return countsFirst(firstMillis) ? increase + firstValue : increase }
        return increase + (firstValue < last ? firstValue : firstValue - last)
    }
}

extension MetricDefinition {
    /// The parts of a state that its values are made of.
    var parts: WindowParts {
        if case .counter = source { return .increase }
        return switch aggregation {
        case .sum: .sum
        case .count: []
        case .min, .max: .extremes
        case .first, .last: .ends
        case .timeAverage: .area
        }
    }
}
