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
        let (segments, classes, expiries) = state.withLock { ($0.segments, $0.retention, $0.expiries) }
        guard let shortest = classes.shortestMillis else { return }
        let deadline = now.advanced(byMillis: -shortest)
        var removed: [SeriesID] = []
        for segment in segments where segment.firstChunkEnd < deadline {
            if let next = expiries[segment.record.file], now <= next { continue }
            do throws(StorageError) {
                let ids = state.withLock { $0.identities[segment.record.file]?.ids ?? [] }
                if try expire(segment, classes, now) { removed.append(contentsOf: ids) }
            } catch {
                telemetry.logger.error("cannot delete expired samples: \(error)")
            }
        }
        forget(removed)
    }

    /// Removes what has expired from one segment; whether something has.
    private func expire(
        _ segment: Segment,
        _ classes: RetentionClasses,
        _ now: Timestamp
    ) throws(StorageError) -> Bool {
        var hasExpired = false
        var next = Timestamp.max
        var hasLive = false
        var all = try SegmentMerge([segment])
        while try all.next() {
            let retention = classes.rawMillis(of: all.labels)
            for part in all.parts {
                for chunk in try all.chunks(of: part) {
                    if Store.isExpired(chunk, retention, now) {
                        hasExpired = true
                    } else {
                        hasLive = true
                        guard let retention else { continue }
                        next = min(next, chunk.range.end.advanced(byMillis: retention))
                    }
                }
            }
        }
        guard hasExpired else {
            state.withLock { $0.expiries[segment.record.file] = next }
            return false
        }
        try replace([segment], by: hasLive ? try rewrite(segment, classes, now) : [])
        telemetry.segmentsExpired.add()
        return true
    }

    /// Writes what has not expired of a segment anew.
    private func rewrite(
        _ segment: Segment,
        _ classes: RetentionClasses,
        _ now: Timestamp
    ) throws(StorageError) -> [Segment] {
        let shape = SegmentShape(
            retentionMillis: segment.record.retentionMillis,
            sequence: segment.record.sequence,
            windows: segment.windows,
            level: segment.record.level
        )
        return try writeSegments { outputs in
            var output = try beginSegment(shape)
            defer { outputs[shape.retentionMillis] = output }
            var all = try SegmentMerge([segment])
            while try all.next() {
                let retention = classes.rawMillis(of: all.labels)
                output.writer.beginSeries(all.labels)
                try all.copySamples(to: &output.writer) { !Store.isExpired($0, retention, now) }
                try output.writer.endSeries()
            }
        }
    }

    private static func isExpired(
        _ chunk: Segment.Chunk,
        _ retentionMillis: Int64?,
        _ now: Timestamp
    ) -> Bool {
        guard let retentionMillis else { return false }
        return chunk.maxMillis < now.advanced(byMillis: -retentionMillis).millis
    }

    /// Forgets those of the series that have no sample left.
    func forget(_ candidates: [SeriesID]) {
        guard !candidates.isEmpty else { return }
        let count = state.withLock { state in
            var gone: [SeriesID: Labels] = [:]
            for id in Set(candidates)
            where !state.hasHeadSamples(id, in: .all) && state.places(of: id, in: .all).isEmpty {
                if let index = state.table.index(of: id) { gone[id] = state.table[index].labels }
            }
            state.index.remove(gone)
            state.table.remove(Set(gone.keys))
            return gone.count
        }
        if count > 0 { telemetry.logger.info("forgot \(count) series whose samples have all expired") }
    }
}
