import Model

/// What the evaluation of some rules of a group leaves to be done where one may wait.
struct RulePass: Sendable {
    /// A write that is seen already.
    struct Write: Sendable {
        /// The rule's index.
        var rule: Int
        /// What is waited for until it is durable.
        var staged: StagedWrite
    }

    /// The first rule that is not evaluated yet.
    var next: Int
    /// How many samples were written, staleness markers not counted.
    var sampleCount = 0
    /// The writes in order.
    var writes: [Write] = []
    /// KPIs that are recorded from now on, and those no longer.
    var recorded: [(added: Set<Labels>, ended: [Labels])] = []
    /// What has happened to alerts, by the rule's index.
    var news: [(rule: Int, news: AlertNews)] = []
}

// Rules are evaluated where one may block, several at a time: a change of threads costs about as much as a
// small rule. Each one's samples are seen by the next; when all are done they are waited for.

extension RuleGroupRunner {
    /// How long rules of a group are evaluated before others get their turn.
    private static let longestPass = Duration.milliseconds(20)

    /// Evaluates rules from the one at `first` on, at least that one.
    func pass(from first: Int, at slot: Timestamp) async -> RulePass {
        do {
            return try await context.blocking.run { [self] in
                var pass = RulePass(next: first)
                let start = ContinuousClock.now
                repeat {
                    evaluate(ruleAt: pass.next, at: slot, &pass)
                    pass.next += 1
                } while pass.next < group.rules.count && !isStopped
                    && ContinuousClock.now - start < RuleGroupRunner.longestPass
                return pass
            }
        } catch {
            if !isStopped { note("\(error)", ruleAt: first) }
            return RulePass(next: first + 1)
        }
    }

    /// Keeps and tells what has happened in a pass.
    func tell(_ pass: RulePass, at slot: Timestamp) async {
        for (added, ended) in pass.recorded { await context.memory?.note(recorded: added, ended: ended) }
        for (index, news) in pass.news { await tell(news, ofRuleAt: index, at: slot) }
    }

    /// Returns when the writes are durable; a rule whose write is not has failed.
    func waitUntilDurable(_ writes: [RulePass.Write]) async {
        // When the last one is durable the others mostly are.
        for write in writes.reversed() {
            do throws(SinkError) {
                try await write.staged.waitUntilDurable()
            } catch {
                if isStopped { continue }
                state.withLock { $0.counts.failures += 1 }
                note("\(error)", ruleAt: write.rule)
            }
        }
    }

    // MARK: - One rule

    /// Evaluates a rule and writes what it yields.
    private func evaluate(ruleAt index: Int, at slot: Timestamp, _ pass: inout RulePass) {
        let evaluatedAt = context.clock.now()
        let start = ContinuousClock.now
        var failure: String?
        do {
            let recorded = try series(ofRuleAt: index, at: slot, &pass)
            pass.sampleCount += recorded.count
            try write(recorded, ruleAt: index, at: slot.advanced(byMillis: -queryOffsetMillis), &pass)
        } catch {
            if isStopped { return }
            failure = "\(error)"
        }
        state.withLock { state in
            state.rules[index].lastEvaluation = evaluatedAt
            state.rules[index].evaluationSeconds = RuleGroupRunner.seconds(since: start)
            state.counts.evaluations += 1
            state.counts.failures += failure == nil ? 0 : 1
        }
        note(failure, ruleAt: index)
    }

    /// Notes how the evaluation of a rule went; a failure is logged unless it is as before.
    private func note(_ failure: String?, ruleAt index: Int) {
        let previous = state.withLock { state in
            let previous = state.rules[index].lastError
            state.rules[index].health = failure == nil ? .ok : .err
            state.rules[index].lastError = failure
            return previous
        }
        guard let failure, failure != previous else { return }
        context.logger.warning(
            "a rule failed",
            metadata: [
                "file": "\(group.file)", "group": "\(group.name)", "rule": "\(group.rules[index].name)",
                "error": "\(failure)",
            ]
        )
    }

    /// The series that a rule yields at a slot.
    private func series(
        ofRuleAt index: Int,
        at slot: Timestamp,
        _ pass: inout RulePass
    ) throws -> [RecordedSeries] {
        let rule = group.rules[index]
        if case .alerting(let alert) = rule.kind {
            return try alertSeries(ofRuleAt: index, alert, at: slot, &pass)
        }
        let time = slot.advanced(byMillis: -queryOffsetMillis)
        return try withBudget { budget in
            try RecordedSeries.make(
                of: context.query(rule.expr, time, budget),
                rule: rule,
                limit: group.limit
            )
        }
    }

    /// Writes the samples and a staleness marker for each series that the rule does not yield any more.
    private func write(
        _ recorded: [RecordedSeries],
        ruleAt index: Int,
        at time: Timestamp,
        _ pass: inout RulePass
    ) throws {
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
        let staged = try context.sink.stage(batch)
        pass.writes.append(RulePass.Write(rule: index, staged: staged))
        let previous = state.withLock { state in
            let previous = state.rules[index].written
            state.rules[index].written = written
            state.rules[index].describedQuery = query
            return previous
        }
        if case .recording(let record) = group.rules[index].kind, RuleMemory.keeps(record),
            written != previous
        {
            pass.recorded.append((written.subtracting(previous), ended))
        }
        let rejections = staged.outcome.rejections
        if !rejections.isEmpty { throw RuleError.refused(rejections.summary) }
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
}
