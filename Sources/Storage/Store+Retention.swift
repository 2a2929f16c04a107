import Matching
import Model

extension Store {
    /// Replaces the retention policy and deletes what has expired under it.
    ///
    /// If that is more than what had expired before, it says so in the log first, and nothing is deleted for
    /// `confirmMillis`, so that a mistake can be taken back by another policy. Readers do without it at once.
    package func setRetention(_ policy: RetentionPolicy, confirmMillis: Int64 = 0) throws(StorageError) {
        let classes: RetentionClasses
        do throws(RegexError) {
            classes = try RetentionClasses(policy)
        } catch {
            throw .damaged(path: "retention policy", reason: "\(error)")
        }
        let isNew = state.withLock { state in
            let isNew = state.retention.policy != policy
            state.retention = classes
            state.expiries = [:]
            state.head.setRetention { classes.rawMillis(of: $0) }
            if isNew {
                state.expiryPause = confirmMillis > 0 ? options.now().advanced(byMillis: confirmMillis) : nil
            }
            return isNew
        }
        if isNew && confirmMillis > 0 { compaction.async { self.announceExpiry(confirmMillis) } }
        maintenance.async {
            self.flushWhatIsDue()
            self.startMaintainingSegments()
        }
    }

    /// Tells how much would be deleted under a new policy; if nothing is, expiry need not wait.
    ///
    /// On the compaction queue.
    private func announceExpiry(_ confirmMillis: Int64) {
        do throws(StorageError) {
            let count = try expiredSampleCount()
            guard count > 0 else { return state.withLock { $0.expiryPause = nil } }
            telemetry.logger.warning(
                """
                the new retention deletes \(count) samples and buckets of rollups in \
                \(DurationText.format(millis: confirmMillis)); another reload can still prevent it
                """
            )
        } catch {
            telemetry.logger.error("cannot tell what the new retention deletes: \(error)")
        }
    }

    /// The number of samples and buckets that have expired and are still there.
    private func expiredSampleCount() throws(StorageError) -> Int {
        let now = options.now()
        let (segments, classes) = state.withLock { ($0.segments, $0.retention) }
        guard let shortest = classes.shortestMillis else { return 0 }
        var count = 0
        for segment in segments where segment.firstChunkEnd < now.advanced(byMillis: -shortest) {
            var all = try SegmentMerge([segment])
            while try all.next() {
                let times = classes.times(of: all.labels)
                for part in all.parts {
                    let chunks = try all.chunks(of: part)
                    let present = Set(chunks.compactMap(\.level))
                    for chunk in chunks
                    where Store.isExpired(chunk, times.keptMillis(chunk, beside: present), now) {
                        count += chunk.count
                    }
                }
            }
        }
        return count
    }
}
