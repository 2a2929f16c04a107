import Model

/// Computes what recording rules of a group would have recorded at past slots, and writes the difference.
struct PastComputation: Sendable {
    /// How many slots are evaluated by one range query.
    static let chunkSlots = 1000

    var group: RuleGroup
    var schedule: GroupSchedule
    var queryOffsetMillis: Int64
    var query: PastQuery
    var sink: any SampleSink
    var blocking: any BlockingRunner
    var limits: LimitsInForce
    /// What the evaluation is stopped by.
    var cancellation: PastCancellation

    /// Whether a rule of the group reads what a later one, or it itself, records; then what it reads at a
    /// slot is known only once the slot before is done.
    var isSelfReferring: Bool {
        for (index, rule) in group.rules.enumerated() {
            let reads = RuleReads(rule.expr, lookbackMillis: 0)
            for later in group.rules[index...] {
                guard case .recording(let record) = later.kind else { continue }
                let isRead = reads.reads.contains { read in
                    read.name.map { ByteText($0) == ByteText(record) } ?? true
                }
                if isRead { return true }
            }
        }
        return false
    }

    /// Evaluates rules at `slots`, at most a chunk of them, and writes what differs.
    ///
    /// - Parameters:
    ///   - indices: The rules, in order.
    ///   - slots: The slots.
    ///   - known: Series that each rule recorded last.
    ///   - lastEvaluated: The group's last slot.
    /// - Returns: At how many slots something changed.
    /// - Throws: If it was cancelled, or if the store cannot be read or written.
    func rewrite(
        rulesAt indices: [Int],
        at slots: PastSlots,
        known: [Set<Labels>],
        lastEvaluated: Timestamp?
    ) async throws -> Int {
        var changedCount = 0
        for index in indices {
            let rule = group.rules[index]
            guard case .recording(let record) = rule.kind else { continue }
            let rewrite = try await blocking.run {
                try cancellation.check()
                let values = try PastValues(
                    rule,
                    at: slots,
                    offsetMillis: queryOffsetMillis,
                    limit: group.limit,
                    query: query,
                    budget: { cancellation.budget(limits.current) }
                )
                let existing = try existing(
                    record,
                    rule,
                    around: slots,
                    known: known.indices.contains(index) ? known[index] : [],
                    yielded: Set(values.series.keys)
                )
                return PastRewrite(
                    values,
                    at: slots,
                    offsetMillis: queryOffsetMillis,
                    existing: existing,
                    lastEvaluated: lastEvaluated
                )
            }
            if rewrite.batch.sampleCount > 0 { _ = try await sink.append(rewrite.batch) }
            changedCount += rewrite.changedSlotCount
        }
        return changedCount
    }

    /// The samples around `slots` of series that the rule has recorded.
    ///
    /// Others may have the same name and the rule's labels: copies that a Prometheus scraped and wrote back.
    /// Those have other label names than what the rule yields.
    private func existing(
        _ record: String,
        _ rule: Rule,
        around slots: PastSlots,
        known: Set<Labels>,
        yielded: Set<Labels>
    ) throws -> [Labels: SampleColumn] {
        let shapes = Set(known.union(yielded).map { $0.map { ByteText($0.name) } })
        var matchers = [Matcher(Labels.metricName, .equal, record)]
        for label in rule.labels { matchers.append(Matcher(label.name, .equal, label.value)) }
        let margin = schedule.intervalMillis + queryOffsetMillis
        let range = TimeRange(
            slots.first.advanced(byMillis: -margin),
            slots.last.advanced(byMillis: schedule.intervalMillis - queryOffsetMillis)
        )
        let set = try query.source.select(
            SelectRequest(matchers: matchers, range: range),
            budget: cancellation.budget(limits.current)
        )
        var found: [Labels: SampleColumn] = [:]
        for index in 0..<set.count {
            let labels = set.labels(at: index)
            guard shapes.contains(labels.map { ByteText($0.name) }) else { continue }
            var column = SampleColumn()
            try set.read(index, into: &column)
            found[labels] = column
        }
        return found
    }
}
