import Catalog
import Model

extension Store {
    /// Deletes the chunks whose window is older than their series is to be kept: whole files where it can,
    /// else the file is written again without them.
    ///
    /// Series that have no sample left anywhere are forgotten.
    ///
    /// On the maintenance queue.
    func expire() {
        let now = options.now()
        let (segments, shortest) = state.withLock { ($0.segments, $0.retention.shortestMillis) }
        guard let shortest else { return }
        let deadline = now.advanced(byMillis: -shortest)
        var removed: [SeriesID] = []
        for segment in segments where segment.firstWindowEnd < deadline {
            do throws(StorageError) {
                if try expire(segment, now) { removed.append(contentsOf: segment.series) }
            } catch {
                telemetry.logger.error("cannot delete expired samples: \(error)")
            }
        }
        forget(removed)
    }

    /// Removes what has expired from one segment; whether something has.
    private func expire(_ segment: Segment, _ now: Timestamp) throws(StorageError) -> Bool {
        let series = describe(segment.series)
        var hasExpired = false
        var hasLive = false
        for item in series {
            for chunk in segment.chunks(of: item.id) {
                let isExpired = Store.isExpired(windowStart: chunk.windowStart, now, item.retentionMillis)
                if isExpired { hasExpired = true } else { hasLive = true }
            }
        }
        guard hasExpired else { return false }
        var replacement: Segment?
        if hasLive {
            var cache = Segment.Cache()
            let retention = segment.record.retentionMillis
            replacement = try writeSegment(retention, segment.record.sequence, series) {
                item throws(StorageError) in
                try Store.live(segment, item.id, &cache) {
                    !Store.isExpired(windowStart: $0, now, item.retentionMillis)
                }
            }
        }
        var change = CatalogChange(counters: state.withLock { $0.counters })
        change.removedFiles = [segment.record.file]
        change.addedSegments = replacement.map { [$0.record] } ?? []
        try commit(change)
        state.withLock { state in
            guard let position = state.segments.firstIndex(where: { $0 === segment }) else { return }
            if let replacement {
                state.segments[position] = replacement
            } else {
                state.segments.remove(at: position)
            }
        }
        telemetry.segmentsExpired.add()
        do throws(FileError) { try options.fileSystem.remove(segment.path) } catch { throw .file(error) }
        return true
    }

    private static func live(
        _ segment: Segment,
        _ id: SeriesID,
        _ cache: inout Segment.Cache,
        _ isLive: (Int64) -> Bool
    ) throws(StorageError) -> [(start: Int64, column: SampleColumn)] {
        var windows: [(start: Int64, column: SampleColumn)] = []
        for chunk in segment.chunks(of: id) where isLive(chunk.windowStart) {
            let column = try segment.read(chunk, &cache)
            if let last = windows.indices.last, windows[last].start == chunk.windowStart {
                windows[last].column = windows[last].column.merged(with: column)
            } else {
                windows.append((chunk.windowStart, column))
            }
        }
        return windows
    }

    /// Forgets those of the series that have no sample left.
    func forget(_ candidates: [SeriesID]) {
        guard !candidates.isEmpty else { return }
        let count = state.withLock { state in
            var gone: [SeriesID: Labels] = [:]
            for id in Set(candidates) where !state.hasSamples(id, in: .all) {
                if let index = state.table.index(of: id) { gone[id] = state.table[index].labels }
            }
            state.index.remove(gone)
            state.table.remove(Set(gone.keys))
            return gone.count
        }
        if count > 0 { telemetry.logger.info("forgot \(count) series whose samples have all expired") }
    }
}
