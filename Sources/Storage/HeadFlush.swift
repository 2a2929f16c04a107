import Model

/// A head that takes no more writes, on its way into segments; still read.
struct FrozenHead: Sendable {
    /// The samples and their series.
    let head: Head
    /// The number of the last write in it.
    let sequence: UInt64
    /// The number of the log file that the first write after it went to; files before are its own.
    let nextLog: UInt64
}

/// Goes through a frozen head, which becomes a segment for each partition of time and each time of retention.
private struct HeadFlush {
    /// The most files that are written side by side; for more, the head is gone through again.
    static let filesAtOnce = 16

    /// What is kept in one segment.
    struct Destination: Hashable {
        var partition: FlushPartitions.Partition
        var retentionMillis: Int64?
    }

    let head: Head
    let retention: RetentionClasses
    /// The deletes that concern the head.
    let tombstones: Tombstones
    let now: Timestamp
    /// The series in label order.
    let order: [UInt32]
    let partitions: FlushPartitions
    /// The times that existing segments cover.
    let covered: [TimeRange]

    init(
        _ head: Head,
        _ retention: RetentionClasses,
        without tombstones: Tombstones,
        covered: [TimeRange],
        now: Timestamp
    ) {
        self.head = head
        self.tombstones = tombstones
        self.retention = retention
        self.covered = covered
        self.now = now
        order = head.seriesInLabelOrder()
        var partitions = FlushPartitions()
        for series in order {
            let samples = head.snapshot(series)
            let range = TimeRange(Timestamp(millis: samples.minMillis), Timestamp(millis: samples.maxMillis))
            if CompactionPlanner.partition(of: range, CompactionPlanner.tiers[0]) != nil {
                partitions.count(samples.count, inDayOf: samples.minMillis)
            } else {
                partitions.count(samples.column().timestamps)
            }
        }
        partitions.choose()
        self.partitions = partitions
    }

    /// The level of what is written for a partition: 0, or that of a merge if it is over and has no segment.
    ///
    /// Then it is made as small as a merge would make it, and no merge has to write it again.
    func level(of partition: FlushPartitions.Partition) -> Int {
        let start = Timestamp(millis: partition.start)
        let range = TimeRange(start, start.advanced(byMillis: partition.length - 1))
        guard now > range.end.advanced(byMillis: CompactionPlanner.delayMillis),
            !covered.contains(where: { $0.overlaps(range) }),
            let tier = CompactionPlanner.tiers.firstIndex(of: partition.length)
        else { return 0 }
        return tier + 1
    }

    /// What is to be stored of a series, by destination; what has expired or is deleted is not.
    func parts(
        of series: UInt32,
        _ labels: Labels,
        _ times: RetentionTimes
    ) -> [(destination: Destination, column: SampleColumn)] {
        let retentionMillis = times.rawMillis
        // Nothing is rolled up yet.
        let earliest = Timestamp(millis: Store.earliest(now, times.keptMillis(besideLevels: [])))
        let samples = head.snapshot(series)
        guard earliest.millis <= samples.maxMillis else { return [] }
        let live = samples.column().sliced(to: TimeRange(earliest, .max))
            .without(tombstones.ranges(of: labels))
        return partitions.split(live).map { partition, column in
            (Destination(partition: partition, retentionMillis: retentionMillis), column)
        }
    }
}

extension Store {
    /// Writes what a head has into segments; they count once the catalog has them.
    func writeSegments(of frozen: FrozenHead) throws(StorageError) -> [Segment] {
        let (retention, tombstones, covered) = state.withLock { state in
            (
                state.retention, state.tombstones.concerning(frozen.sequence),
                state.segments.map(\.record.range)
            )
        }
        let flush = HeadFlush(
            frozen.head,
            retention,
            without: tombstones,
            covered: covered,
            now: options.now()
        )
        var segments: [Segment] = []
        var done: Set<HeadFlush.Destination> = []
        var isComplete = false
        while !isComplete {
            isComplete = true
            do throws(StorageError) {
                segments += try writeSegments { (outputs: inout [HeadFlush.Destination: SegmentOutput]) in
                    for series in flush.order {
                        let labels = frozen.head.labels(series)
                        let times = flush.retention.times(of: labels)
                        for (destination, column) in flush.parts(of: series, labels, times) {
                            if done.contains(destination) { continue }
                            let level = flush.level(of: destination.partition)
                            if outputs[destination] == nil {
                                guard outputs.count < HeadFlush.filesAtOnce else {
                                    isComplete = false
                                    continue
                                }
                                let shape = SegmentShape(
                                    retentionMillis: destination.retentionMillis,
                                    sequence: frozen.sequence,
                                    level: level
                                )
                                outputs[destination] = try beginSegment(shape)
                            }
                            // A merge makes them where others are to be joined first.
                            let rollups = SeriesRollups(
                                level > 0 ? times.levels : [],
                                forSpeed: times.levelsForSpeed
                            )
                            try outputs[destination]?.writer.add(labels, column, rollups)
                        }
                    }
                    done.formUnion(outputs.keys)
                }
            } catch {
                for segment in segments { segment.markObsolete() }
                throw error
            }
        }
        return segments
    }
}
