import Catalog
import Model

extension Store {
    /// Writes everything in the head into segments and returns when that is done.
    package func flush() async throws(StorageError) {
        let result: Result<Void, StorageError> = await withCheckedContinuation { continuation in
            maintenance.async {
                do throws(StorageError) {
                    try self.flush(
                        windows: self.state.withLock { Set($0.windows.keys) },
                        keepSpare: false
                    )
                    continuation.resume(returning: .success(()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        try result.get()
    }

    /// Flushes the windows that are over and quiet, or all when head or log have grown too large.
    func flushWhatIsDue() {
        let now = options.now()
        let due = state.withLock { state -> Set<Int64> in
            if state.headSampleCount >= options.headSamples || log.byteCount >= options.logBytes {
                return Set(state.windows.keys)
            }
            let shortest = state.retention.shortestMillis
            let due = state.windows.values.filter {
                $0.isDue(at: now, options) || Store.isExpired(windowStart: $0.start, now, shortest)
            }
            return Set(due.map(\.start))
        }
        let hasLeftover = state.withLock { !$0.frozen.isEmpty }
        guard !due.isEmpty || hasLeftover else { return }
        do throws(StorageError) {
            try flush(windows: due, keepSpare: true)
        } catch {
            telemetry.logger.error("flush failed, its samples stay in the head and the log: \(error)")
        }
    }

    // MARK: - On the maintenance queue

    /// Flushes the windows with these starts, on the maintenance queue.
    ///
    /// With `keepSpare` one of the log files that are not needed any more may stay to be overwritten.
    func flush(windows starts: Set<Int64>, keepSpare: Bool) throws(StorageError) {
        state.withLock { state in
            let windows = state.windows.filter { starts.contains($0.key) }
            guard !windows.isEmpty else { return }
            for start in windows.keys { state.windows[start] = nil }
            state.frozen.append(FrozenHead(windows: windows, sequence: state.counters.lastSequence))
        }
        // What an earlier flush could not write comes first: segments are made in the order of their
        // sequence.
        while let frozen = state.withLock({ $0.frozen.first }) {
            do throws(StorageError) {
                try write(frozen)
                telemetry.flushes.add()
            } catch {
                telemetry.flushFailures.add()
                throw error
            }
        }
        try saveMetadata()
        removeOldLogFiles(keepSpare: keepSpare)
    }

    /// Puts metadata that the catalog does not have into it.
    func saveMetadata() throws(StorageError) {
        let (metadata, counters) = state.withLock { ($0.changedMetadata, $0.counters) }
        guard !metadata.isEmpty else { return }
        var change = CatalogChange(counters: counters)
        change.metadata = metadata
        try commit(change)
        state.withLock { $0.noteSaved(metadata) }
    }

    /// Deletes the log files whose samples are all in segments; of an empty head that is every file.
    ///
    /// With `keepSpare` one may stay for the log to overwrite.
    func removeOldLogFiles(keepSpare: Bool) {
        // The log may be the only place that knows some metadata.
        guard state.withLock({ $0.unsavedMetadata.isEmpty }) else { return }
        let oldest = state.withLock { state in
            guard state.frozen.isEmpty else { return UInt64(0) }
            // Under the store's lock no write can get between the look at the head and the new file.
            return state.windows.values.map(\.firstLog).min() ?? log.beginFile()
        }
        log.removeFiles(below: oldest, keepSpare: keepSpare)
    }

    private func write(_ frozen: FrozenHead) throws(StorageError) {
        let now = options.now()
        let starts = frozen.windows.keys.sorted()
        let series = sortedSeries(of: frozen)
        var segments: [Segment] = []
        for retention in Set(series.map(\.retentionMillis)) {
            let members = series.filter { $0.retentionMillis == retention }
            for group in Store.groups(of: starts, retention, options.windowsPerFlush) {
                let live = group.filter { !Store.isExpired(windowStart: $0, now, retention) }
                let shape = SegmentShape(
                    retentionMillis: retention,
                    sequence: frozen.sequence,
                    windows: Dictionary(uniqueKeysWithValues: live.map { ($0, frozen.sequence) })
                )
                segments += try writeSegments { outputs in
                    var output = try beginSegment(shape)
                    defer { outputs[retention] = output }
                    for item in members {
                        output.writer.beginSeries(item.labels)
                        for start in live {
                            if let window = frozen.windows[start]?.columns[item.id] {
                                try output.writer.append(window.sorted())
                            }
                        }
                        try output.writer.endSeries()
                    }
                }
            }
        }
        let (metadata, counters) = state.withLock { ($0.changedMetadata, $0.counters) }
        var change = CatalogChange(counters: counters)
        change.addedSegments = segments.map(\.record)
        change.metadata = metadata
        let identities = try identify(segments)
        try commit(change)
        state.withLock { state in
            state.frozen.removeFirst()
            state.add(segments, identities)
            state.noteSaved(metadata)
        }
        let hasExpired = series.filter { item in
            starts.contains { Store.isExpired(windowStart: $0, now, item.retentionMillis) }
        }
        forget(hasExpired.map(\.id))
    }

    /// A series to be written.
    struct FlushSeries {
        var id: SeriesID
        var labels: Labels
        var retentionMillis: Int64?
    }

    private func sortedSeries(of frozen: FrozenHead) -> [FlushSeries] {
        var ids: Set<SeriesID> = []
        for window in frozen.windows.values { ids.formUnion(window.columns.keys) }
        return describe(ids)
    }

    /// The series with these ids in label order.
    func describe(_ ids: some Collection<SeriesID>) -> [FlushSeries] {
        let series = state.withLock { state in
            ids.compactMap { id in
                state.table.index(of: id).map { index in
                    FlushSeries(
                        id: id,
                        labels: state.table[index].labels,
                        retentionMillis: state.table[index].retentionMillis
                    )
                }
            }
        }
        return series.sorted { $0.labels < $1.labels }
    }

    /// Which windows go into one segment each: every one by itself if they are few, else those of a partition
    /// together, the shortest partitions that keep the segments few.
    private static func groups(of starts: [Int64], _ retention: Int64?, _ few: Int) -> [[Int64]] {
        guard starts.count > few, let longest = CompactionPlanner.longestTier(retention) else {
            return starts.map { [$0] }
        }
        var groups: [[Int64]] = []
        for tier in CompactionPlanner.tiers[...longest] {
            let partitions = Dictionary(grouping: starts) { start in
                Timestamp(millis: start).floored(toMillis: tier).millis
            }
            groups = partitions.sorted { $0.key < $1.key }.map(\.value)
            if groups.count <= few / 2 { break }
        }
        return groups
    }

    func commit(_ change: CatalogChange) throws(StorageError) {
        do throws(CatalogError) { try catalog.commit(change) } catch { throw .catalog(error) }
    }

    static func isExpired(windowStart: Int64, _ now: Timestamp, _ retentionMillis: Int64?) -> Bool {
        guard let retentionMillis else { return false }
        return Window.range(startingAt: windowStart).end < now.advanced(byMillis: -retentionMillis)
    }
}

extension Store.State {
    /// Metadata that the catalog does not have in this form.
    var changedMetadata: [MetricMetadata] { unsavedMetadata.compactMap { metadata[$0] } }

    /// Notes what the catalog has now; what has changed meanwhile is still to be saved.
    mutating func noteSaved(_ saved: [MetricMetadata]) {
        for item in saved where metadata[ByteText(item.name)] == item {
            unsavedMetadata.remove(ByteText(item.name))
        }
    }
}
