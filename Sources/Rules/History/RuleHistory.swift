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
    static let quietMillis: Int64 = 5000
    /// How long a repair may wait for that, in milliseconds.
    static let patienceMillis: Int64 = 60_000

    /// A rule and how far before its slots it is evaluated.
    struct Reader {
        var identity: RuleIdentity
        var offsetMillis: Int64
    }

    /// What a rule has to be evaluated again for.
    struct Repair {
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

    var runners: [RuleGroupRunner] = []
    var reads: [RuleIdentity: RuleReads] = [:]
    /// The rules that read a metric, and those that may read any.
    var readers: [ByteText: [Reader]] = [:]
    var readersOfAny: [Reader] = []
    var repairs: [RuleIdentity: Repair] = [:]
    /// Rules whose repairs are not written as they are.
    var unsaved: Set<RuleIdentity> = []
    /// What was left to repair when the daemon stopped, of rules that are not loaded yet.
    var leftOver: [RuleIdentity: [TimeRange]] = [:]
    var jobs: [BackfillJob] = []
    var records: [[UInt8]: BackfillRecord] = [:]
    private var task: Task<Void, Never>?
    var isStopped = false

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
        for identity in repairs.keys where reads[identity] == nil { set(nil, for: identity) }
        for identity in reads.keys {
            for range in leftOver.removeValue(forKey: identity) ?? [] {
                note(range, of: identity, isUrgent: true)
            }
        }
        await planWishes(runners)
    }

    /// Makes up for the slots of a group from `start` to `end`, at which the daemon was down or too slow.
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
        await saveRepairs()
        if await repair() { return true }
        return await backfill()
    }

    func computation(_ runner: RuleGroupRunner) -> PastComputation {
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

    func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        let staged = try sink.stage(batch)
        watch.noteLate(batch, toleranceMillis: -1)
        return staged
    }
}
