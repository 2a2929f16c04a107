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
    ///
    /// Slots that come up while an evaluation takes too long are left out and made up for later.
    func run() async {
        var slot = schedule.slot(after: context.clock.now())
        var missed: TimeRange?
        while await sleep(until: &slot) {
            // A task of its own: cancelling the loop ends its sleep and must not reach into a write.
            await Task { [slot] in await self.iterate(at: slot) }.value
            if let missed { await context.history?.catchUp(group, from: missed.start, through: missed.end) }
            let (next, missedCount) = schedule.next(after: slot, now: context.clock.now())
            missed =
                missedCount == 0
                ? nil : TimeRange(slot.advanced(byMillis: 1), next.advanced(byMillis: -1))
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

    /// Whether the evaluation under way is to end.
    var isStopped: Bool { control.withLock { $0.isStopped } }

    /// Evaluates all rules once for the slot; what they write is durable when it returns.
    func iterate(at slot: Timestamp) async {
        let evaluatedAt = context.clock.now()
        let start = ContinuousClock.now
        let time = slot.advanced(byMillis: -queryOffsetMillis)
        var sampleCount = 0
        var writes: [RulePass.Write] = []
        var index = 0
        await restore(at: slot)
        while index < group.rules.count, !isStopped {
            let pass = await pass(from: index, at: slot)
            index = pass.next
            sampleCount += pass.sampleCount
            writes += pass.writes
            await tell(pass, at: slot)
        }
        await waitUntilDurable(writes)
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

    /// Runs `body` with a budget that ends when the group is stopped.
    func withBudget<Value>(_ body: (QueryBudget) throws -> Value) throws -> Value {
        let budget = QueryBudget(limits: context.limits.current)
        control.withLock { $0.budget = budget }
        defer { control.withLock { $0.budget = nil } }
        return try body(budget)
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
            guard (try? await context.clock.sleep(until: slot, slackMillis: schedule.slackMillis)) != nil
            else { return false }
        }
        return false
    }

    /// How long ago that was, in seconds.
    static func seconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
