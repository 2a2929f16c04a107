import Model
import PromQL

/// Writes the past of what the daemon's rules record of the shop.
///
/// The daemon evaluates rules from its start on. For the time before, the expression of each rule is
/// evaluated as a range query over the history in the daemon, and the result is imported under the rule's
/// name and labels. Where the daemon has samples of its own, nothing is written.
struct RecordedPast {
    /// The most points of a series in one query's answer.
    private static let queryPoints: Int64 = 8000

    let client: DaemonClient
    /// The time between two samples in milliseconds; at most the lookback, so that there are no gaps.
    var stepMillis: Int64 = 300_000

    /// The rules that are about the shop, in the order of their evaluation.
    func rules() async throws(ClientError) -> [RuleAnswer] {
        RecordedPast.shopRules(try await client.ruleGroups().flatMap(\.rules))
    }

    /// Those of `rules` that read the shop's counters, or what another of them records.
    static func shopRules(_ rules: [RuleAnswer]) -> [RuleAnswer] {
        var known = Set(Shop.counters.map { ByteText("shop_\($0)_total") })
        return rules.filter { rule in
            guard let expression = try? Parser.parse(rule.query) else { return false }
            var reads = false
            expression.forEachSelector { selector, _ in
                if let name = selector.name, known.contains(ByteText(name)) { reads = true }
            }
            if reads { known.insert(ByteText(rule.name)) }
            return reads
        }
    }

    /// Writes the results of `rules` from `start` to `end` and returns the number of samples.
    ///
    /// `progress` hears the part that is done, 0 to 1, and the number of samples.
    func write(
        _ rules: [RuleAnswer],
        from start: Timestamp,
        to end: Timestamp,
        progress: (Double, Int) -> Void
    ) async throws(ClientError) -> Int {
        var sampleCount = 0
        let partMillis = stepMillis * RecordedPast.queryPoints
        let partCount = max(1, (end.millis - start.millis) / partMillis + 1)
        var done = 0
        var from = start
        while from <= end {
            let to = min(end, from.advanced(byMillis: partMillis - stepMillis))
            // A rule reads what those before it recorded, so one goes after the other.
            for rule in rules {
                sampleCount += try await write(rule, from: from, to: to)
                done += 1
                progress(Double(done) / Double(Int(partCount) * rules.count), sampleCount)
            }
            from = from.advanced(byMillis: partMillis)
        }
        progress(1, sampleCount)
        return sampleCount
    }

    private func write(
        _ rule: RuleAnswer,
        from start: Timestamp,
        to end: Timestamp
    ) async throws(ClientError) -> Int {
        let own = try await client.queryRange(
            "count(\(RecordedPast.selector(of: rule)))",
            from: start,
            to: end,
            stepMillis: stepMillis
        )
        let taken = Set(own.result.series.flatMap(\.points).map(\.time))
        let stepCount = (end.millis - start.millis) / stepMillis + 1
        guard taken.count < Int(stepCount) else { return 0 }
        let past = try await client.queryRange(rule.query, from: start, to: end, stepMillis: stepMillis)
        let (text, sampleCount) = RecordedPast.exposition(of: past.result.series, rule: rule, except: taken)
        if sampleCount > 0 { try await client.importText(text) }
        return sampleCount
    }

    /// The text exposition of what `rule` makes of the series its expression yields, but for `times`.
    static func exposition(
        of series: [APISeries],
        rule: RuleAnswer,
        except times: Set<Timestamp>
    ) -> (text: [UInt8], sampleCount: Int) {
        var text: [UInt8] = []
        var sampleCount = 0
        for one in series {
            var labels = one.labels
            labels.merge(rule.labels ?? [:]) { $1 }
            labels["__name__"] = rule.name
            let prefix = Array((SeriesText.format(labels.filter { !$0.value.isEmpty }) + " ").utf8)
            for point in one.points where point.time.millis > 0 && !times.contains(point.time) {
                text += prefix
                text += point.text.utf8
                text.append(UInt8(ascii: " "))
                ValueText.append(integer: UInt64(point.time.millis), to: &text)
                text.append(0x0a)
                sampleCount += 1
            }
        }
        return (text, sampleCount)
    }

    /// Selects what the rule records, and no other rule of the same name with labels of its own.
    static func selector(of rule: RuleAnswer) -> String {
        var labels = rule.labels ?? [:]
        labels["__name__"] = rule.name
        return SeriesText.format(labels)
    }
}
