import Model

extension Store {
    /// Deletes the chunks whose samples are all older than their series is to be kept: whole files where it
    /// can, else the file is written again without them.
    ///
    /// On the compaction queue.
    func expire() {
        let now = options.now()
        let (segments, classes, expiries, tombstones) = state.withLock {
            ($0.segments, $0.retention, $0.expiries, $0.tombstones)
        }
        guard let shortest = classes.shortestMillis else { return }
        let deadline = now.advanced(byMillis: -shortest)
        for segment in segments where segment.firstChunkEnd < deadline {
            if let next = expiries[segment.record.file], now <= next { continue }
            do throws(StorageError) {
                try expire(segment, classes, tombstones, now)
            } catch {
                do throws(StorageError) { try repair(after: error) } catch {
                    telemetry.logger.error("cannot delete expired samples: \(error)")
                }
            }
        }
    }

    /// Removes what has expired from one segment.
    private func expire(
        _ segment: Segment,
        _ classes: RetentionClasses,
        _ tombstones: Tombstones,
        _ now: Timestamp
    ) throws(StorageError) {
        var hasExpired = false
        var next = Timestamp.max
        var hasLive = false
        var all = try SegmentMerge([segment])
        while try all.next() {
            let times = classes.times(of: all.labels)
            for part in all.parts {
                let chunks = try all.chunks(of: part)
                let present = Set(chunks.compactMap(\.level))
                for chunk in chunks {
                    let retention = times.keptMillis(chunk, beside: present)
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
            return
        }
        try replace(
            [segment],
            by: hasLive ? try rewrite(segment, classes, tombstones, now) : [],
            without: tombstones
        )
        telemetry.segmentsExpired.add()
    }

    /// Writes what has not expired of a segment anew.
    private func rewrite(
        _ segment: Segment,
        _ classes: RetentionClasses,
        _ tombstones: Tombstones,
        _ now: Timestamp
    ) throws(StorageError) -> [Segment] {
        let shape = SegmentShape(
            retentionMillis: segment.record.retentionMillis,
            sequence: segment.record.sequence,
            level: segment.record.level
        )
        return try writeSegments { (outputs: inout [Int64?: SegmentOutput]) in
            var output = try beginSegment(shape)
            defer { outputs[shape.retentionMillis] = output }
            var all = try SegmentMerge([segment], without: tombstones)
            while try all.next() {
                let times = classes.times(of: all.labels)
                var present: Set<RollupLevel> = []
                for part in all.parts { present.formUnion(try all.chunks(of: part).compactMap(\.level)) }
                try all.copySeries(to: &output.writer, rollups: .keep) {
                    !Store.isExpired($0, times.keptMillis($0, beside: present), now)
                }
            }
        }
    }

    /// Whether all of a chunk is older than it is to be kept.
    static func isExpired(
        _ chunk: Segment.Chunk,
        _ retentionMillis: Int64?,
        _ now: Timestamp
    ) -> Bool {
        guard let retentionMillis else { return false }
        return chunk.maxMillis < now.advanced(byMillis: -retentionMillis).millis
    }
}
