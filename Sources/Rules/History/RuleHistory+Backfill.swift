import Model
import StrictYAML

// Pasts: those that the settings want of the rules that run, and those asked for by hand.

extension RuleHistory {
    /// How many days a wish may reach farther back than what was computed before anything is computed.
    private static let extensionMillis: Int64 = 86_400_000
    /// How many slots a request may have per group.
    static let slotLimit = 50_000_000
    /// How the keys of jobs by hand begin; no key of a rule does.
    private static let requestPrefix: [UInt8] = [0xff]

    /// Reads how far pasts were computed, and takes up jobs by hand; once, before `start`.
    package func load() async throws(SinkError) {
        guard let archive else { return }
        for stored in try await archive.ruleRecords(.backfill) {
            if let repair = RepairRecord(stored) {
                leftOver[repair.identity] = repair.ranges
                continue
            }
            guard let record = BackfillRecord(stored) else { continue }
            records[stored.key] = record
            guard stored.key.starts(with: RuleHistory.requestPrefix), !record.isDone else { continue }
            let id = String(decoding: stored.key.dropFirst(), as: UTF8.self)
            let from = Timestamp(millis: record.from)
            let schedule = GroupSchedule(intervalMillis: record.intervalMillis, slot: from)
            guard let groups = try? RuleFile.parse(record.query, file: record.file),
                let group = groups.first(where: { ByteText($0.name) == ByteText(record.group) }),
                let slots = PastSlots(schedule, from: from, through: Timestamp(millis: record.through))
            else { continue }
            jobs.append(
                BackfillJob(
                    id: id,
                    group: group,
                    schedule: schedule,
                    queryOffsetMillis: record.queryOffsetMillis,
                    indices: record.rules.filter(group.rules.indices.contains),
                    slots: slots,
                    doneCount: slots.index(ofMillis: record.next) ?? 0,
                    text: record.query
                )
            )
        }
    }

    /// Computes what the rules of the file `text` would have recorded from `start` to `end`, in the
    /// background.
    ///
    /// - Parameters:
    ///   - text: The rule file.
    ///   - file: Its path, for messages and slots.
    ///   - names: The recorded names wanted; none: all.
    ///   - start: The first time.
    ///   - end: The last time.
    ///   - defaultIntervalMillis: The interval of groups that name none.
    /// - Returns: The jobs, a group each.
    /// - Throws: What is wrong with the file, or that there is nothing to do.
    package func request(
        _ text: String,
        file: String,
        names: [String],
        from start: Timestamp,
        through end: Timestamp,
        defaultIntervalMillis: Int64
    ) async throws -> [BackfillStatus] {
        let wanted = Set(names.map(ByteText.init))
        var asked: [BackfillJob] = []
        for group in RuleOrder.sorted(try RuleFile.parse(text, file: file)) {
            let indices = group.rules.indices.filter { index in
                guard case .recording(let record) = group.rules[index].kind else { return false }
                return wanted.isEmpty || wanted.contains(ByteText(record))
            }
            let interval = group.intervalMillis ?? defaultIntervalMillis
            guard !indices.isEmpty,
                var job = job(
                    id: "\(context.clock.now().millis)-\(jobs.count + asked.count)",
                    group,
                    indices,
                    intervalMillis: interval,
                    from: start,
                    through: end
                )
            else { continue }
            job.text = text
            asked.append(job)
        }
        guard !asked.isEmpty else { throw NothingToDo() }
        guard asked.allSatisfy({ $0.slots.count <= RuleHistory.slotLimit }) else { throw TooMuchToDo() }
        for job in asked {
            jobs.append(job)
            await save(job)
        }
        noteRemaining()
        return asked.map(\.status)
    }

    /// Why a request was refused: it is for longer than anybody wants to wait.
    struct TooMuchToDo: Error, CustomStringConvertible {
        /// The sentence.
        var description: String {
            "a group has more than \(RuleHistory.slotLimit) slots in that time; ask for less at once"
        }
    }

    /// Why a request was refused.
    package struct NothingToDo: Error, CustomStringConvertible {
        /// The sentence.
        package var description: String { "there is no recording rule with a slot in that time" }
    }

    /// Plans the pasts that the settings want of rules that are new, changed or wanted farther back.
    func planWishes(_ runners: [RuleGroupRunner]) async {
        let settings = settings()
        jobs.removeAll { $0.text == nil }
        let now = context.clock.now()
        for group in RuleOrder.sorted(runners.map(\.group)) {
            guard let runner = runner(of: group) else { continue }
            var planned: [PastSlots: [Int]] = [:]
            for (index, rule) in group.rules.enumerated() {
                guard case .recording = rule.kind, let pastMillis = settings.pastMillis(of: rule, in: group),
                    let slots = slots(of: runner, rule, index, pastMillis: pastMillis, now: now)
                else { continue }
                planned[slots, default: []].append(index)
            }
            for (slots, indices) in planned.sorted(by: { $0.key.first < $1.key.first }) {
                let job = BackfillJob(
                    id: "\(group.key);\(slots.first.millis)",
                    group: group,
                    schedule: runner.schedule,
                    queryOffsetMillis: runner.queryOffsetMillis,
                    indices: indices,
                    slots: slots
                )
                jobs.append(job)
                await save(job)
                context.logger.info(
                    "computing the past of rules",
                    metadata: [
                        "group": "\(group.key)", "rules": "\(indices.count)", "slots": "\(slots.count)",
                    ]
                )
            }
        }
        noteRemaining()
    }

    /// The slots to compute of a rule; nil if there are none.
    private func slots(
        of runner: RuleGroupRunner,
        _ rule: Rule,
        _ index: Int,
        pastMillis: Int64,
        now: Timestamp
    ) -> PastSlots? {
        let start = now.advanced(byMillis: -pastMillis)
        let interval = runner.schedule.intervalMillis
        guard let record = records[key(of: runner.identities[index])],
            ByteText(record.query) == ByteText(rule.query), record.intervalMillis == interval
        else { return PastSlots(runner.schedule, from: start, through: now) }
        let through = Timestamp(millis: record.through)
        if !record.isDone {
            return PastSlots(runner.schedule, from: Timestamp(millis: record.next), through: through)
        }
        let from = Timestamp(millis: record.from)
        guard from.advanced(byMillis: -RuleHistory.extensionMillis) > start else { return nil }
        return PastSlots(runner.schedule, from: start, through: from.advanced(byMillis: -1))
    }

    private func key(of identity: RuleIdentity) -> [UInt8] { identity.key(of: .empty) }

    private func job(
        id: String,
        _ group: RuleGroup,
        _ indices: [Int],
        intervalMillis: Int64,
        from start: Timestamp,
        through end: Timestamp
    ) -> BackfillJob? {
        // A group of that name that runs tells where the slots lie.
        let running = runner(named: group.name)
        let isSame = running?.schedule.intervalMillis == intervalMillis
        let schedule =
            isSame
            ? running?.schedule
            : GroupSchedule(file: group.file, name: group.name, intervalMillis: intervalMillis)
        guard !indices.isEmpty, let schedule, let slots = PastSlots(schedule, from: start, through: end)
        else {
            return nil
        }
        return BackfillJob(
            id: id,
            group: group,
            schedule: schedule,
            queryOffsetMillis: group.queryOffsetMillis ?? (isSame ? running?.queryOffsetMillis : nil) ?? 0,
            indices: indices,
            slots: slots
        )
    }

    // MARK: - Work

    /// Computes a chunk of the first job; false if there is none.
    func backfill() async -> Bool {
        guard let job = jobs.first else { return false }
        let computation = computation(job.group, job.schedule, job.queryOffsetMillis)
        let chunk = computation.isSelfReferring ? 1 : PastComputation.chunkSlots
        guard let slots = job.slots.part(from: job.doneCount, count: chunk) else {
            jobs.removeFirst()
            return true
        }
        let running = runner(of: job.group)?.snapshot
        do {
            _ = try await computation.rewrite(
                rulesAt: job.indices,
                at: slots,
                known: running?.rules.map(\.written) ?? [],
                lastEvaluated: running?.lastSlot
            )
        } catch is CancellationError {
            return false
        } catch {
            telemetry.failures.add(1)
            context.logger.warning(
                "the past of rules could not be computed",
                metadata: ["group": "\(job.group.key)", "error": "\(error)"]
            )
            // The store does not take or give samples: later, it may.
            return false
        }
        // The jobs may have been planned anew meanwhile.
        guard let index = jobs.firstIndex(where: { $0.id == job.id }) else { return true }
        jobs[index].doneCount += slots.count
        telemetry.backfilledSlots.add(slots.count * job.indices.count)
        await save(jobs[index])
        if jobs[index].doneCount >= job.slots.count {
            jobs.remove(at: index)
            context.logger.info(
                "the past of rules is computed",
                metadata: ["group": "\(job.group.key)", "rules": "\(job.indices.count)"]
            )
        }
        noteRemaining()
        return true
    }

    private func noteRemaining() {
        let slots = jobs.reduce(0.0) { sum, job in
            sum + Double(job.slots.count - job.doneCount) * Double(job.indices.count)
        }
        telemetry.remaining.set(slots)
    }

    /// Writes how far a job is.
    private func save(_ job: BackfillJob) async {
        var saved: [RuleRecord] = []
        var removed: [RuleRecord] = []
        let next = job.slots.slot(job.doneCount)
        if let text = job.text {
            let key = RuleHistory.requestPrefix + Array(job.id.utf8)
            var record = BackfillRecord(
                query: text,
                intervalMillis: job.schedule.intervalMillis,
                from: job.slots.first,
                through: job.slots.last,
                next: next
            )
            record.file = job.group.file
            record.group = job.group.name
            record.rules = job.indices
            record.queryOffsetMillis = job.queryOffsetMillis
            if record.isDone {
                removed.append(RuleRecord(kind: .backfill, key: key, value: []))
            } else {
                saved.append(record.record(key: key))
            }
        } else {
            let identities = RuleIdentity.all(of: job.group)
            for index in job.indices {
                let key = key(of: identities[index])
                var record = BackfillRecord(
                    query: job.group.rules[index].query,
                    intervalMillis: job.schedule.intervalMillis,
                    from: job.slots.first,
                    through: job.slots.last,
                    next: next
                )
                // A job that goes on with an earlier one has the same beginning.
                if let known = records[key], known.query == record.query, !known.isDone,
                    known.through == record.through
                {
                    record.from = known.from
                }
                // A job that reaches farther back than an earlier one goes on where that began.
                if let known = records[key], known.query == record.query, known.isDone, record.isDone,
                    known.from > record.through
                {
                    record.through = known.through
                    record.next = known.next
                }
                // While a farther past is computed, what was done before is done still.
                let extends = records[key].map { $0.isDone && $0.query == record.query && !record.isDone }
                if extends == true { continue }
                records[key] = record
                saved.append(record.record(key: key))
            }
        }
        do {
            try await archive?.commit(saved: saved, removed: removed)
        } catch {
            context.logger.error(
                "how far a past is computed cannot be written; after a restart it begins anew",
                metadata: ["error": "\(error)"]
            )
        }
    }
}
