import Model

extension Store {
    /// What the store holds now, and how fast it took samples in over the last minute.
    package var figures: StoreFigures {
        var figures = StoreFigures()
        state.withLock { state in
            figures.seriesCount = state.head.activeSeriesCount
            figures.headSampleCount = state.headSampleCount
            figures.segmentCount = state.segments.count
            figures.segmentBytes = state.segments.reduce(0) { $0 + $1.record.byteCount }
            figures.segmentSampleCount = state.segments.reduce(0) { $0 + $1.record.sampleCount }
        }
        figures.logBytes = log.byteCount
        figures.samplesPerSecond = intakeRate.withLock { $0.perSecond }
        return figures
    }

    /// What the series are made of, all of the store; each list has at most `limit` lines, the longest first.
    ///
    /// - Throws: `SourceError` if that takes longer than a query may.
    package func cardinality(limit: Int) throws(SourceError) -> CardinalityFigures {
        let budget = QueryBudget(limits: options.limits.current)
        var figures = CardinalityFigures()
        let (heads, segments) = state.withLock { ($0.frozen.map(\.head) + [$0.head], $0.segments) }
        for head in heads where head.sampleCount > 0 {
            figures.chunkCount += head.seriesCount
            figures.note(TimeRange(Timestamp(millis: head.minMillis), Timestamp(millis: head.maxMillis)))
        }
        for segment in segments {
            figures.chunkCount += segment.chunkCount
            figures.note(segment.record.range)
        }
        var names: [ByteText: [ByteText: Int]] = [:]
        let (series, _, memory) = try view(of: .all).series([], .all, budget)
        defer { withExtendedLifetime(memory) {} }
        figures.seriesCount = series.count
        var hint = 0
        for index in 0..<series.count {
            if index % 1024 == 0 { try budget.checkpoint() }
            for label in series.labels(at: index, near: &hint) {
                names[ByteText(label.name), default: [:]][ByteText(label.value), default: 0] += 1
            }
        }
        var pairs: [CardinalityFigures.Entry] = []
        for (name, values) in names {
            figures.labelPairCount += values.count
            figures.valuesByLabelName.append(.init(name.string, values.count))
            let bytes = values.keys.reduce(0) { $0 + $1.string.utf8.count }
            figures.bytesByLabelName.append(.init(name.string, bytes))
            for (value, count) in values {
                if name.string == Labels.metricName {
                    figures.seriesByMetricName.append(.init(value.string, count))
                }
                pairs.append(.init("\(name.string)=\(value.string)", count))
            }
        }
        figures.seriesByLabelPair = pairs
        for path in [
            \CardinalityFigures.seriesByLabelPair, \.seriesByMetricName, \.valuesByLabelName,
            \.bytesByLabelName,
        ] {
            figures[keyPath: path].sort { ($1.value, $0.name) < ($0.value, $1.name) }
            figures[keyPath: path] = Array(figures[keyPath: path].prefix(limit))
        }
        return figures
    }
}

extension CardinalityFigures {
    fileprivate mutating func note(_ range: TimeRange) {
        minMillis = min(minMillis ?? .max, range.start.millis)
        maxMillis = max(maxMillis ?? .min, range.end.millis)
    }
}

/// A total as it was at times within the last minute, and how fast it rose.
struct RateWindow: Sendable {
    /// How far back it looks.
    static let length = Duration.seconds(60)

    private var readings: [(time: ContinuousClock.Instant, total: Int)] = []

    /// Notes that the total is `total` at `time`; times rise.
    mutating func note(_ total: Int, at time: ContinuousClock.Instant) {
        readings.append((time, total))
        // One reading that is a minute old or older stays, so that the window is full.
        while readings.count > 2, readings[1].time.duration(to: time) >= RateWindow.length {
            readings.removeFirst()
        }
    }

    /// The rise per second between the oldest and the newest reading; nil without two of them.
    var perSecond: Double? {
        guard let first = readings.first, let last = readings.last else { return nil }
        let took = first.time.duration(to: last.time)
        guard took > .zero else { return nil }
        return Double(last.total - first.total) / (took / .seconds(1))
    }
}
