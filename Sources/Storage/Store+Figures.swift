import Model

extension Store {
    /// What the store holds now, and how fast it took samples in over the last minute.
    package var figures: StoreFigures {
        var figures = StoreFigures()
        state.withLock { state in
            figures.seriesCount = state.table.count
            figures.headSampleCount = state.headSampleCount
            figures.headSampleCount += state.frozen.reduce(0) { total, frozen in
                total + frozen.windows.values.reduce(0) { $0 + $1.sampleCount }
            }
            figures.segmentCount = state.segments.count
            figures.segmentBytes = state.segments.reduce(0) { $0 + $1.record.byteCount }
            figures.segmentSampleCount = state.segments.reduce(0) { $0 + $1.record.sampleCount }
        }
        figures.logBytes = log.byteCount
        figures.samplesPerSecond = intakeRate.withLock { $0.perSecond }
        return figures
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
