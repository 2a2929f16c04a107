import Model

/// Selectors of one query that look at the same series over about the same times, so that each series is
/// decoded once for all of them.
///
/// They have the same matchers and touching ranges, as in `rate(x[5m]) / rate(x[1h])`; or matchers that may
/// have series in common and nearly the same range, as in `sum(x{code="500"}) / sum(x)`.
///
/// A selector that may be answered from states has no use for samples then. So where it looks far back it
/// is not in a group with others, who would read all of that for it.
struct ReadGroup {
    /// The place of a selector in its group.
    struct Reader: Hashable {
        /// The group.
        var group: Int
        /// Which of the group's readers it is.
        var index: Int
    }

    /// How many groups a selector is compared with.
    private static let candidateCount = 32
    /// Up to which length, in milliseconds, samples are read for a selector that may do without them.
    private static let mixedLength = 86_400_000.0

    /// What selects the series of each reader.
    private(set) var readers: [Set<Matcher>]
    /// The samples that all readers together look at.
    private(set) var range: TimeRange
    /// Whether all readers may be answered from states.
    private var takesStates: Bool

    private init(_ matchers: Set<Matcher>, _ range: TimeRange, takesStates: Bool) {
        readers = [matchers]
        self.range = range
        self.takesStates = takesStates
    }

    /// Tells the selectors of `nodes` which group they belong to; those that share with no other belong to
    /// none.
    static func assign(to nodes: inout [PlanNode]) -> [ReadGroup] {
        var groups: [ReadGroup] = []
        var found: [(node: Int, reader: Reader)] = []
        for (index, node) in nodes.enumerated() {
            guard let selector = node.operation.sharedSelector, let range = selector.range(on: node.grid)
            else { continue }
            let takesStates = node.operation.takesStates(on: node.grid)
            found.append((index, place(Set(selector.matchers), range, takesStates, into: &groups)))
        }
        var numbers: [Int: Int] = [:]
        for (number, group) in groups.indices.filter({ groups[$0].readers.count > 1 }).enumerated() {
            numbers[group] = number
        }
        for (node, reader) in found {
            guard let number = numbers[reader.group] else { continue }
            nodes[node].operation.share(Reader(group: number, index: reader.index))
        }
        return groups.filter { $0.readers.count > 1 }
    }

    private static func place(
        _ matchers: Set<Matcher>,
        _ range: TimeRange,
        _ takesStates: Bool,
        into groups: inout [ReadGroup]
    ) -> Reader {
        for group in groups.indices.suffix(candidateCount)
        where groups[group].takes(matchers, range, takesStates) {
            groups[group].readers.append(matchers)
            groups[group].range = groups[group].range.union(range)
            groups[group].takesStates = groups[group].takesStates && takesStates
            return Reader(group: group, index: groups[group].readers.count - 1)
        }
        groups.append(ReadGroup(matchers, range, takesStates: takesStates))
        return Reader(group: groups.count - 1, index: 0)
    }

    /// Whether another reader is worth to be in the group.
    private func takes(_ matchers: Set<Matcher>, _ range: TimeRange, _ takesStates: Bool) -> Bool {
        let length = self.range.union(range).length
        let isNear = length <= min(self.range.length, range.length) * 1.25
        if readers.contains(matchers), self.range.overlaps(range) {
            return isNear || takesStates == self.takesStates || length <= ReadGroup.mixedLength
        }
        return isNear
            && readers.contains { ReadGroup.mayMeet($0, matchers) }
    }

    /// Whether series may satisfy both, as far as that is plain to see; they must have a metric in common.
    private static func mayMeet(_ left: Set<Matcher>, _ right: Set<Matcher>) -> Bool {
        let isName = { (matcher: Matcher) in
            matcher.kind == .equal && matcher.name.utf8.elementsEqual(Labels.metricName.utf8)
        }
        guard let name = left.first(where: isName), right.contains(name) else { return false }
        return left.allSatisfy { matcher in
            matcher.kind != .equal
                || right.allSatisfy {
                    $0.kind != .equal || ByteText($0.name) != ByteText(matcher.name) || $0 == matcher
                }
        }
    }
}

extension SelectorPlan {
    /// The samples that it looks at on the steps of `grid`; nil if there are no steps.
    func range(on grid: StepGrid) -> TimeRange? {
        guard grid.count > 0, let reach = shape.reach(on: grid) else { return nil }
        let start = Timestamp(millis: reach.after).advanced(byMillis: 1)
        return TimeRange(start, Timestamp(millis: reach.through))
    }
}

extension Operation {
    /// The selector whose series may be read for others too.
    fileprivate var sharedSelector: SelectorPlan? {
        switch self {
        case .selector(let plan), .sampleTimes(let plan): return plan
        case .window(let plan):
            if case .selector(let selector) = plan.source { return selector }
            return nil
        default: return nil
        }
    }

    /// Whether it may do without samples.
    fileprivate func takesStates(on grid: StepGrid) -> Bool {
        if case .window(let plan) = self { StateKernel.answers(plan, grid) } else { false }
    }

    fileprivate mutating func share(_ reader: ReadGroup.Reader) {
        guard var selector = sharedSelector else { return }
        selector.reader = reader
        switch self {
        case .selector: self = .selector(selector)
        case .sampleTimes: self = .sampleTimes(selector)
        case .window(var plan):
            plan.source = .selector(selector)
            self = .window(plan)
        default: break
        }
    }
}

extension TimeRange {
    /// How long it is, in milliseconds.
    fileprivate var length: Double { Double(end.millis) - Double(start.millis) + 1 }

    /// The shortest range around both.
    fileprivate func union(_ other: TimeRange) -> TimeRange {
        TimeRange(min(start, other.start), max(end, other.end))
    }
}
