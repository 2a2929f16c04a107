import Catalog
import Glibc
import Model

extension Store {
    /// Merges segments until there is nothing left that gains from it, and returns when that is done.
    package func compact() async throws(StorageError) {
        try await onQueue(compaction) { () throws(StorageError) in
            while try self.compactOnce(isForced: true) {}
        }
    }

    /// Deletes what has expired, then makes the merges that are due; a failed merge is tried again later.
    ///
    /// On the compaction queue.
    func maintainSegments() {
        if options.mergesInBackground { workOffDeletes() }
        expire()
        guard options.mergesInBackground,
            compactionPause.withLock({ $0.map { ContinuousClock.now >= $0 } ?? true })
        else { return }
        do throws(StorageError) {
            while try compactOnce(isForced: false) {}
        } catch {
            // The inputs stay; the next start merges them.
            if error == .closed { return }
            telemetry.compactionFailures.add()
            telemetry.logger.error("merging segments failed and is tried again later: \(error)")
            compactionPause.withLock { $0 = .now.advanced(by: .seconds(60)) }
        }
    }

    // MARK: - Private

    /// Makes one merge; false if there is none to make or the store is being closed.
    private func compactOnce(isForced: Bool) throws(StorageError) -> Bool {
        let (segments, classes, tombstones, isClosed) = state.withLock {
            ($0.segments, $0.retention, $0.tombstones, $0.isClosed)
        }
        guard !isClosed else { return false }
        let planner = CompactionPlanner(
            candidates: segments.map(CompactionPlanner.Candidate.init),
            now: options.now(),
            isForced: isForced,
            rolledUpMillis: classes.rolledUpMillis,
            deletes: tombstones.all.map(\.record.sequence)
        )
        guard let plan = planner.next() else { return false }
        let members = Set(plan.files)
        let inputs = segments.filter { members.contains($0.record.file) }
        try checkRoom(for: inputs)
        do throws(StorageError) {
            return try merge(inputs, plan.level, tombstones, isForced)
        } catch {
            // What is sound of a damaged input is merged with the others by the next round.
            try repair(after: error)
            return true
        }
    }

    /// Throws unless the disk has room for as much as `inputs` take, beside the reserve.
    func checkRoom(for inputs: [Segment]) throws(StorageError) {
        let space: DiskSpace
        do throws(FileError) { space = try options.fileSystem.diskSpace(of: directory) } catch {
            throw .file(error)
        }
        let reserve = DiskReserve.byteCount(options.diskReserveBytes, of: space)
        let needed = inputs.reduce(0) { $0 + $1.record.byteCount }
        guard space.freeByteCount - reserve >= needed else {
            throw .noRoom(directory: directory, neededBytes: needed, freeBytes: space.freeByteCount)
        }
    }

    /// Writes `inputs` (in the order of their sequence) anew as one segment per retention and puts these in
    /// their place.
    private func merge(
        _ inputs: [Segment],
        _ level: Int,
        _ tombstones: Tombstones,
        _ isForced: Bool
    ) throws(StorageError) -> Bool {
        let start = ContinuousClock.now
        let classes = state.withLock { $0.retention }
        let pace = CompactionPace { [self] in isForced || waitingDeletes.load(ordering: .relaxed) > 0 }
        let outputs = try writeSegments { (outputs: inout [Int64?: SegmentOutput]) in
            var all = try SegmentMerge(inputs, without: tombstones)
            while try all.next() {
                pace.rest()
                if state.withLock({ $0.isClosed }) { throw StorageError.closed }
                let times = classes.times(of: all.labels)
                let retention = times.rawMillis
                if outputs[retention] == nil {
                    let shape = SegmentShape(
                        retentionMillis: retention,
                        sequence: Store.sequence(ofMerged: inputs, keptFor: retention),
                        level: level
                    )
                    outputs[retention] = try beginSegment(shape)
                }
                try outputs[retention]?.add(&all, times)
            }
        }
        try replace(inputs, by: outputs, without: tombstones)
        let before = inputs.reduce(0) { $0 + $1.record.byteCount }
        let after = outputs.reduce(0) { $0 + $1.record.byteCount }
        telemetry.compactions.add()
        telemetry.compactionBytes.add(after)
        let millis = Int((ContinuousClock.now - start) / .milliseconds(1))
        telemetry.logger.info(
            """
            segments merged: from=\(inputs.count) to=\(outputs.count) level=\(level) bytes_before=\(before) \
            bytes_after=\(after) duration_ms=\(millis)
            """
        )
        return true
    }

    /// Makes `new` count in the place of `old`, in the catalog and for readers, which are told of `damages`.
    ///
    /// An old file is deleted when the last reader that began before is done with it. Nothing of what
    /// `tombstones` delete is in `new`.
    func replace(
        _ old: [Segment],
        by new: [Segment],
        without tombstones: Tombstones = Tombstones(),
        damages: [DamageRecord] = []
    ) throws(StorageError) {
        var change = CatalogChange(counters: state.withLock { $0.counters })
        change.removedFiles = old.map(\.record.file)
        change.addedSegments = new.map(\.record)
        change.addedDamages = damages
        try commit(change)
        state.withLock { state in
            state.remove(Set(old.map(\.record.file)))
            state.add(new)
            if !tombstones.isEmpty {
                for segment in new { state.examined[segment.record.file] = tombstones.lastNumber }
            }
            state.damages.append(contentsOf: damages.map { ($0.range, $0.text) })
            for damage in damages { state.changes.note(since: damage.range.start) }
        }
        for segment in old { segment.markObsolete() }
    }
}

extension SegmentOutput {
    /// Adds the series that `all` stands at, which is kept for `times`.
    fileprivate mutating func add(_ all: inout SegmentMerge, _ times: RetentionTimes) throws {
        try all.copySeries(to: &writer, rollups: .make(times.levels, forSpeed: times.levelsForSpeed))
    }
}

extension Store {
    /// The number of what a merge of `inputs` writes of one retention: the highest of those with this
    /// retention.
    ///
    /// A flush writes several segments with one number. The number of a segment of another retention would
    /// place the result above what the same flush wrote of this retention for more days, which is no input.
    static func sequence(ofMerged inputs: [Segment], keptFor retentionMillis: Int64?) -> UInt64 {
        let alike = inputs.filter { $0.record.retentionMillis == retentionMillis }
        return (alike.isEmpty ? inputs : alike).map(\.record.sequence).max() ?? 0
    }
}

extension CompactionPlanner.Candidate {
    /// What the planner looks at of `segment`.
    init(_ segment: Segment) {
        self.init(
            file: segment.record.file,
            sequence: segment.record.sequence,
            range: segment.record.range,
            level: segment.record.level,
            retentionMillis: segment.record.retentionMillis,
            byteCount: segment.record.byteCount,
            sampleCount: segment.record.sampleCount,
            sparseSampleCount: segment.sparseSampleCount
        )
    }
}

/// Keeps a merge in the background from taking more than about half of a core.
final class CompactionPace {
    /// How long it works before it rests.
    private static let stretch: Duration = .milliseconds(20)

    private let isWaitedFor: () -> Bool
    private var begin = ContinuousClock.now

    /// A pace that rests, or does not while somebody waits for the result.
    init(isWaitedFor: @escaping () -> Bool) {
        self.isWaitedFor = isWaitedFor
    }

    /// Rests as long as was worked since the last rest, once that is worth it.
    func rest() {
        guard !isWaitedFor() else { return }
        let worked = ContinuousClock.now - begin
        guard worked >= CompactionPace.stretch else { return }
        usleep(UInt32(min(worked / .microseconds(1), 200_000)))
        begin = .now
    }
}
