import Matching
import Model

/// A retention policy ready to be asked about many series.
struct RetentionClasses: Sendable {
    /// The policy.
    let policy: RetentionPolicy
    private let rules: [(matchers: [CompiledMatcher], times: RetentionTimes)]
    private let defaultTimes: RetentionTimes

    init(_ policy: RetentionPolicy) throws(RegexError) {
        self.policy = policy
        defaultTimes = policy.defaultTimes
        var rules: [(matchers: [CompiledMatcher], times: RetentionTimes)] = []
        for rule in policy.rules {
            rules.append((try CompiledMatcher.compile(rule.matchers), rule.times))
        }
        self.rules = rules
    }

    /// How long what is stored of the series is kept.
    func times(of labels: Labels) -> RetentionTimes {
        for rule in rules where rule.matchers.allSatisfy({ $0.matches(labels) }) { return rule.times }
        return defaultTimes
    }

    /// Whether it depends on the series how long what is stored of it is kept.
    var hasRules: Bool { !rules.isEmpty }

    /// How long what is stored of series is kept about which the rule at `index` decides, or the default
    /// behind the last one.
    func times(ofRule index: Int) -> RetentionTimes {
        index < rules.count ? rules[index].times : defaultTimes
    }

    /// The place of the rule that decides about the series; the number of rules if it is the default.
    func ruleIndex(of labels: Labels) -> Int {
        rules.firstIndex { $0.matchers.allSatisfy { $0.matches(labels) } } ?? rules.count
    }

    /// How long samples of the series are kept, in milliseconds; nil for ever.
    func rawMillis(of labels: Labels) -> Int64? { times(of: labels).rawMillis }

    /// The shortest time after which anything expires, in milliseconds; nil if nothing does.
    var shortestMillis: Int64? {
        all.flatMap { [$0.rawMillis] + $0.rollups.map(\.keptMillis) }.compactMap { $0 }.min()
    }

    /// How long samples are kept of which rollups are kept longer, in milliseconds.
    var rolledUpMillis: Set<Int64?> {
        Set(all.filter { $0.keptMillis(besideLevels: []) != $0.rawMillis }.map(\.rawMillis))
    }

    private var all: [RetentionTimes] { rules.map(\.times) + [defaultTimes] }
}

extension RetentionTimes {
    /// How long a chunk is kept, in milliseconds; nil for ever.
    ///
    /// Samples of which a level is not rolled up, because they are too few for it or because that is still to
    /// be done, stand in for it: they are kept as long as it would be.
    /// - Parameters:
    ///   - chunk: The chunk.
    ///   - present: The levels of rollups that the segment of the chunk has of its series.
    /// - Returns: The time in milliseconds.
    func keptMillis(_ chunk: Segment.Chunk, beside present: Set<RollupLevel>) -> Int64? {
        chunk.level.map { keptMillis($0) } ?? keptMillis(besideLevels: present)
    }

    /// How long rollups of a level are kept, in milliseconds; nil for ever.
    ///
    /// Of a level that is not wanted any
    /// more they are kept as long as samples.
    func keptMillis(_ level: RollupLevel) -> Int64? {
        guard let rollup = rollups.first(where: { $0.level == level }) else { return rawMillis }
        return rollup.keptMillis
    }

    /// How long samples are kept that are rolled up to the levels `present`, in milliseconds; nil for ever.
    func keptMillis(besideLevels present: Set<RollupLevel>) -> Int64? {
        guard var longest = rawMillis else { return nil }
        for rollup in rollups where !present.contains(rollup.level) {
            guard let kept = rollup.keptMillis else { return nil }
            longest = max(longest, kept)
        }
        return longest
    }
}
