import Catalog
import Matching
import Model

/// A retention policy that waits before it deletes anything.
struct PendingRetention: Sendable {
    /// The policy.
    var classes: RetentionClasses
    /// When it comes into force.
    var due: Timestamp
    /// What it would delete when it was set.
    var change: RetentionChange
}

extension Store {
    /// Replaces the retention policy; what has expired under it is deleted.
    ///
    /// A policy that would delete what the one in force keeps comes into force after `graceMillis` only,
    /// which is logged before; until then the old one stays, and setting another one forgets this one.
    /// Setting it again does not prolong the wait.
    ///
    /// - Returns: Whether it is in force.
    /// - Throws: `StorageError` if a selector cannot be used, or what would be deleted cannot be found out.
    @discardableResult
    package func setRetention(
        _ policy: RetentionPolicy,
        graceMillis: Int64 = 0
    ) throws(StorageError) -> RetentionChange {
        if let pending = state.withLock({ $0.pendingRetention }), pending.classes.policy == policy {
            return pending.change
        }
        let classes = try Store.classes(policy)
        if graceMillis > 0 {
            let figures: RetentionFigures
            do throws(SourceError) {
                figures = try retentionFigures(under: policy, budget: .unlimited())
            } catch {
                throw .damaged(path: directory, reason: "\(error)")
            }
            if figures.lostSampleCount > 0 {
                let due = options.now().advanced(byMillis: graceMillis)
                return postpone(classes, figures, until: due)
            }
        }
        putInForce(classes)
        return .inForce
    }

    /// The policy in force.
    package var retentionPolicy: RetentionPolicy { state.withLock { $0.retention.policy } }

    /// When the policy that waits comes into force; nil if none waits.
    package var retentionDue: Timestamp? { state.withLock { $0.pendingRetention?.due } }

    /// The earliest time of a sample or rollup of the series that has not expired, in milliseconds; nil if
    /// something of it is kept for ever.
    package func earliestKeptMillis(of labels: Labels) -> Int64? {
        let classes = state.withLock { $0.retention }
        let longest = classes.times(of: labels).keptMillis(besideLevels: [])
        return longest.map { Store.earliest(options.now(), $0) }
    }

    /// The earliest time of a sample of the series that has not expired, whatever rollups there are, in
    /// milliseconds; nil if its samples are kept for ever.
    package func earliestKeptSampleMillis(of labels: Labels) -> Int64? {
        let classes = state.withLock { $0.retention }
        return classes.rawMillis(of: labels).map { Store.earliest(options.now(), $0) }
    }

    /// Whether anything expires.
    package var mayExpire: Bool { state.withLock { $0.retention.shortestMillis != nil } }

    /// What `policy` means for what there is now.
    ///
    /// - Throws: `SourceError` if a selector cannot be used, segments cannot be read, or `budget` is used up.
    package func retentionFigures(
        under policy: RetentionPolicy,
        budget: QueryBudget
    ) throws(SourceError) -> RetentionFigures {
        let classes: RetentionClasses
        do throws(StorageError) {
            classes = try Store.classes(policy)
        } catch {
            throw .unavailable("\(error)")
        }
        let old = state.withLock { $0.retention }
        let now = options.now()
        var figures = RetentionFigures(ruleCount: policy.rules.count)
        var readers: [UInt64: Segment.Reader] = [:]
        let (series, _, memory) = try view(of: .all).series([], .all, budget)
        defer { withExtendedLifetime(memory) {} }
        var hint = 0
        for index in 0..<series.count {
            if index % 16 == 0 { try budget.checkpoint() }
            let labels = series.labels(at: index, near: &hint)
            let losses = Losses(
                times: classes.times(of: labels),
                timesBefore: old.times(of: labels),
                now: now
            )
            do throws(StorageError) {
                var share = RetentionFigures.Share()
                for part in series.series(at: index).parts { try share.add(part, losses, &readers) }
                figures.shares[classes.ruleIndex(of: labels)].add(share)
            } catch {
                throw .unavailable("\(error)")
            }
        }
        return figures
    }

    /// Puts a policy in force that has waited long enough.
    func applyPendingRetention() {
        let now = options.now()
        guard let due = state.withLock({ $0.pendingRetention }), now >= due.due else { return }
        telemetry.logger.notice("the retention policy that waited comes into force")
        putInForce(due.classes)
    }

    /// Has the next start know the policy in force.
    func noteRetention(_ policy: RetentionPolicy) {
        do throws(CatalogError) {
            if try catalog.retention() == policy { return }
            var change = CatalogChange(counters: state.withLock { $0.counters })
            change.retention = policy
            try catalog.commit(change)
        } catch {
            telemetry.logger.error("the next start will not know the retention that is in force: \(error)")
        }
    }

    // MARK: - Private

    private func putInForce(_ classes: RetentionClasses) {
        noteRetention(classes.policy)
        state.withLock { state in
            state.retention = classes
            state.pendingRetention = nil
            state.changes.note(since: .min)
            state.expiries = [:]
            state.head.setRetention { classes.rawMillis(of: $0) }
        }
        maintenance.async {
            self.flushWhatIsDue()
            self.startMaintainingSegments()
        }
    }

    private func postpone(
        _ classes: RetentionClasses,
        _ figures: RetentionFigures,
        until due: Timestamp
    ) -> RetentionChange {
        let change = RetentionChange.waits(
            until: due,
            lostSampleCount: figures.lostSampleCount,
            losingSeriesCount: figures.losingSeriesCount
        )
        let pending = PendingRetention(classes: classes, due: due, change: change)
        state.withLock { $0.pendingRetention = pending }
        return change
    }

    private static func classes(_ policy: RetentionPolicy) throws(StorageError) -> RetentionClasses {
        do throws(RegexError) {
            return try RetentionClasses(policy)
        } catch {
            throw .damaged(path: "retention policy", reason: "\(error)")
        }
    }
}

/// How long what is stored of a series is kept by a new policy and by the one in force.
private struct Losses {
    var times: RetentionTimes
    var timesBefore: RetentionTimes
    var now: Timestamp

    /// Whether the new policy deletes a chunk that the one in force keeps.
    func includes(_ chunk: Segment.Chunk, beside present: Set<RollupLevel>) -> Bool {
        Store.isExpired(chunk, times.keptMillis(chunk, beside: present), now)
            && !Store.isExpired(chunk, timesBefore.keptMillis(chunk, beside: present), now)
    }
}

extension RetentionFigures.Share {
    /// Adds one of the places that have samples of a series.
    fileprivate mutating func add(
        _ part: SeriesPart,
        _ losses: Losses,
        _ readers: inout [UInt64: Segment.Reader]
    ) throws(StorageError) {
        switch part {
        case .head(let head, let deleted):
            sampleCount += deleted.isEmpty ? head.count : head.column().without(deleted).count
            note(oldest: head.minMillis)
            let earliest = Store.earliest(losses.now, losses.times.keptMillis(besideLevels: []))
            if head.minMillis < earliest {
                let last = Timestamp(millis: earliest).advanced(byMillis: -1)
                lostSampleCount += head.column(in: TimeRange(.min, last)).without(deleted).count
            }
        case .segment(let segment, let ordinal, let deleted):
            let chunks = try segment.chunks(of: ordinal, &readers[segment.identity, default: .init()])
            let present = Set(chunks.compactMap(\.level))
            for chunk in chunks where !DeletedTimes.cover(deleted, chunk.range) {
                if chunk.level == nil { sampleCount += chunk.count }
                byteCount += chunk.values.byteCount
                note(oldest: chunk.minMillis)
                if losses.includes(chunk, beside: present) { lostSampleCount += chunk.count }
            }
        }
    }

    /// Adds what another series has.
    fileprivate mutating func add(_ series: Self) {
        seriesCount += 1
        sampleCount += series.sampleCount
        byteCount += series.byteCount
        lostSampleCount += series.lostSampleCount
        if series.lostSampleCount > 0 { losingSeriesCount += 1 }
        if let oldest = series.oldest { note(oldest: oldest.millis) }
    }

    private mutating func note(oldest millis: Int64) {
        oldest = Timestamp(millis: min(millis, oldest?.millis ?? .max))
    }
}
