import Matching
import Model

/// Collects the values of one request, series by series in label order.
struct AggregateFold {
    let request: AggregateRequest
    private let matchers: [CompiledMatcher]?
    private var groups: [ByteText: Int] = [:]
    private var names: [String] = []
    /// For what is additive over series and time: `totals[group][interval]`.
    private var totals: [[ExactSum]] = []
    /// For what is not additive over time: `results[group][range]`.
    private var results: [[Result]] = []

    private struct Result {
        var isEmpty = true
        var sum = ExactSum()
        var least = Double.infinity
        var greatest = -Double.infinity
    }

    /// A fold of the series of a selection; `matchers` pick those that belong to the request, nil: all.
    init(_ request: AggregateRequest, matchers: [CompiledMatcher]?) {
        self.request = request
        self.matchers = matchers
        if request.label == nil { _ = group(of: .empty) }
    }

    /// Whether the series belongs to the request.
    func takes(_ labels: Labels) -> Bool {
        matchers?.allSatisfy { $0.matches(labels) } ?? true
    }

    /// Whether the values of samples before the first cut matter.
    var needsPredecessor: Bool {
        if case .counter = request.metric.source {
            request.cuts[0] > request.extent.oldest
        } else {
            false
        }
    }

    /// Whether it matters when a series began.
    var wantsBirth: Bool {
        if case .counter = request.metric.source { request.metric.firstSample == .auto } else { false }
    }

    /// Takes in a series by the states of the request's intervals, which begin at `states[first]`.
    ///
    /// - Parameters:
    ///   - labels: The series.
    ///   - states: The states, at least one of them with a sample.
    ///   - first: Where those of the intervals begin.
    ///   - before: For a counter its last value before the first cut.
    ///   - isFirstKnown: Whether without such a value its first sample is the first it ever had.
    ///   - createdMillis: When the series began, if that came with its samples.
    mutating func add(
        _ labels: Labels,
        _ states: [WindowState],
        from first: Int,
        before: Double?,
        isFirstKnown: Bool,
        createdMillis: Int64? = nil
    ) {
        let metric = request.metric
        let index = group(of: labels)
        let count = request.cuts.count - 1
        if case .counter = metric.source {
            let oldest = request.extent.oldest
            // Not a number until there is one.
            var last = before ?? .nan
            for interval in 0..<count where !states[first + interval].isEmpty {
                let state = states[first + interval]
                let rise = state.rise(after: last) { time in
                    guard isFirstKnown else { return false }
                    switch metric.firstSample {
                    case .zero: return true
                    case .ignore: return false
                    case .auto:
                        if let createdMillis { return createdMillis > oldest }
                        return time > oldest + AggregateFold.birthMillis
                    }
                }
                last = state.lastValue
                if rise != 0 { totals[index][interval].add(rise) }
            }
            return
        }
        switch metric.aggregation {
        case .sum:
            for interval in 0..<count where !states[first + interval].isEmpty {
                totals[index][interval].add(ExactSum(states[first + interval]))
            }
        case .count:
            for interval in 0..<count where !states[first + interval].isEmpty {
                totals[index][interval].add(Double(states[first + interval].count))
            }
        default: addResults(of: states, from: first, to: index)
        }
    }

    /// The values of all groups.
    func table() -> AggregateTable {
        let order = names.indices.sorted { ByteText(names[$0]) < ByteText(names[$1]) }
        let isAdditive = request.metric.aggregation.isZeroWhenEmpty
        return AggregateTable(
            groups: order.map { names[$0] },
            values: order.map { group in
                isAdditive
                    ? AggregateFold.sums(of: totals[group], request.ranges)
                    : results[group].map { $0.isEmpty ? nil : value(of: $0) }
            }
        )
    }

    /// How much later than the oldest sample of a metric a series has to begin to count as born then.
    static let birthMillis: Int64 = 300_000

    /// The sums of the intervals of each range.
    static func sums(of totals: [ExactSum], _ ranges: [Range<Int>]) -> [Double?] {
        ranges.map { range in
            var sum = ExactSum()
            for interval in range { sum.add(totals[interval]) }
            return sum.value
        }
    }

    // MARK: - Parts

    private mutating func group(of labels: Labels) -> Int {
        let name = request.label.flatMap { labels[$0] } ?? ""
        if let index = groups[ByteText(name)] { return index }
        let index = names.count
        groups[ByteText(name)] = index
        names.append(name)
        if request.metric.aggregation.isZeroWhenEmpty {
            totals.append([ExactSum](repeating: ExactSum(), count: request.cuts.count - 1))
        } else {
            results.append([Result](repeating: Result(), count: request.ranges.count))
        }
        return index
    }

    private mutating func addResults(of states: [WindowState], from first: Int, to group: Int) {
        let aggregation = request.metric.aggregation
        for (index, range) in request.ranges.enumerated() {
            var state = WindowState()
            for interval in range { state.join(states[first + interval]) }
            guard state.count > 0 else { continue }
            results[group][index].isEmpty = false
            switch aggregation {
            case .min: results[group][index].least = min(results[group][index].least, state.least)
            case .max:
                results[group][index].greatest = max(results[group][index].greatest, state.greatest)
            case .first: results[group][index].sum.add(state.firstValue)
            case .last: results[group][index].sum.add(state.lastValue)
            case .timeAverage:
                let end = min(request.cuts[range.upperBound], request.extent.newest)
                results[group][index].sum.add(state.timeAverage(upTo: end))
            case .sum, .count: break
            }
        }
    }

    private func value(of result: Result) -> Double {
        switch request.metric.aggregation {
        case .min: result.least
        case .max: result.greatest
        default: result.sum.value
        }
    }
}
