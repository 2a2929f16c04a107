import Logging
import Model
import PromQL
import Synchronization

/// What all groups need to be evaluated.
struct RuleContext: Sendable {
    var query: RuleQuery
    var sink: any SampleSink
    var blocking: any BlockingRunner
    var clock: any RuleClock
    var logger: Logger
    var limits = LimitsInForce()
    var alerts = AlertOutlet()
    var memory: RuleMemory?
    var history: RuleHistory?
}

/// Evaluates one group, slot after slot.
///
/// `run` is the loop; only one task runs it, so evaluations never overlap. Anybody may read the state.
final class RuleGroupRunner: Sendable {
    let group: RuleGroup
    /// What names the rules over restarts.
    let identities: [RuleIdentity]
    let schedule: GroupSchedule
    let queryOffsetMillis: Int64
    let context: RuleContext
    let state: Mutex<RuleGroupState>
    private let control = Mutex(Control())

    private struct Control {
        var isStopped = false
        var budget: QueryBudget?
    }

    init(_ group: RuleGroup, defaults: RuleDefaults, state: RuleGroupState?, context: RuleContext) {
        self.group = group
        identities = RuleIdentity.all(of: group)
        self.context = context
        schedule = GroupSchedule(
            file: group.file,
            name: group.name,
            intervalMillis: group.intervalMillis ?? defaults.evaluationIntervalMillis
        )
        queryOffsetMillis = group.queryOffsetMillis ?? defaults.queryOffsetMillis
        self.state = Mutex(state ?? RuleGroupState(ruleCount: group.rules.count))
    }

    /// A copy of what the group remembers.
    var snapshot: RuleGroupState { state.withLock { $0 } }

    /// Whether one of the rules has written `series` last.
    func writes(_ series: Labels) -> Bool { state.withLock { $0.writes(series) } }

    /// Evaluates at every slot from the next one on, until the task is cancelled.
    func run() async {
        var slot = schedule.slot(after: context.clock.now())
        while await sleep(until: &slot) {
            // A task of its own: cancelling the loop ends its sleep and must not reach into a write.
            await Task { [slot] in await self.iterate(at: slot) }.value
            let (next, missedCount) = schedule.next(after: slot, now: context.clock.now())
            state.withLock {
                $0.counts.missedIterations &+= missedCount
                $0.counts.iterations &+= missedCount
            }
            slot = next
        }
    }

    /// Makes an evaluation that is under way end after the current rule, or also ends that rule's query.
    func stop(cancellingQuery: Bool) {
        let budget = control.withLock { control in
            control.isStopped = true
            return control.budget
        }
        if cancellingQuery { budget?.cancel() }
    }

    private var isStopped: Bool { control.withLock { $0.isStopped } }

    /// Evaluates all rules once for the slot.
    func iterate(at slot: Timestamp) async {
        let evaluatedAt = context.clock.now()
        let start = ContinuousClock.now
        let time = slot.advanced(byMillis: -queryOffsetMillis)
        var sampleCount = 0
        await restore(at: slot)
        for index in group.rules.indices where !isStopped {
            sampleCount += await evaluate(ruleAt: index, at: slot)
        }
        if !isStopped { await endAbandoned(at: time) }
        state.withLock {
            if !isStopped { $0.lastSlot = slot }
            $0.lastEvaluation = evaluatedAt
            $0.evaluationSeconds = RuleGroupRunner.seconds(since: start)
            $0.lastSampleCount = sampleCount
            $0.counts.iterations += 1
        }
        guard !isStopped else { return }
        context.history?.watch.noteEvaluated(slot)
        await context.memory?.note(slot, of: group)
    }

    // MARK: - One rule

    /// Evaluates a rule and writes what it yields; returns how many samples that were.
    private func evaluate(ruleAt index: Int, at slot: Timestamp) async -> Int {
        let rule = group.rules[index]
        let time = slot.advanced(byMillis: -queryOffsetMillis)
        let evaluatedAt = context.clock.now()
        let start = ContinuousClock.now
        var failure: String?
        var sampleCount = 0
        do {
            let recorded = try await series(ofRuleAt: index, at: slot)
            sampleCount = recorded.count
            try await write(recorded, ruleAt: index, at: time)
        } catch {
            if isStopped { return 0 }
            failure = "\(error)"
        }
        let previous = state.withLock { state in
            let previous = state.rules[index].lastError
            state.rules[index].health = failure == nil ? .ok : .err
            state.rules[index].lastError = failure
            state.rules[index].lastEvaluation = evaluatedAt
            state.rules[index].evaluationSeconds = RuleGroupRunner.seconds(since: start)
            state.counts.evaluations += 1
            state.counts.failures += failure == nil ? 0 : 1
            return previous
        }
        if let failure, failure != previous {
            context.logger.warning(
                "a rule failed",
                metadata: [
                    "file": "\(group.file)", "group": "\(group.name)", "rule": "\(rule.name)",
                    "error": "\(failure)",
                ]
            )
        }
        return sampleCount
    }

    /// The series that a rule yields at a slot.
    private func series(ofRuleAt index: Int, at slot: Timestamp) async throws -> [RecordedSeries] {
        let rule = group.rules[index]
        if case .alerting(let alert) = rule.kind {
            return try await alertSeries(ofRuleAt: index, alert, at: slot)
        }
        let (query, limit) = (context.query, group.limit)
        let time = slot.advanced(byMillis: -queryOffsetMillis)
        return try await evaluating { budget in
            try RecordedSeries.make(of: query(rule.expr, time, budget), rule: rule, limit: limit)
        }
    }

    /// Runs `body` where it may block, with a budget that ends when the group is stopped.
    func evaluating<T: Sendable>(_ body: @escaping @Sendable (QueryBudget) throws -> T) async throws -> T {
        let budget = QueryBudget(limits: context.limits.current)
        control.withLock { $0.budget = budget }
        defer { control.withLock { $0.budget = nil } }
        return try await context.blocking.run { try body(budget) }
    }

    /// Writes the samples and a staleness marker for each series that the rule does not yield any more.
    private func write(_ recorded: [RecordedSeries], ruleAt index: Int, at time: Timestamp) async throws {
        let written = Set(recorded.map(\.labels))
        let (ended, describedQuery) = state.withLock {
            ($0.ended(ruleAt: index, nowWriting: written), $0.rules[index].describedQuery)
        }
        var batch = SampleBatch()
        for series in recorded {
            if let histogram = series.histogram {
                batch.append(series.labels, time, histogram)
            } else {
                batch.append(series.labels, time, series.value)
            }
        }
        for labels in ended { batch.append(labels, time, StaleMarker.value) }
        guard batch.sampleCount > 0 else { return }
        let query = group.rules[index].query
        if describedQuery != query { batch.metadata = metadata(ofRuleAt: index) }
        let outcome = try await context.sink.append(batch)
        let previous = state.withLock { state in
            let previous = state.rules[index].written
            state.rules[index].written = written
            state.rules[index].describedQuery = query
            return previous
        }
        if case .recording(let record) = group.rules[index].kind, RuleMemory.keeps(record),
            written != previous
        {
            await context.memory?.note(recorded: written.subtracting(previous), ended: ended)
        }
        if !outcome.rejections.isEmpty { throw RuleError.refused(outcome.rejections.summary) }
    }

    /// The recorded metric's metadata; of several rules that record it the first one describes it.
    private func metadata(ofRuleAt index: Int) -> [MetricMetadata] {
        let rule = group.rules[index]
        guard case .recording = rule.kind,
            group.rules.firstIndex(where: { ByteText($0.name) == ByteText(rule.name) }) == index
        else { return [] }
        let help = "Recorded by rule group \(group.name): \(rule.query)"
        return [MetricMetadata(name: rule.name, kind: .gauge, help: help)]
    }

    /// Ends the series of rules that were removed, unless another rule goes on writing them.
    private func endAbandoned(at time: Timestamp) async {
        let abandoned = state.withLock { state in state.abandoned.filter { !state.writes($0) }.sorted() }
        var batch = SampleBatch()
        for labels in abandoned { batch.append(labels, time, StaleMarker.value) }
        do {
            if batch.sampleCount > 0 { _ = try await context.sink.append(batch) }
            state.withLock { $0.abandoned = [] }
        } catch {
            context.logger.warning(
                "the end of removed rules' series could not be written",
                metadata: ["file": "\(group.file)", "group": "\(group.name)", "error": "\(error)"]
            )
        }
    }

    // MARK: - Time

    /// Waits until `slot` has come and moves it if the clock is set back.
    ///
    /// The answer is false once the task is cancelled.
    private func sleep(until slot: inout Timestamp) async -> Bool {
        while !Task.isCancelled {
            let now = context.clock.now()
            if now >= slot { return true }
            slot = schedule.reachable(slot, now: now)
            guard (try? await context.clock.sleep(until: slot)) != nil else { return false }
        }
        return false
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
