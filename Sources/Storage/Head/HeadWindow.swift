import Model

/// The samples of all series in one window that are not in a segment yet.
struct HeadWindow: Sendable {
    /// The window's start in milliseconds.
    let start: Int64
    /// The samples by series.
    var columns = HeadColumns()
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

    /// What became of the samples that `append` took.
    struct Taken {
        /// How many it took.
        var count = 0
        /// How many of them replaced the sample before them.
        var overwrittenCount = 0
        /// How many were older than the sample before them.
        var outOfOrderCount = 0
    }

    /// Adds samples that came at `now`, up to the first one of another window.
    ///
    /// The first one belongs to this window.
    mutating func append(
        _ id: SeriesID,
        _ timestamps: ArraySlice<Int64>,
        _ values: ArraySlice<Double>,
        now: Timestamp
    ) -> Taken {
        let times = start...range.end.millis
        let taken = columns.change(id) { column in
            var taken = Taken()
            for position in timestamps.indices {
                let millis = timestamps[position]
                guard times.contains(millis) else { break }
                taken.count += 1
                switch column.append(millis: millis, value: values[position]) {
                case .atEnd: break
                case .overwritesLast: taken.overwrittenCount += 1
                case .outOfOrder: taken.outOfOrderCount += 1
                }
            }
            return taken
        }
        sampleCount += taken.count - taken.overwrittenCount
        lastWrite = now
        return taken
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
