import Model

/// The samples of all series in one window that are not in a segment yet.
struct HeadWindow: Sendable {
    /// The window's start in milliseconds.
    let start: Int64
    /// The samples by series.
    var columns: [SeriesID: HeadColumn] = [:]
    /// The number of samples in all columns.
    var sampleCount = 0
    /// The number of the oldest log file with samples of this window.
    let firstLog: UInt64
    /// When the first write came, by the daemon's clock.
    let firstWrite: Timestamp
    /// When the newest write came.
    var lastWrite: Timestamp

    /// A window that begins with a write that stands in the log file `firstLog`.
    init(start: Int64, firstLog: UInt64, now: Timestamp) {
        self.start = start
        self.firstLog = firstLog
        firstWrite = now
        lastWrite = now
    }

    /// Adds a sample that came at `now`.
    mutating func append(_ id: SeriesID, _ millis: Int64, _ value: Double, now: Timestamp)
        -> HeadColumn.Placement
    {
        let placement = columns[id, default: HeadColumn()].append(millis: millis, value: value)
        if placement != .overwritesLast { sampleCount += 1 }
        lastWrite = now
        return placement
    }

    /// The times that belong to it.
    var range: TimeRange { Window.range(startingAt: start) }

    /// Whether the window may be flushed at `now`: it is over and quiet, or waits for too long.
    func isDue(at now: Timestamp, _ options: StoreOptions) -> Bool {
        guard now > range.end.advanced(byMillis: options.flushDelayMillis) else { return false }
        return now >= lastWrite.advanced(byMillis: options.quietMillis)
            || now >= firstWrite.advanced(byMillis: options.flushLatestMillis)
    }
}

/// Windows that are being written to a segment: closed for writes, still read.
struct FrozenHead: Sendable {
    /// The windows by start.
    var windows: [Int64: HeadWindow]
    /// The number of the last write that the windows contain.
    var sequence: UInt64
}
