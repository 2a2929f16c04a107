import Model

extension HistogramWindow {
    /// Finds where the counter of a series was reset, if the function asks for that.
    mutating func findResets(_ histograms: [NativeHistogram]) {
        isReset.removeAll(keepingCapacity: true)
        switch function {
        case .rate, .increase, .irate, .resets: break
        default: return
        }
        for index in histograms.indices {
            isReset.append(index > 0 && histograms[index].isReset(since: histograms[index - 1]))
        }
    }

    /// `rate`, `increase` and `delta` of a window without numbers.
    mutating func change(_ window: Window, _ inside: Range<Int>, _ samples: SampleColumn)
        -> NativeHistogram?
    {
        guard inside.count >= 2, let change = plainChange(samples.histograms.values, inside) else {
            return nil
        }
        // As in Prometheus 3.5, the extrapolation does not end where the count would have been zero.
        let times = samples.timestamps.span
        let factor = Extrapolation(window, times, window.low, window.high - 1).factor(
            isCounter: false,
            start: 0,
            change: change.count,
            perSecondOf: function == .rate ? shape.rangeMillis : nil
        )
        return change.scaled(by: factor)
    }

    /// The last histogram minus the first, and for counters plus those before each reset.
    private mutating func plainChange(_ all: [NativeHistogram], _ inside: Range<Int>) -> NativeHistogram? {
        let (firstIndex, lastIndex) = (inside.lowerBound, inside.upperBound - 1)
        var first = all[firstIndex]
        let last = all[lastIndex]
        let isCounter = function != .delta
        if isCounter, all[inside].contains(where: { $0.counterReset == .gauge }) { remark(.notCounter) }
        if !isCounter, first.counterReset != .gauge || last.counterReset != .gauge { remark(.notGauge) }
        if isCounter, isReset[firstIndex + 1] {
            // What came before the reset does not matter, whatever its buckets.
            let second = all[firstIndex + 1]
            first = NativeHistogram(schema: second.schema, customBounds: second.customBounds)
        }
        let between = isCounter ? all[firstIndex + 1..<lastIndex] : []
        guard last.hasCustomBounds == first.hasCustomBounds,
            between.allSatisfy({ $0.hasCustomBounds == first.hasCustomBounds })
        else {
            remark(.mismatch(.schemas))
            return nil
        }
        do {
            var isReconciled: Bool
            let schema = between.map(\.schema).min() ?? last.schema
            var (result, hasReconciled) = try last.reduced(to: schema).combined(first, isDifference: true)
            if hasReconciled { remark(.reconciled(operation: "subtraction")) }
            for index in firstIndex + 1...lastIndex
            where isCounter && isReset[index] && index > firstIndex + 1 {
                (result, isReconciled) = try result.combined(all[index - 1], isDifference: false)
                if isReconciled { remark(.reconciled(operation: "addition")) }
            }
            result.counterReset = .gauge
            return result.compacted
        } catch {
            remark(.mismatch(error))
            return nil
        }
    }

    /// Whether the last two samples are numbers.
    func bothAreNumbers(_ window: Window, _ samples: SampleColumn) -> Bool {
        window.count >= 2 && samples.histograms.indices(in: window.high - 2..<window.high).isEmpty
    }

    /// `irate` and `idelta` where the last two samples are histograms.
    mutating func lastChange(_ window: Window, _ samples: SampleColumn) -> NativeHistogram? {
        guard window.count >= 2 else { return nil }
        let pair = samples.histograms.indices(in: window.high - 2..<window.high)
        if pair.count == 1 { remark(.mixedWithNumbers) }
        guard pair.count == 2 else { return nil }
        let all = samples.histograms.values
        let (previous, last) = (all[pair.lowerBound], all[pair.lowerBound + 1])
        let isRate = function == .irate
        let isGauge = (previous.counterReset == .gauge, last.counterReset == .gauge)
        if isRate, isGauge.0 || isGauge.1 { remark(.notCounter) }
        if !isRate, !isGauge.0 || !isGauge.1 { remark(.notGauge) }
        var result = last
        if !isRate || !isReset[pair.lowerBound + 1] {
            do {
                let isReconciled: Bool
                (result, isReconciled) = try last.combined(previous, isDifference: true)
                if isReconciled { remark(.reconciled(operation: "subtraction")) }
            } catch {
                remark(.mismatch(error))
                return nil
            }
        }
        result.counterReset = .gauge
        result = result.compacted
        guard isRate else { return result }
        let millis = samples.timestamps[window.high - 1] - samples.timestamps[window.high - 2]
        return result.divided(by: Double(millis) / 1000)
    }

    /// `changes` and `resets`: how many samples differ from, or are resets since, the one before; between a
    /// number and a histogram it is always one.
    func pairCount(_ window: Window, _ samples: SampleColumn) -> Int {
        var count = 0
        let all = samples.histograms
        var next = all.indices(in: window.indices).lowerBound
        var previous: Int?
        for position in window.indices {
            let isHistogram = next < all.count && all.positions[next] == position
            let here = isHistogram ? next : nil
            defer {
                previous = here
                if isHistogram { next += 1 }
            }
            guard position > window.low else { continue }
            switch (previous, here) {
            case (let previous?, let here?):
                let counts = function == .resets ? isReset[here] : all.values[here] != all.values[previous]
                if counts { count += 1 }
            case (nil, nil):
                let (a, b) = (samples.values[position - 1], samples.values[position])
                if function == .resets ? b < a : a != b && !(a.isNaN && b.isNaN) { count += 1 }
            default: count += 1
            }
        }
        return count
    }
}
