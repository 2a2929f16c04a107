import Catalog
import Model

extension Store {
    /// Reads all segments and the catalog, repairs damaged segments, and tells of damage.
    ///
    /// On the scrub's queue.
    func scrubOnce(bytesPerSecond: Int) {
        var pace = ScrubPace(bytesPerSecond: bytesPerSecond) { self.state.withLock { $0.isClosed } }
        let start = ContinuousClock.now
        let segments = state.withLock { $0.segments }
        do throws(StorageError) {
            for segment in segments {
                try scrub(segment, &pace)
                telemetry.scrubbedBytes.add(segment.record.byteCount)
            }
            do throws(CatalogError) { try catalog.check() } catch {
                guard case .damaged = error else {
                    throw state.withLock { $0.isClosed } ? .closed : .catalog(error)
                }
                telemetry.damagedCatalogs.add()
                telemetry.logger.error("\(error); the next start makes it again from the segments")
            }
            telemetry.scrubs.add()
            let seconds = Int((ContinuousClock.now - start) / .seconds(1))
            telemetry.logger.info("all segments checked: files=\(segments.count) duration_s=\(seconds)")
        } catch {
            if error != .closed { telemetry.logger.error("checking the segments failed: \(error)") }
        }
    }

    // MARK: - Private

    private func scrub(_ segment: Segment, _ pace: inout ScrubPace) throws(StorageError) {
        let damages = try segment.check { byteCount throws(StorageError) in
            try pace.rest(after: byteCount)
        }
        guard !damages.isEmpty else { return }
        let result = compaction.sync {
            Result { () throws(StorageError) in try repair(segment, damages) }
        }
        try result.get()
    }
}
