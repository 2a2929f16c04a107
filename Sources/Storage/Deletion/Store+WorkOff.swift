import Catalog
import Model

/// What deletes mean for one segment.
private enum DeleteEffect {
    /// Nothing of it is deleted.
    case none
    /// Some samples are, in so many series.
    case part(seriesCount: Int)
    /// Everything is.
    case whole
}

extension Store {
    /// Removes what is deleted from segments: whole files, and unless `onlyWhole` is set parts, for which
    /// files are written again; then forgets deletes of which nothing is left.
    ///
    /// On the compaction queue; what fails is tried again by the next round.
    func workOffDeletes(isForced: Bool = false, onlyWhole: Bool = false) {
        guard state.withLock({ !$0.isClosed && !$0.tombstones.isEmpty }) else { return }
        if !isForced, compactionPause.withLock({ $0.map { ContinuousClock.now < $0 } ?? false }) { return }
        do throws(StorageError) {
            try workOff(isForced: isForced, onlyWhole: onlyWhole)
            try forgetDeletes()
        } catch {
            if error == .closed { return }
            telemetry.logger.error("deleted samples cannot be removed yet and are only hidden: \(error)")
            compactionPause.withLock { $0 = .now.advanced(by: .seconds(10)) }
        }
    }

    /// Removes what is deleted from segments.
    ///
    /// On the compaction queue.
    func workOff(isForced: Bool, onlyWhole: Bool = false) throws(StorageError) {
        let (segments, start) = (touchedSegments(), ContinuousClock.now)
        var (removedCount, rewrittenCount, freedBytes) = (0, 0, 0)
        for (position, segment) in segments.enumerated() {
            let isThere = state.withLock { state in
                !state.isClosed && state.segments.contains { $0 === segment }
            }
            guard isThere else { continue }
            do throws(StorageError) {
                // All that are in force now: more may have come since.
                let tombstones = state.withLock { $0.tombstones }
                let some = tombstones.concerning(segment.record.sequence, segment.record.range)
                var rest: [Segment] = []
                switch try effect(of: some, on: segment) {
                case .none:
                    state.withLock { $0.examined[segment.record.file] = tombstones.lastNumber }
                    continue
                case .whole: removedCount += 1
                case .part(let seriesCount):
                    if onlyWhole { continue }
                    try checkRoom(for: [segment])
                    telemetry.logger.info(
                        """
                        deleting samples: segment=\(segment.record.file) series=\(seriesCount) \
                        bytes=\(segment.record.byteCount) segments_left=\(segments.count - position)
                        """
                    )
                    rest = try rewrite(segment, tombstones, isForced)
                    rewrittenCount += 1
                }
                try replace([segment], by: rest, without: tombstones)
                let freed = segment.record.byteCount - rest.reduce(0) { $0 + $1.record.byteCount }
                freedBytes += freed
                telemetry.deletedBytes.add(max(0, freed))
                let samples = rest.reduce(segment.record.sampleCount) { $0 - $1.record.sampleCount }
                telemetry.deletedSamples.add(max(0, samples))
            } catch {
                try repair(after: error)
            }
        }
        guard removedCount + rewrittenCount > 0 else { return }
        let millis = Int((ContinuousClock.now - start) / .milliseconds(1))
        telemetry.logger.info(
            """
            deleted samples removed: segments_removed=\(removedCount) segments_rewritten=\(rewrittenCount) \
            bytes_freed=\(freedBytes) duration_ms=\(millis)
            """
        )
    }

    /// The number of segments in which something may have to be deleted.
    var waitingSegmentCount: Int { touchedSegments().count }

    /// Forgets deletes of which nothing is left, neither in a head nor in a file that a start could read.
    ///
    /// On the compaction queue.
    func forgetDeletes() throws(StorageError) {
        let (candidates, files) = state.withLock { state in
            let candidates = state.tombstones.all.filter { tombstone in
                !state.frozen.contains { $0.sequence <= tombstone.record.sequence }
                    && !state.segments.contains { segment in
                        tombstone.concerns(segment.record.sequence, segment.record.range)
                            && state.examined[segment.record.file] ?? 0 < tombstone.record.number
                    }
            }
            return (candidates.map(\.record), Set(state.segments.map(\.record.file)))
        }
        guard !candidates.isEmpty else { return }
        let fileSystem = options.fileSystem
        var done: [TombstoneRecord] = []
        do throws(FileError) {
            // Files that readers still have, or that a flush makes just now: it is looked at again.
            let names = try fileSystem.list(segmentDirectory)
            guard names.allSatisfy({ SegmentFormat.number(ofName: $0) == nil || files.contains($0) }) else {
                return
            }
            let logFolder = "\(directory)/wal"
            let firstLog = try fileSystem.list(logFolder).compactMap(LogFile.number).min() ?? .max
            done = candidates.filter { $0.nextLog <= firstLog }
            guard !done.isEmpty else { return }
            // A loss of power must not bring back what a start without its catalog would take for data.
            try fileSystem.syncDirectory(segmentDirectory)
            try log.syncFolder()
            try TombstoneFiles(of: directory, fileSystem).remove(done.map(\.number))
        } catch {
            throw .file(error)
        }
        var change = CatalogChange(counters: state.withLock { $0.counters })
        change.removedTombstones = done.map(\.number)
        try commit(change)
        state.withLock { $0.tombstones.remove(Set(done.map(\.number))) }
        telemetry.logger.info("deletes worked off: count=\(done.count)")
    }

    // MARK: - Private

    private func touchedSegments() -> [Segment] {
        state.withLock { state in
            state.tombstones.isEmpty
                ? [] : state.segments.filter { !state.tombstones(concerning: $0).isEmpty }
        }
    }

    private func effect(
        of tombstones: Tombstones,
        on segment: Segment
    ) throws(StorageError) -> DeleteEffect {
        var reader = Segment.Reader()
        var touchedCount = 0
        var isWhole = true
        let series = try tombstones.touched(in: segment)
        for ordinal in series {
            let deleted = tombstones.ranges(of: try segment.labels(of: ordinal, &reader))
            let chunks = try segment.chunks(of: ordinal, &reader)
            if !chunks.allSatisfy({ DeletedTimes.cover(deleted, $0.range) }) { isWhole = false }
            let isTouched = chunks.contains { chunk in deleted.contains { $0.overlaps(chunk.range) } }
            if isTouched { touchedCount += 1 }
        }
        if touchedCount == 0 { return .none }
        if isWhole && series.count == segment.seriesCount { return .whole }
        return .part(seriesCount: touchedCount)
    }

    /// Writes what is not deleted of a segment anew.
    private func rewrite(
        _ segment: Segment,
        _ tombstones: Tombstones,
        _ isForced: Bool
    ) throws(StorageError) -> [Segment] {
        let pace = CompactionPace { [self] in isForced || waitingDeletes.load(ordering: .relaxed) > 0 }
        let classes = state.withLock { $0.retention }
        return try writeSegments { (outputs: inout [Int64?: SegmentOutput]) in
            var output = try beginSegment(segment.shape)
            defer { outputs[segment.shape.retentionMillis] = output }
            var all = try SegmentMerge([segment], without: tombstones)
            while try all.next() {
                pace.rest()
                if state.withLock({ $0.isClosed }) { throw StorageError.closed }
                // What a flush writes is rolled up by a merge.
                let times = classes.times(of: all.labels)
                let levels = segment.record.level > 0 ? times.levels : []
                try all.copySeries(
                    to: &output.writer,
                    rollups: .make(levels, forSpeed: times.levelsForSpeed)
                )
            }
        }
    }
}
