import Logging
import Model
import Telemetry

/// What holds for groups that do not say otherwise.
package struct RuleDefaults: Hashable, Sendable {
    /// The time between two evaluations, in milliseconds.
    package var evaluationIntervalMillis: Int64
    /// How far before the slot rules are evaluated, in milliseconds.
    package var queryOffsetMillis: Int64

    /// Defaults; without arguments Prometheus's.
    package init(evaluationIntervalMillis: Int64 = 60_000, queryOffsetMillis: Int64 = 0) {
        self.evaluationIntervalMillis = evaluationIntervalMillis
        self.queryOffsetMillis = queryOffsetMillis
    }
}

/// Evaluates rule groups on time, each in a task of its own, and writes what they yield.
///
/// The semantics are Prometheus's: evaluation at slots, rules of a group one after the other, each durable
/// before the next, staleness markers for series that a rule ceases to yield. After a start nothing is
/// assumed about what was written before; series that vanished meanwhile end by lookback.
package actor RuleScheduler {
    private struct Running {
        var runner: RuleGroupRunner
        var task: Task<Void, Never>
    }

    private let context: RuleContext
    private nonisolated let groups = RunningGroups()
    private var running: [ByteText: Running] = [:]
    private var defaults = RuleDefaults()
    private var endings: [Int: Task<Void, Never>] = [:]
    private var endingCount = 0
    private var lastReload: Task<Void, Never>?
    private var isFirstReloadDone = false
    private var isStopped = false

    /// A scheduler without groups; `reload` brings them.
    ///
    /// - Parameters:
    ///   - query: Evaluates expressions; it is called through `blocking`.
    ///   - sink: Takes what the rules yield.
    ///   - blocking: Runs the queries.
    ///   - clock: The time to evaluate by.
    ///   - limits: What a query may use up.
    ///   - alerts: Where alerts go.
    ///   - memory: Keeps alerts over restarts, and has been loaded; nil if nothing does.
    ///   - history: Looks after the past of the rules; nil if nothing does.
    ///   - registry: Where the metrics are registered.
    ///   - logger: Is told of rules that fail, once per reason.
    package init(
        query: @escaping RuleQuery,
        sink: any SampleSink,
        blocking: any BlockingRunner,
        clock: any RuleClock = SystemRuleClock(),
        limits: LimitsInForce = LimitsInForce(),
        alerts: AlertOutlet = AlertOutlet(),
        memory: RuleMemory? = nil,
        history: RuleHistory? = nil,
        registry: Registry,
        logger: Logger
    ) {
        context = RuleContext(
            query: query,
            sink: sink,
            blocking: blocking,
            clock: clock,
            logger: logger,
            limits: limits,
            alerts: alerts,
            memory: memory,
            history: history
        )
        groups.register(in: registry)
    }

    /// Makes `newGroups` the groups that are evaluated; returns when they are.
    ///
    /// Unchanged groups go on undisturbed. A changed group waits for the rule that is being evaluated, and
    /// its rules keep their state as far as name and labels are the same. What removed groups wrote ends two
    /// intervals later, with the time of the removal, unless a rule writes it again by then.
    package func reload(_ newGroups: [RuleGroup], defaults newDefaults: RuleDefaults = RuleDefaults()) async {
        let previous = lastReload
        let reload = Task {
            await previous?.value
            await self.replace(by: newGroups, newDefaults)
        }
        lastReload = reload
        await reload.value
    }

    /// Ends all evaluation, for good, and returns when nothing runs any more; writes nothing.
    package func stop() async {
        isStopped = true
        for task in endings.values { task.cancel() }
        for group in running.values {
            group.task.cancel()
            group.runner.stop(cancellingQuery: true)
        }
        for group in running.values { await group.task.value }
        for task in endings.values { await task.value }
        await context.memory?.flush()
        endings = [:]
        running = [:]
    }

    /// What is known about the groups, in the order of file and name.
    package nonisolated func statuses() -> [RuleGroupStatus] {
        groups.all.map(\.status)
    }

    // MARK: - Reload

    private func replace(by newGroups: [RuleGroup], _ newDefaults: RuleDefaults) async {
        guard !isStopped else { return }
        if !isFirstReloadDone { await context.memory?.adopt(newGroups) }
        isFirstReloadDone = true
        var kept: [ByteText: Running] = [:]
        for group in newGroups {
            if let old = running[ByteText(group.key)], old.runner.group.isSame(as: group),
                defaults == newDefaults
            {
                kept[ByteText(group.key)] = old
            }
        }
        let stopped = running.filter { kept[$0.key] == nil }
        for group in stopped.values {
            group.task.cancel()
            group.runner.stop(cancellingQuery: false)
        }
        for group in stopped.values { await group.task.value }
        guard !isStopped else { return }
        defaults = newDefaults
        running = kept
        for group in newGroups where running[ByteText(group.key)] == nil {
            start(group, replacing: stopped[ByteText(group.key)]?.runner)
        }
        groups.replace(by: running.values.map(\.runner))
        await context.history?.replace(by: groups.all)
        for (key, group) in stopped where running[key] == nil { end(group.runner) }
        let present = Set(newGroups.flatMap(RuleIdentity.all))
        for group in stopped.values {
            let state = group.runner.snapshot
            for (identity, rule) in zip(group.runner.identities, state.rules)
            where !present.contains(identity) && !rule.alerts.alerts.isEmpty {
                await context.memory?.forget(rule.alerts.alerts.keys.sorted(), of: identity)
            }
        }
    }

    private func start(_ group: RuleGroup, replacing old: RuleGroupRunner?) {
        let state = old.map { RuleGroupState(of: group, replacing: $0.group, in: $0.snapshot) }
        let runner = RuleGroupRunner(group, defaults: defaults, state: state, context: context)
        running[ByteText(group.key)] = Running(runner: runner, task: Task { await runner.run() })
    }

    /// Writes staleness markers for the series of a group that is gone, two intervals from now.
    private func end(_ runner: RuleGroupRunner) {
        let series = runner.snapshot.allWritten.sorted()
        guard !series.isEmpty else { return }
        let removedAt = context.clock.now()
        let dueAt = removedAt.advanced(byMillis: 2 * runner.schedule.intervalMillis)
        let number = endingCount
        endingCount += 1
        endings[number] = Task {
            await self.write(endOf: series, at: removedAt, dueAt: dueAt, group: runner.group.key)
            self.endings[number] = nil
        }
    }

    private func write(endOf series: [Labels], at removedAt: Timestamp, dueAt: Timestamp, group: String) async
    {
        while context.clock.now() < dueAt {
            guard !Task.isCancelled, (try? await context.clock.sleep(until: dueAt)) != nil else { return }
        }
        let current = groups.all
        var batch = SampleBatch()
        for labels in series where !current.contains(where: { $0.writes(labels) }) {
            batch.append(labels, removedAt, StaleMarker.value)
        }
        guard batch.sampleCount > 0 else { return }
        do {
            _ = try await context.sink.append(batch)
        } catch {
            context.logger.warning(
                "the end of a removed group's series could not be written",
                metadata: ["group": "\(group)", "error": "\(error)"]
            )
        }
    }
}
