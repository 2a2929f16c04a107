import Model

/// What a group remembers between evaluations.
struct RuleGroupState: Sendable {
    /// What one rule remembers.
    struct RuleState: Sendable {
        /// The series it wrote last.
        var written: Set<Labels> = []
        /// The query for which the metric's metadata was written.
        var describedQuery: String?
        var health = RuleStatus.Health.unknown
        var lastError: String?
        var lastEvaluation: Timestamp?
        var evaluationSeconds = 0.0
        /// The alerts of an alerting rule.
        var alerts = AlertBook()
    }

    /// What the metrics count.
    struct Counts: Sendable {
        var evaluations = 0
        var failures = 0
        var iterations = 0
        var missedIterations = 0
    }

    /// In the order of the group's rules.
    var rules: [RuleState]
    /// Whether what was known before the daemon's start has been taken over.
    var isRestored = false
    /// Series of rules that a reload removed; they end at the next evaluation.
    var abandoned: Set<Labels> = []
    /// The last slot that was evaluated; nil before the first.
    var lastSlot: Timestamp?
    /// The clock's time when the last evaluation began.
    var lastEvaluation: Timestamp?
    /// How long it took.
    var evaluationSeconds = 0.0
    /// How many samples it wrote, staleness markers not counted.
    var lastSampleCount = 0
    /// Since the group was first loaded.
    var counts = Counts()

    /// The state of a group that was never evaluated.
    init(ruleCount: Int) {
        rules = Array(repeating: RuleState(), count: ruleCount)
    }

    /// The state of `group` that takes the place of `previous`, which left `state`.
    ///
    /// Rules are the same if they have the same name and labels, each counted once, in order. What the others
    /// wrote is abandoned.
    init(of group: RuleGroup, replacing previous: RuleGroup, in state: RuleGroupState) {
        self = state
        var left = Array(zip(previous.rules, state.rules))
        rules = group.rules.map { rule in
            guard let index = left.firstIndex(where: { rule.isSuccessor(of: $0.0) }) else {
                return RuleState()
            }
            return left.remove(at: index).1
        }
        for (_, ruleState) in left { abandoned.formUnion(ruleState.written) }
    }

    /// Whether one of the rules, not counting that at `excluded`, has written `series` last.
    func writes(_ series: Labels, exceptRuleAt excluded: Int? = nil) -> Bool {
        rules.indices.contains { $0 != excluded && rules[$0].written.contains(series) }
    }

    /// The series that the rule at `index` wrote last and that end now that it wrote `written`.
    func ended(ruleAt index: Int, nowWriting written: Set<Labels>) -> [Labels] {
        rules[index].written.subtracting(written).filter { !writes($0, exceptRuleAt: index) }.sorted()
    }

    /// All series that the group is responsible for.
    var allWritten: Set<Labels> {
        rules.reduce(into: abandoned) { $0.formUnion($1.written) }
    }
}
