import Model

/// Rolls the samples of one series up while they pass by, times rising.
struct RollupFold {
    /// A level is kept if its buckets have at least so many samples on average.
    static let leastSamplesPerBucket = 2
    /// The same of a level that only makes reading faster: fewer samples are nearly as fast, and the level
    /// would take half as much room as they do.
    static let leastSamplesForSpeed = 32

    /// The levels that are wanted, finer ones first.
    let levels: [RollupLevel]
    /// Those that are not kept for longer than the samples.
    private let forSpeed: Set<RollupLevel>
    /// The buckets of the finest level.
    private var finest: [RollupBucket] = []
    /// Those of native histograms.
    private var histograms: [HistogramRollup] = []

    /// A fold without samples.
    init(_ levels: [RollupLevel], forSpeed: Set<RollupLevel> = []) {
        self.levels = levels
        self.forSpeed = forSpeed
    }

    /// Adds samples behind those that were added.
    mutating func add(_ column: SampleColumn) {
        guard let length = levels.first?.millis, !column.isEmpty else { return }
        guard column.histograms.isEmpty else {
            addHistograms(of: column, length)
            return add(column.withoutHistograms)
        }
        var bucket = finest.popLast() ?? RollupBucket(start: .min)
        var end = bucket.start == .min ? .min : bucket.start &+ length
        for index in column.timestamps.indices {
            let millis = column.timestamps[index]
            let value = column.values[index]
            if millis >= end {
                if !bucket.isEmpty { finest.append(bucket) }
                bucket = RollupBucket(start: Timestamp(millis: millis).floored(toMillis: length).millis)
                end = bucket.start &+ length
            }
            if StaleMarker.matches(value) { continue }
            if millis != bucket.start {
                bucket.open.add(millis: millis, value: value)
            } else if value == value {
                (bucket.edge, bucket.edgeValue) = (.number, value)
            } else {
                bucket.edge = .nan
            }
        }
        if !bucket.isEmpty { finest.append(bucket) }
    }

    private mutating func addHistograms(of column: SampleColumn, _ length: Int64) {
        // Outside of the array it is changed in place.
        var bucket = histograms.popLast() ?? HistogramRollup(start: .min)
        for (position, histogram) in zip(column.histograms.positions, column.histograms.values) {
            let millis = column.timestamps[position]
            let start = Timestamp(millis: millis).floored(toMillis: length).millis
            if start != bucket.start {
                if !bucket.isEmpty { histograms.append(bucket) }
                bucket = HistogramRollup(start: start)
            }
            bucket.add(millis: millis, histogram)
        }
        if !bucket.isEmpty { histograms.append(bucket) }
    }

    /// The rollups by level, finer ones first; those of levels that the series is too sparse for are missing.
    ///
    /// - Parameter isSparseToo: Whether these are there as well, as long as there is anything.
    /// - Returns: One for each level that is kept.
    func rollups(sparseToo isSparseToo: Bool = false) -> [SeriesRollup] {
        guard !finest.isEmpty || !histograms.isEmpty else { return [] }
        let sampleCount =
            finest.reduce(0) { $0 + $1.sampleCount } + histograms.reduce(0) { $0 + $1.sampleCount }
        var rollups: [SeriesRollup] = []
        var rollup = SeriesRollup(level: levels[0], buckets: finest, histograms: histograms)
        for level in levels {
            if level != levels[0] { rollup = rollup.coarser(level) }
            let least =
                forSpeed.contains(level)
                ? RollupFold.leastSamplesForSpeed : RollupFold.leastSamplesPerBucket
            let bucketCount = rollup.buckets.count + rollup.histograms.count
            guard isSparseToo || sampleCount >= least * bucketCount else { continue }
            rollups.append(rollup)
        }
        return rollups
    }
}

extension SampleColumn {
    /// The samples that are numbers.
    fileprivate var withoutHistograms: SampleColumn {
        var numbers = SampleColumn()
        var from = 0
        for position in histograms.positions {
            numbers.timestamps.append(contentsOf: timestamps[from..<position])
            numbers.values.append(contentsOf: values[from..<position])
            from = position + 1
        }
        numbers.timestamps.append(contentsOf: timestamps[from...])
        numbers.values.append(contentsOf: values[from...])
        return numbers
    }
}
