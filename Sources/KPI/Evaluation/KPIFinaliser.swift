import Model

/// Makes the value of a KPI from merged metrics; it is made once for each frame.
struct KPIFinaliser {
    let definitions: KPIDefinitions

    /// The value of `kpi` for `frame`; nil for null.
    func value<Reading: MetricReading>(
        of kpi: KPIDefinition,
        for frame: Frame,
        _ reading: inout Reading
    ) -> Double? {
        switch kpi.type {
        case .simple(let metric): return reading.value(of: metric, over: frame.range, for: frame.range)
        case .ratio(let numerator, let denominator):
            return ratio(parts(numerator, denominator, over: frame.range, &reading), of: kpi)
        case .derived(let formula, let fill): return value(of: formula, fill, for: frame, &reading)
        case .cumulative(let metric, let span):
            let range = range(of: span, metric, for: frame, reading)
            return reading.value(of: metric, over: range, for: frame.range)
        case .perDayAverage(let metric):
            let value = reading.value(of: metric, over: frame.range, for: frame.range)
            guard let value else { return nil }
            let dayCount = frame.calendar.dayCount(from: frame.range.start, to: frame.range.end)
            return value / Double(max(1, dayCount))
        }
    }

    /// The value of `kpi` for one of `frames`; nil for null.
    ///
    /// Most kinds need no more of a frame than its range: so it is not copied.
    func value<Reading: MetricReading>(
        of kpi: KPIDefinition,
        for frames: [Frame],
        at index: Int,
        _ reading: inout Reading
    ) -> Double? {
        switch kpi.type {
        case .simple(let metric):
            let range = frames[index].range
            return reading.value(of: metric, over: range, for: range)
        case .ratio(let numerator, let denominator):
            return ratio(parts(numerator, denominator, over: frames[index].range, &reading), of: kpi)
        default: return value(of: kpi, for: frames[index], &reading)
        }
    }

    /// Numerator and denominator of a ratio, merged and not divided.
    func parts<Reading: MetricReading>(
        _ numerator: String,
        _ denominator: String,
        over range: Bucket,
        _ reading: inout Reading
    ) -> (numerator: Double?, denominator: Double?) {
        (
            reading.value(of: numerator, over: range, for: range),
            reading.value(of: denominator, over: range, for: range)
        )
    }

    /// The value of a ratio from its parts; nil for null.
    func ratio(_ parts: (numerator: Double?, denominator: Double?), of kpi: KPIDefinition) -> Double? {
        guard let top = parts.numerator, let bottom = parts.denominator, bottom != 0 else { return nil }
        return kpi.isPercentage ? 100 * top / bottom : top / bottom
    }

    // MARK: - Formulas

    private func value<Reading: MetricReading>(
        of formula: Formula,
        _ fill: Double?,
        for frame: Frame,
        _ reading: inout Reading
    ) -> Double? {
        switch formula {
        case .number(let number): return number
        case .name(let name, let count):
            let frame = frame.earlier(by: count)
            let value: Double? =
                if definitions.metric(name) != nil {
                    reading.value(of: name, over: frame.range, for: frame.range)
                } else if let kpi = definitions.kpi(name) {
                    self.value(of: kpi, for: frame, &reading)
                } else {
                    nil
                }
            return value ?? fill
        case .negative(let operand):
            return self.value(of: operand, fill, for: frame, &reading).map { -$0 }
        case .binary(let operation, let left, let right):
            // Both are asked for in any case, so that it is known what has to be read.
            let left = value(of: left, fill, for: frame, &reading)
            let right = value(of: right, fill, for: frame, &reading)
            guard let left, let right else { return nil }
            switch operation {
            case .add: return left + right
            case .subtract: return left - right
            case .multiply: return left * right
            case .divide: return right == 0 ? nil : left / right
            }
        }
    }

    private func range<Reading: MetricReading>(
        of span: CumulativeSpan,
        _ metric: String,
        for frame: Frame,
        _ reading: Reading
    ) -> Bucket {
        let end = frame.range.end
        switch span {
        case .toDate(let period):
            return Bucket(start: frame.calendar.bucket(period, containing: end - 1).start, end: end)
        case .window(let window):
            let range = frame.calendar.range(of: window, endingAt: end)
            return Bucket(start: range.start, end: end)
        case .allTime:
            let oldest = reading.extent(of: metric)?.oldest ?? frame.range.start
            let grain = ExpressionBuckets.bucketMillis
            return Bucket(start: min(oldest.floored(by: grain) * grain, frame.range.start), end: end)
        }
    }
}
