import Model

// Repairs: slots that are evaluated again for samples that came late.

extension RuleHistory {
    /// Finds out which rules late samples concern.
    func collect() {
        let late = watch.take()
        guard !late.isEmpty else { return }
        for one in late {
            let named = readers[ByteText(one.labels.metricName ?? "")] ?? []
            for reader in named + readersOfAny {
                guard
                    let affected = reads[reader.identity]?.affected(
                        by: one.labels,
                        isMetric: one.isMetric,
                        in: one.range
                    )
                else { continue }
                let range = TimeRange(
                    affected.start.advanced(byMillis: reader.offsetMillis),
                    affected.end.advanced(byMillis: reader.offsetMillis)
                )
                note(range, of: reader.identity, isUrgent: false)
            }
        }
    }

    func note(_ range: TimeRange, of identity: RuleIdentity, isUrgent: Bool) {
        let now = context.clock.now()
        let repairMillis = settings().repairMillis
        guard repairMillis > 0 else { return }
        let horizon = now.advanced(byMillis: -repairMillis)
        if range.start < horizon { telemetry.beyondHorizon.add(1) }
        guard range.end >= horizon else { return }
        let noted = isUrgent ? now.advanced(byMillis: -RuleHistory.patienceMillis) : now
        var repair = repairs[identity] ?? Repair(firstNoted: noted, lastNoted: noted)
        repair.times.insert(TimeRange(max(range.start, horizon), range.end))
        repair.lastNoted = noted
        set(repair, for: identity)
    }

    func set(_ repair: Repair?, for identity: RuleIdentity) {
        repairs[identity] = repair.flatMap { $0.times.isEmpty ? nil : $0 }
        unsaved.insert(identity)
        telemetry.pending.set(Double(repairs.count))
    }

    /// Writes what is left to repair, so that a restart does not lose it.
    func saveRepairs() async {
        guard let archive, !unsaved.isEmpty else { return }
        var saved: [RuleRecord] = []
        var removed: [RuleRecord] = []
        for identity in unsaved {
            if let repair = repairs[identity] {
                saved.append(RepairRecord(identity, repair.times).record)
            } else {
                removed.append(RuleRecord(kind: .backfill, key: RepairRecord.key(of: identity), value: []))
            }
        }
        unsaved = []
        // If it fails, the next change is written with all that is left of the rule.
        try? await archive.commit(saved: saved, removed: removed)
    }

    /// Repairs a chunk of the first rule whose late samples seem complete; false if there is none.
    func repair() async -> Bool {
        guard !repairs.isEmpty else { return false }
        let now = context.clock.now()
        for runner in runners {
            guard let lastSlot = runner.snapshot.lastSlot else { continue }
            for (index, identity) in runner.identities.enumerated() {
                guard var repair = repairs[identity],
                    now.millis - repair.lastNoted.millis >= RuleHistory.quietMillis
                        || now.millis - repair.firstNoted.millis >= RuleHistory.patienceMillis
                else { continue }
                guard let range = repair.times.popFirst() else { continue }
                let through = min(range.end, lastSlot)
                let computation = computation(runner)
                let chunk = computation.isSelfReferring ? 1 : PastComputation.chunkSlots
                guard let all = PastSlots(runner.schedule, from: range.start, through: through),
                    let slots = all.part(from: 0, count: chunk)
                else {
                    set(repair, for: identity)
                    continue
                }
                repair.times.insert(TimeRange(slots.last.advanced(byMillis: 1), through))
                // Until it is done a restart begins with it again.
                repairs[identity] = repair.times.isEmpty ? nil : repair
                await rewrite(computation, [index], slots, runner, name: runner.group.rules[index].name)
                set(repairs[identity], for: identity)
                return true
            }
        }
        return false
    }

    func rewrite(
        _ computation: PastComputation,
        _ indices: [Int],
        _ slots: PastSlots,
        _ runner: RuleGroupRunner,
        name: String
    ) async {
        let state = runner.snapshot
        do {
            let changed = try await computation.rewrite(
                rulesAt: indices,
                at: slots,
                known: state.rules.map(\.written),
                lastEvaluated: state.lastSlot
            )
            telemetry.repairedSlots.add(slots.count)
            telemetry.changedSlots.add(changed)
        } catch {
            guard !isStopped else { return }
            telemetry.failures.add(1)
            // The store does not take or give samples: later, it may.
            for index in indices {
                note(TimeRange(slots.first, slots.last), of: runner.identities[index], isUrgent: false)
            }
            context.logger.warning(
                "past slots of a rule could not be evaluated again",
                metadata: ["group": "\(runner.group.key)", "rule": "\(name)", "error": "\(error)"]
            )
        }
    }
}
