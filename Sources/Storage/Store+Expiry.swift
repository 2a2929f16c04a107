import Model

extension Store {
    /// Deletes the chunks whose samples are all older than their series is to be kept: whole files where it
    /// can, else the file is written again without them.
    ///
    /// Series that have no sample left anywhere are forgotten.
    ///
    /// On the compaction queue.
    func expire() {
        let now = options.now()
        let (segments, shortest) = state.withLock { ($0.segments, $0.retention.shortestMillis) }
        guard let shortest else { return }
        let deadline = now.advanced(byMillis: -shortest)
        var removed: [SeriesID] = []
        for segment in segments where segment.firstChunkEnd < deadline {
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
        func isExpired(_ chunk: Segment.Chunk, _ item: FlushSeries) -> Bool {
            guard let retention = item.retentionMillis else { return false }
            return chunk.maxMillis < now.advanced(byMillis: -retention).millis
        }
        var hasExpired = false
        var hasLive = false
        for item in series {
            for chunk in segment.chunks(of: item.id) {
                if isExpired(chunk, item) { hasExpired = true } else { hasLive = true }
            }
        }
        guard hasExpired else { return false }
        var replacement: Segment?
        if hasLive {
            var cache = Segment.Cache()
            let shape = SegmentShape(
                retentionMillis: segment.record.retentionMillis,
                sequence: segment.record.sequence,
                windows: segment.windows,
                level: segment.record.level
            )
            replacement = try writeSegment(shape, series) { item throws(StorageError) in
                var column = SampleColumn()
                for chunk in segment.chunks(of: item.id) where !isExpired(chunk, item) {
                    column = column.merged(with: try segment.read(chunk, &cache))
                }
                return column
            }
        }
        try replace([segment], by: replacement.map { [$0] } ?? [])
        telemetry.segmentsExpired.add()
        return true
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
