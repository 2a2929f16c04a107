import Model

extension Store {
    /// Puts what is sound of a damaged segment in its place; does nothing if the segment is gone.
    ///
    /// On the compaction queue.
    func repair(_ segment: Segment, _ damages: [Segment.Damage]) throws(StorageError) {
        let number = state.withLock { state -> UInt64? in
            guard !state.isClosed, state.segments.contains(where: { $0 === segment }) else { return nil }
            state.counters.lastFile += 1
            return state.counters.lastFile
        }
        guard let number else { return }
        let repair = SegmentRepair(directory: directory, files: segmentFiles)
        let result = try repair.run(segment, damages, number: number)
        try replace([segment], by: result.replacement.map { [$0] } ?? [], damages: result.damagesForReaders)
        telemetry.damagedSegments.add()
        telemetry.logger.error("\(result.damage.text)")
    }

    /// Repairs the segment that `error` says to be damaged.
    ///
    /// On the compaction queue.
    /// - Throws: `error` if it is about something else, or what goes wrong.
    func repair(after error: StorageError) throws(StorageError) {
        guard case .damaged(let path, _) = error,
            let segment = state.withLock({ $0.segments.first { $0.path == path } })
        else { throw error }
        let damages = try segment.check { _ in }
        guard !damages.isEmpty else { throw error }
        try repair(segment, damages)
    }
}
