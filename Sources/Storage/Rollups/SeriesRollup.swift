import Model

/// The buckets of one level of one series, starts rising strictly.
struct SeriesRollup: Sendable {
    /// The length of the buckets.
    var level: RollupLevel
    /// The buckets that have numbers.
    var buckets: [RollupBucket] = []
    /// The buckets that have native histograms.
    var histograms: [HistogramRollup] = []

    /// Whether there are no buckets.
    var isEmpty: Bool { buckets.isEmpty && histograms.isEmpty }

    /// Those of `level`, which is coarser.
    func coarser(_ level: RollupLevel) -> SeriesRollup {
        SeriesRollup(
            level: level,
            buckets: RollupBucket.coarser(buckets, level),
            histograms: HistogramRollup.coarser(histograms, level)
        )
    }

    /// Adds those of `other` behind all that it has.
    mutating func append(_ other: SeriesRollup) {
        buckets += other.buckets
        histograms += other.histograms
    }

    /// Adds those of `other`, which are of other samples; those that are in both are added up.
    mutating func formUnion(_ other: SeriesRollup) {
        buckets = RollupBucket.union(buckets, other.buckets)
        histograms = HistogramRollup.union(histograms, other.histograms)
    }

    /// Removes the buckets that do not begin before `millis`.
    mutating func remove(from millis: Int64) {
        buckets.removeAll { $0.start >= millis }
        histograms.removeAll { $0.start >= millis }
    }

    /// Removes the buckets that something is deleted of; those of `finer` ones that are left in them make
    /// them again.
    mutating func remove(_ deleted: [TimeRange], finer: SeriesRollup?) {
        SeriesRollup.remove(deleted, from: &buckets, level, finer?.buckets)
        SeriesRollup.remove(deleted, from: &histograms, level, finer?.histograms)
    }

    private static func remove<Unit: RollupUnit>(
        _ deleted: [TimeRange],
        from all: inout [Unit],
        _ level: RollupLevel,
        _ finer: [Unit]?
    ) {
        var kept: [Unit] = []
        var cut: Set<Int64> = []
        for bucket in all {
            let start = Timestamp(millis: bucket.start)
            let range = TimeRange(start, start.advanced(byMillis: level.millis - 1))
            if deleted.contains(where: { $0.overlaps(range) }) {
                cut.insert(bucket.start)
            } else {
                kept.append(bucket)
            }
        }
        if let finer, !cut.isEmpty {
            let left = finer.filter {
                cut.contains(Timestamp(millis: $0.start).floored(toMillis: level.millis).millis)
            }
            kept += Unit.coarser(left, level)
            kept.sort { $0.start < $1.start }
        }
        all = kept
    }
}

extension Segment {
    /// The buckets of a rollup chunk of the series `ordinal`, with all that is known of them.
    func rollup(
        _ chunk: Chunk,
        of ordinal: UInt32,
        _ reader: inout Reader
    ) throws(StorageError) -> SeriesRollup {
        guard let level = chunk.level else { preconditionFailure("BUG: samples are read for rollups") }
        var rollup = SeriesRollup(level: level)
        let parts: WindowParts = [.sum, .extremes, .increase, .area]
        if chunk.isOfHistograms {
            rollup.histograms = try histogramRollups(chunk, of: ordinal, parts, &reader)
        } else {
            rollup.buckets = try buckets(chunk, of: ordinal, parts, &reader)
        }
        return rollup
    }
}
