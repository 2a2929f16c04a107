import Catalog
import Dispatch
import Model

extension Store {
    /// Writes everything in the head into segments and returns when that is done.
    package func flush() async throws(StorageError) {
        try await onQueue(maintenance) { () throws(StorageError) in try self.flush(keepSpare: false) }
    }

    /// Writes everything in the head into segments.
    ///
    /// With `keepSpare` one of the log files that are not needed any more may stay to be overwritten.
    ///
    /// On the maintenance queue.
    func flush(keepSpare: Bool) throws(StorageError) {
        freeze()
        try writeFrozen(keepSpare: keepSpare)
    }

    /// Does `work` on `queue` and returns when it is done.
    func onQueue(
        _ queue: DispatchQueue,
        _ work: @escaping @Sendable () throws(StorageError) -> Void
    ) async throws(StorageError) {
        let result: Result<Void, StorageError> = await withCheckedContinuation { continuation in
            queue.async {
                do throws(StorageError) {
                    try work()
                    continuation.resume(returning: .success(()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        try result.get()
    }

    /// Flushes the head if it is time for it or if it has grown too large, and what an earlier flush could
    /// not write.
    ///
    /// With `freesLog` also if the log has what was deleted, as after a start: a delete is in force as long.
    ///
    /// On the maintenance queue.
    func flushWhatIsDue(freesLog: Bool = false) {
        let now = options.now()
        let (isDue, hasLeftover) = state.withLock { state in
            let first = state.headFirstLog
            let hasDeleted = freesLog && state.tombstones.all.contains { first < $0.record.nextLog }
            return (
                isFlushDue(state, now) || (hasDeleted && state.head.sampleCount > 0), !state.frozen.isEmpty
            )
        }
        if isDue { freeze() }
        guard isDue || hasLeftover else { return }
        do throws(StorageError) {
            try writeFrozen(keepSpare: true)
        } catch {
            telemetry.logger.error("flush failed, its samples stay in the head and the log: \(error)")
        }
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
    /// The catalog knows first that they do not count: a loss of power may bring them back.
    func removeOldLogFiles(keepSpare: Bool) throws(StorageError) {
        let found = state.withLock { state -> (oldest: UInt64, counters: Counters)? in
            // The log may be the only place that knows some metadata.
            guard state.unsavedMetadata.isEmpty, state.frozen.isEmpty else { return nil }
            // Under the store's lock no write can get between the look at the head and the new file.
            if state.head.sampleCount == 0 { state.headFirstLog = log.beginFile() }
            return (state.headFirstLog, state.counters)
        }
        guard let (oldest, known) = found else { return }
        var counters = known
        if oldest > counters.firstLog, log.hasFiles(below: oldest) {
            counters.firstLog = oldest
            try commit(CatalogChange(counters: counters))
            state.withLock { $0.counters.firstLog = oldest }
        }
        log.removeFiles(below: oldest, keepSpare: keepSpare)
    }

    func commit(_ change: CatalogChange) throws(StorageError) {
        do throws(CatalogError) { try catalog.commit(change) } catch { throw .catalog(error) }
    }

    // MARK: - Private

    /// A head ends some minutes after each even hour, so that late samples of the last two hours are in it;
    /// or when its samples take much memory, and more than its series do; or when the log is large.
    private func isFlushDue(_ state: State, _ now: Timestamp) -> Bool {
        guard state.head.sampleCount > 0 else { return false }
        let end = state.headStart.floored(toMillis: options.headMillis)
            .advanced(byMillis: options.headMillis).advanced(byMillis: options.flushDelayMillis)
        // A clock that was put back a long way must not keep a head for ever.
        if now >= end || now < state.headStart.advanced(byMillis: -options.headMillis) { return true }
        let seriesBytes = state.head.seriesCount * Head.usualSeriesByteCount
        return state.head.byteCount - seriesBytes >= max(options.headBytes, seriesBytes)
            || log.byteCount >= options.logBytes
    }

    /// Ends the head; a new one takes the writes from now on.
    private func freeze() {
        let now = options.now()
        state.withLock { freeze(&$0, now: now) }
    }

    /// The same under the store's lock, so that no write can get between the old head and the new file.
    func freeze(_ state: inout State, now: Timestamp) {
        guard state.head.sampleCount > 0 else { return }
        state.headFirstLog = log.beginFile()
        state.frozen.append(
            FrozenHead(
                head: state.head,
                sequence: state.counters.lastSequence,
                nextLog: state.headFirstLog
            )
        )
        state.head = Head(after: state.head)
        state.headStart = now
    }

    /// Writes the frozen heads into segments.
    func writeFrozen(keepSpare: Bool) throws(StorageError) {
        // Oldest first: segments are made in the order of their sequence.
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
        try removeOldLogFiles(keepSpare: keepSpare)
    }

    private func write(_ frozen: FrozenHead) throws(StorageError) {
        let start = ContinuousClock.now
        // A segment counts once it is whole: half of a write that the log has not taken must not be in one.
        log.settle()
        let segments = try writeSegments(of: frozen)
        var (metadata, counters) = state.withLock { ($0.changedMetadata, $0.counters) }
        counters.flushedSequence = frozen.sequence
        counters.firstLog = frozen.nextLog
        var change = CatalogChange(counters: counters)
        change.addedSegments = segments.map(\.record)
        change.metadata = metadata
        try commit(change)
        state.withLock { state in
            state.counters.flushedSequence = frozen.sequence
            state.counters.firstLog = frozen.nextLog
            state.frozen.removeFirst()
            state.add(segments)
            state.noteSaved(metadata)
        }
        let millis = Int((ContinuousClock.now - start) / .milliseconds(1))
        telemetry.logger.info(
            """
            head flushed: series=\(frozen.head.seriesCount) samples=\(frozen.head.sampleCount) \
            segments=\(segments.count) bytes=\(segments.reduce(0) { $0 + $1.record.byteCount }) \
            duration_ms=\(millis)
            """
        )
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
