import Logging
import Model
import Telemetry

/// Looks after the past of recording rules: evaluates slots again for which samples came late, makes up for
/// slots that were missed while the daemon was down, and computes pasts that are wanted.
///
/// One thing is done at a time, a chunk of slots by a chunk; repairs go before pasts. Alerts are never
/// evaluated for the past.
package actor RuleHistory {
    /// How long no more late samples have to come before a rule is repaired, in milliseconds.
    private static let quietMillis: Int64 = 5000
    /// How long a repair may wait for that, in milliseconds.
    private static let patienceMillis: Int64 = 60_000

    /// A rule and how far before its slots it is evaluated.
    private struct Reader {
        var identity: RuleIdentity
        var offsetMillis: Int64
    }

    /// What a rule has to be evaluated again for.
    private struct Repair {
        var times = TimeRanges()
        var firstNoted: Timestamp
        var lastNoted: Timestamp
    }

    let watch: LateWatch
    let context: RuleContext
    let query: PastQuery
    let settings: @Sendable () -> HistorySettings
    let archive: (any RuleArchive)?
    let telemetry: HistoryTelemetry
    private let cancellation = PastCancellation()

    private var runners: [RuleGroupRunner] = []
    private var reads: [RuleIdentity: RuleReads] = [:]
    /// The rules that read a metric, and those that may read any.
    private var readers: [ByteText: [Reader]] = [:]
    private var readersOfAny: [Reader] = []
    private var repairs: [RuleIdentity: Repair] = [:]
    var jobs: [BackfillJob] = []
    var records: [[UInt8]: BackfillRecord] = [:]
    private var task: Task<Void, Never>?
    private var isStopped = false

    /// A history over the samples of `query`, that hears of late ones by `watch`.
    ///
    /// - Parameters:
    ///   - query: Evaluates expressions; it is called through `blocking`.
    ///   - watch: Notes late samples.
    ///   - sink: Takes what the rules yield.
    ///   - blocking: Runs the queries.
    ///   - clock: The time to go by.
    ///   - limits: What a query may use up.
    ///   - settings: What is done about the past at present.
    ///   - archive: Where it is kept how far pasts are computed; nil if nowhere.
    ///   - registry: Where the metrics are registered.
    ///   - logger: Is told of pasts that begin and end, and of what fails.
    package init(
        query: PastQuery,
        watch: LateWatch,
        sink: any SampleSink,
        blocking: any BlockingRunner,
        clock: any RuleClock = SystemRuleClock(),
        limits: LimitsInForce = LimitsInForce(),
        settings: @escaping @Sendable () -> HistorySettings,
        archive: (any RuleArchive)?,
        registry: Registry,
        logger: Logger
    ) {
        self.query = query
        self.watch = watch
        self.settings = settings
        self.archive = archive
        telemetry = HistoryTelemetry(registry)
        context = RuleContext(
            query: { _, _, _ in throw RuleError.notAVector },
            sink: sink,
            blocking: blocking,
            clock: clock,
            logger: logger,
            limits: limits
        )
    }

    /// Works until `stop`.
    package func start() {
        guard task == nil, !isStopped else { return }
        task = Task {
            while !Task.isCancelled {
                if await !step() {
                    let now = context.clock.now()
                    guard (try? await context.clock.sleep(until: now.advanced(byMillis: 1000))) != nil else {
                        return
                    }
                }
            }
        }
    }

    /// Ends all work and returns when nothing runs any more.
    package func stop() async {
        isStopped = true
        task?.cancel()
        cancellation.cancel()
        await task?.value
    }

    /// The pasts that are being computed.
    package var backfills: [BackfillStatus] { jobs.map(\.status) }

    /// Goes on with these groups.
    func replace(by newRunners: [RuleGroupRunner]) async {
        runners = newRunners
        reads = [:]
        readers = [:]
        readersOfAny = []
        let lookback = query.engine().options.lookbackMillis
        for runner in runners {
            for (rule, identity) in zip(runner.group.rules, runner.identities) {
                guard case .recording = rule.kind else { continue }
                let found = RuleReads(rule.expr, lookbackMillis: lookback)
                reads[identity] = found
                let reader = Reader(identity: identity, offsetMillis: runner.queryOffsetMillis)
                for name in Set(found.reads.compactMap { $0.name.map(ByteText.init) }) {
                    readers[name, default: []].append(reader)
                }
                if found.reads.contains(where: { $0.name == nil }) { readersOfAny.append(reader) }
            }
        }
        repairs = repairs.filter { reads[$0.key] != nil }
        await planWishes(runners)
    }

    /// Makes up for the slots of a group from `start` to `end`, at which the daemon was down.
    func catchUp(_ group: RuleGroup, from start: Timestamp, through end: Timestamp) {
        let settings = settings()
        guard settings.repairMillis > 0, start <= end else { return }
        for (rule, identity) in zip(group.rules, RuleIdentity.all(of: group)) {
            guard case .recording = rule.kind else { continue }
            note(TimeRange(start, end), of: identity, isUrgent: true)
        }
    }

    // MARK: - Work

    /// Does the next thing; false if there is none.
    func step() async -> Bool {
        collect()
        if await repair() { return true }
        return await backfill()
    }

    /// Finds out which rules late samples concern.
    private func collect() {
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

    private func note(_ range: TimeRange, of identity: RuleIdentity, isUrgent: Bool) {
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
        repairs[identity] = repair
        telemetry.pending.set(Double(repairs.count))
    }

    /// Repairs a chunk of the first rule whose late samples seem complete; false if there is none.
    private func repair() async -> Bool {
        guard !repairs.isEmpty else { return false }
        let now = context.clock.now()
        for runner in runners {
            guard let lastSlot = runner.snapshot.lastSlot else { continue }
            for (index, identity) in runner.identities.enumerated() {
                guard var repair = repairs[identity],
                    now.millis - repair.lastNoted.millis >= RuleHistory.quietMillis
                        || now.millis - repair.firstNoted.millis >= RuleHistory.patienceMillis
                else { continue }
                guard let range = repair.times.popFirst() else {
                    repairs[identity] = nil
                    continue
                }
                let through = min(range.end, lastSlot)
                let computation = computation(runner)
                let chunk = computation.isSelfReferring ? 1 : PastComputation.chunkSlots
                guard let all = PastSlots(runner.schedule, from: range.start, through: through),
                    let slots = all.part(from: 0, count: chunk)
                else {
                    repairs[identity] = repair.times.isEmpty ? nil : repair
                    continue
                }
                repair.times.insert(TimeRange(slots.last.advanced(byMillis: 1), through))
                repairs[identity] = repair.times.isEmpty ? nil : repair
                telemetry.pending.set(Double(repairs.count))
                await rewrite(computation, [index], slots, runner, name: runner.group.rules[index].name)
                return true
            }
        }
        return false
    }

    private func rewrite(
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

    private func computation(_ runner: RuleGroupRunner) -> PastComputation {
        computation(runner.group, runner.schedule, runner.queryOffsetMillis)
    }

    /// What computes the past of a group.
    func computation(_ group: RuleGroup, _ schedule: GroupSchedule, _ queryOffsetMillis: Int64)
        -> PastComputation
    {
        PastComputation(
            group: group,
            schedule: schedule,
            queryOffsetMillis: queryOffsetMillis,
            query: query,
            sink: RippleSink(sink: context.sink, watch: watch),
            blocking: context.blocking,
            limits: context.limits,
            cancellation: cancellation
        )
    }

    /// The running group with that name, if there is one.
    func runner(named name: String) -> RuleGroupRunner? {
        runners.first { ByteText($0.group.name) == ByteText(name) }
    }

    /// The running group that was read from the same file, with the same name.
    func runner(of group: RuleGroup) -> RuleGroupRunner? {
        runners.first { ByteText($0.group.key) == ByteText(group.key) }
    }
}

/// Passes on what the past was made, and lets the rules that read it know.
private struct RippleSink: SampleSink {
    let sink: any SampleSink
    let watch: LateWatch

    func append(_ batch: SampleBatch) async throws(SinkError) -> AppendOutcome {
        let outcome = try await sink.append(batch)
        watch.noteLate(batch, toleranceMillis: -1)
        return outcome
    }
}
