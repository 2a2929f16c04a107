import Model

/// What a head had of one series at one moment.
struct HeadSeries: Sendable {
    /// The time of its oldest sample in milliseconds.
    let minMillis: Int64
    /// The time of its newest sample in milliseconds.
    let maxMillis: Int64
    /// The number of its samples, those replaced later counted.
    let count: Int

    /// Keeps the memory of the runs.
    private let head: Head
    private let lastRun: HeadRunPointer
    /// The newest samples in the order in which they came.
    private let tail: ArraySlice<HeadSample>
    private let isOutOfOrder: Bool
    private let extras: HeadExtras

    /// What `head` has of the series that `entry` is; `tail` is a copy of its tail.
    init(_ head: Head, _ entry: HeadEntry, tail: ArraySlice<HeadSample>, _ extras: HeadExtras) {
        self.head = head
        self.extras = extras
        self.tail = tail
        minMillis = entry.minMillis
        maxMillis = entry.maxMillis
        count = Int(entry.sampleCount)
        isOutOfOrder = entry.isOutOfOrder
        lastRun = unsafe HeadRunPointer(run: entry.lastRun)
    }

    /// Its samples, times rising strictly; of equal times the one that came last counts.
    func column() -> SampleColumn {
        var column = markedColumn()
        extras.resolve(&column)
        return column
    }

    /// Its samples in `range`, as `column` has them; runs that end before it are not looked at.
    func column(in range: TimeRange) -> SampleColumn {
        if isOutOfOrder { return column().sliced(to: range) }
        let start = range.start.millis
        var runs: [HeadRun] = []
        if tail.first.map({ $0.millis > start }) ?? true {
            var next = unsafe lastRun.run
            while let pointer = unsafe next {
                let run = unsafe HeadRun(pointer)
                runs.append(run)
                unsafe next = run.firstMillis <= start ? nil : run.previous
            }
            runs.reverse()
        }
        var column = column(of: runs, capacity: runs.reduce(tail.count) { $0 + $1.count })
        extras.resolve(&column)
        return column.sliced(to: range)
    }

    /// Its samples with marks where the head keeps extras.
    private func markedColumn() -> SampleColumn {
        let runs = runs()
        if !isOutOfOrder { return column(of: runs, capacity: count) }
        // In the order in which they came; mostly runs that are in order by themselves.
        var pieces = runs.map { column(of: [$0], tail: []) }
        if !tail.isEmpty { pieces.append(column(of: [], tail: tail)) }
        return HeadSeries.merge(pieces)
    }

    /// The pieces, which come in the order of writing, as one column.
    static func merge(_ pieces: [SampleColumn]) -> SampleColumn {
        var order = Array(pieces.indices)
        order.sort { (pieces[$0].timestamps.first ?? 0, $0) < (pieces[$1].timestamps.first ?? 0, $1) }
        if isRising(pieces, order) {
            var column = SampleColumn()
            let count = pieces.reduce(0) { $0 + $1.count }
            column.timestamps.reserveCapacity(count)
            column.values.reserveCapacity(count)
            for piece in order { column.append(pieces[piece], pieces[piece].timestamps.indices) }
            return column
        }
        var all = SampleColumn()
        for piece in pieces { all.append(piece, piece.timestamps.indices) }
        let places = all.timestamps.indices.sorted { (all.timestamps[$0], $0) < (all.timestamps[$1], $1) }
        var column = SampleColumn()
        column.timestamps.reserveCapacity(all.count)
        column.values.reserveCapacity(all.count)
        for place in places { column.appendOrReplace(all.timestamps[place], all.values[place]) }
        return column
    }

    // MARK: - Private

    /// Whether the pieces in this order rise strictly.
    private static func isRising(_ pieces: [SampleColumn], _ order: [Int]) -> Bool {
        var last = Int64.min
        var isFirst = true
        for piece in order {
            for millis in pieces[piece].timestamps {
                if !isFirst && millis <= last { return false }
                last = millis
                isFirst = false
            }
        }
        return true
    }

    private func runs() -> [HeadRun] {
        var runs: [HeadRun] = []
        var next = unsafe lastRun.run
        while let pointer = unsafe next {
            let run = unsafe HeadRun(pointer)
            runs.append(run)
            unsafe next = run.previous
        }
        runs.reverse()
        return runs
    }

    private func column(of runs: [HeadRun], capacity: Int) -> SampleColumn {
        var column = SampleColumn()
        column.timestamps.reserveCapacity(capacity)
        column.values.reserveCapacity(capacity)
        withExtendedLifetime(head) {
            for run in runs { run.decode(into: &column.timestamps, &column.values) }
        }
        for sample in tail { column.append(millis: sample.millis, value: Double(bitPattern: sample.bits)) }
        return column
    }

    private func column(of runs: [HeadRun], tail: ArraySlice<HeadSample>) -> SampleColumn {
        var column = SampleColumn()
        withExtendedLifetime(head) {
            for run in runs { run.decode(into: &column.timestamps, &column.values) }
        }
        for sample in tail { column.append(millis: sample.millis, value: Double(bitPattern: sample.bits)) }
        return column
    }
}

/// Where a run begins; what is there does not change while the head lives.
@safe struct HeadRunPointer: @unchecked Sendable {
    /// The address; nil without a run.
    let run: UnsafeRawPointer?

    /// The run at an address.
    @unsafe init(run: UnsafeRawPointer?) {
        unsafe self.run = run
    }
}
