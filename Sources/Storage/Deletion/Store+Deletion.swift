import Catalog
import Matching
import Model

/// What is to be deleted.
package struct DeleteRequest: Sendable {
    /// Which series: those that satisfy all matchers of any of these.
    package var selections: [[Matcher]]
    /// The times of which samples are deleted.
    package var range: TimeRange

    /// A delete of samples in `range` of the series that `selections` select.
    package init(selections: [[Matcher]], range: TimeRange) {
        self.selections = selections
        self.range = range
    }
}

extension DeleteRequest: CustomStringConvertible {
    /// The selectors and times for the log.
    package var description: String {
        let selectors = selections.map { matchers in
            let texts = matchers.map { "\($0.name)\($0.kind.rawValue)\(LabelText.quoted($0.value))" }
            return "{\(texts.joined(separator: ","))}"
        }
        let start = range.start == .min ? "-" : "\(range.start.millis)"
        let end = range.end == .max ? "-" : "\(range.end.millis)"
        return "\(selectors.joined(separator: " ")) from \(start) to \(end)"
    }
}

/// How much a delete would delete.
package struct DeletionCount: Hashable, Sendable {
    /// The number of series of which samples would go.
    package var seriesCount = 0
    /// The number of these samples.
    package var sampleCount = 0

    /// Nothing.
    package init() {}
}

extension Store {
    /// Deletes samples that were written before; when it returns, nobody reads them any more and never will.
    ///
    /// Segments in which nothing else is are gone by then, others are written again in the background.
    /// - Throws: `StorageError` if the delete could not be made durable; then it may be in force after the
    ///   next start.
    package func delete(_ request: DeleteRequest) async throws(StorageError) {
        guard request.range.start <= request.range.end, !request.selections.isEmpty else { return }
        try await onQueue(maintenance) { () throws(StorageError) in try self.putInForce(request) }
        waitingDeletes.add(1, ordering: .relaxed)
        try await onQueue(compaction) { () throws(StorageError) in
            self.waitingDeletes.subtract(1, ordering: .relaxed)
            self.workOffDeletes(isForced: true, onlyWhole: true)
        }
        telemetry.deletes.add()
    }

    /// How much `delete` would delete now.
    ///
    /// - Throws: `SourceError` if that takes longer, or more, than a query may.
    package func count(
        _ request: DeleteRequest,
        budget: QueryBudget
    ) throws(SourceError) -> (count: DeletionCount, warnings: [String]) {
        var count = DeletionCount()
        var warnings: [String] = []
        var known: Set<Labels> = []
        for selection in request.selections {
            let set = try select(SelectRequest(matchers: selection, range: request.range), budget: budget)
            var column = SampleColumn()
            for index in 0..<set.count where !known.contains(set.labels(at: index)) {
                try set.read(index, into: &column)
                guard !column.isEmpty else { continue }
                count.seriesCount += 1
                count.sampleCount += column.count
                if request.selections.count > 1 { known.insert(set.labels(at: index)) }
            }
            for text in set.warnings where !warnings.contains(text) { warnings.append(text) }
        }
        return (count, warnings)
    }

    /// Works off all deletes: nothing of what they concern is left in a head or a segment when it returns.
    package func cleanTombstones() async throws(StorageError) {
        guard state.withLock({ !$0.tombstones.isEmpty }) else { return }
        try await onQueue(maintenance) { () throws(StorageError) in
            if self.state.withLock({ !$0.frozen.isEmpty }) { try self.writeFrozen(keepSpare: true) }
        }
        removeLogOfDeletes()
        waitingDeletes.add(1, ordering: .relaxed)
        try await onQueue(compaction) { () throws(StorageError) in
            defer { self.waitingDeletes.subtract(1, ordering: .relaxed) }
            try self.workOff(isForced: true)
            try self.forgetDeletes()
        }
    }

    /// Has log files that hold what was deleted go once they are not needed.
    ///
    /// A flush does it by itself; without samples in the head there is none.
    func removeLogOfDeletes() {
        let isDue = state.withLock { state in
            state.frozen.isEmpty && state.head.sampleCount == 0 && !state.tombstones.isEmpty
        }
        guard isDue else { return }
        maintenance.async { [self] in
            let last = state.withLock { $0.tombstones.all.map(\.record.nextLog).max() ?? 0 }
            guard log.hasFiles(below: last) else { return }
            do throws(StorageError) {
                try saveMetadata()
                try removeOldLogFiles(keepSpare: true)
            } catch {
                telemetry.logger.error("\(error)")
            }
        }
    }

    // MARK: - Private

    /// Makes a delete durable, then has reads see it.
    ///
    /// On the maintenance queue, so that nothing is flushed meanwhile.
    private func putInForce(_ request: DeleteRequest) throws(StorageError) {
        let now = options.now()
        let (record, known) = try state.withLock { state throws(StorageError) in
            if state.isClosed { throw .closed }
            let limit = options.limits.current.deletesInForce
            guard state.tombstones.all.count < limit else {
                throw .tooManyDeletes(limit: limit)
            }
            freeze(&state, now: now)
            if state.head.sampleCount == 0 { state.headFirstLog = log.beginFile() }
            state.lastTombstone += 1
            let record = TombstoneRecord(
                number: state.lastTombstone,
                sequence: state.counters.lastSequence,
                range: request.range,
                selections: request.selections,
                nextLog: state.headFirstLog
            )
            return (record, state.counters)
        }
        let tombstone: Tombstone
        do throws(RegexError) { tombstone = try Tombstone(record) } catch {
            throw .badSelector(reason: error.description)
        }
        var change = CatalogChange(counters: known)
        change.addedTombstones = [record]
        try commit(change)
        // From here on it is in force, whatever happens to its file: the catalog has it.
        state.withLock { state in
            state.tombstones.append(tombstone)
            state.changes.note(since: tombstone.record.range.start)
        }
        do throws(FileError) {
            try TombstoneFiles(of: directory, options.fileSystem).put(record)
        } catch {
            throw .file(error)
        }
    }
}
