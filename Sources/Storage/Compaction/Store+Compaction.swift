import Catalog
import Glibc
import Model

extension Store {
    /// Merges segments until there is nothing left that gains from it, and returns when that is done.
    package func compact() async throws(StorageError) {
        let result: Result<Void, StorageError> = await withCheckedContinuation { continuation in
            compaction.async {
                do throws(StorageError) {
                    while try self.compactOnce(isForced: true) {}
                    continuation.resume(returning: .success(()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        try result.get()
    }

    /// Deletes what has expired, then makes the merges that are due; a failed merge is tried again later.
    ///
    /// On the compaction queue.
    func maintainSegments() {
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
        let (segments, isClosed) = state.withLock { ($0.segments, $0.isClosed) }
        guard !isClosed else { return false }
        let planner = CompactionPlanner(
            candidates: segments.map(CompactionPlanner.Candidate.init),
            now: options.now(),
            isForced: isForced
        )
        guard let plan = planner.next() else { return false }
        let members = Set(plan.files)
        return try merge(segments.filter { members.contains($0.record.file) }, plan.level, isForced)
    }

    /// Writes `inputs` (in the order of their sequence) anew as one segment per retention and puts these in
    /// their place.
    private func merge(_ inputs: [Segment], _ level: Int, _ isForced: Bool) throws(StorageError) -> Bool {
        let start = ContinuousClock.now
        let series = describe(Set(inputs.flatMap(\.series)))
        var windows: [Int64: UInt64] = [:]
        for input in inputs { windows.merge(input.windows) { max($0, $1) } }
        let pace = CompactionPace(isForced: isForced)
        var outputs: [Segment] = []
        var caches = inputs.map { _ in Segment.Cache() }
        for retention in Set(series.map(\.retentionMillis)) {
            let shape = SegmentShape(
                retentionMillis: retention,
                sequence: inputs.map(\.record.sequence).max() ?? 0,
                windows: windows,
                level: level
            )
            let members = series.filter { $0.retentionMillis == retention }
            let written = try writeSegment(shape, members) { item throws(StorageError) in
                pace.rest()
                if self.state.withLock({ $0.isClosed }) { throw .closed }
                var column = SampleColumn()
                for (index, input) in inputs.enumerated() {
                    for chunk in input.chunks(of: item.id) {
                        column = column.merged(with: try input.read(chunk, &caches[index]))
                    }
                }
                return column
            }
            if let written { outputs.append(written) }
        }
        try replace(inputs, by: outputs)
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

    /// Makes `new` count in the place of `old`, in the catalog and for readers, and deletes the old files.
    ///
    /// Readers that have an old segment open go on with it.
    func replace(_ old: [Segment], by new: [Segment]) throws(StorageError) {
        var change = CatalogChange(counters: state.withLock { $0.counters })
        change.removedFiles = old.map(\.record.file)
        change.addedSegments = new.map(\.record)
        try commit(change)
        let gone = Set(old.map(\.record.file))
        state.withLock { state in
            state.segments.removeAll { gone.contains($0.record.file) }
            state.segments.append(contentsOf: new)
            state.segments.sort {
                ($0.record.sequence, $0.record.file) < ($1.record.sequence, $1.record.file)
            }
        }
        for segment in old {
            // One that stays is a left-over without meaning, which the next start removes.
            do throws(FileError) { try options.fileSystem.remove(segment.path) } catch {
                telemetry.note(error)
            }
        }
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

    private let isForced: Bool
    private var begin = ContinuousClock.now

    /// A pace that rests, or does not if somebody waits for the result.
    init(isForced: Bool) {
        self.isForced = isForced
    }

    /// Rests as long as was worked since the last rest, once that is worth it.
    func rest() {
        guard !isForced else { return }
        let worked = ContinuousClock.now - begin
        guard worked >= CompactionPace.stretch else { return }
        usleep(UInt32(min(worked / .microseconds(1), 200_000)))
        begin = .now
    }
}
