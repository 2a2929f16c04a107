import Model
import Synchronization

/// The pasts of metrics that are computed in the background, one after the other, and those that were.
///
/// After a restart what was not over begins anew, which costs little: values that were computed are known.
package final class Backfills: Sendable {
    /// The most that wait.
    private static let waitingLimit = 100
    /// How many of those that are over are remembered.
    private static let rememberedCount = 100
    /// Of a piece that takes too much a part is tried, down to so many buckets.
    private static let leastCount: Int64 = 12

    private struct State {
        /// In the order in which they were asked for.
        var items: [Backfill]
        /// What the piece at work may use, so that it can be stopped.
        var budget: QueryBudget?
        /// The first bucket of each part that is to be done, and where the part ends; of the one that runs.
        var rests: [String: Range<Int64>] = [:]
        /// How many buckets are taken at once.
        var portion = KPIService.bucketsAtOnce
    }

    private let service: KPIService
    private let state: Mutex<State>
    private let keep: @Sendable ([Backfill]) -> Void

    /// The pasts that earlier runs knew; `keep` is told of all whenever one begins or ends.
    package init(
        _ service: KPIService,
        known: [Backfill] = [],
        keep: @escaping @Sendable ([Backfill]) -> Void = { _ in }
    ) {
        self.service = service
        self.keep = keep
        state = Mutex(
            State(
                items: known.map { item in
                    var item = item
                    if !item.state.isOver { item.state = .waiting }
                    return item
                }
            )
        )
    }

    /// All of them, the latest first.
    package var all: [Backfill] { state.withLock { $0.items.reversed() } }

    /// The one of that name.
    ///
    /// - Throws: That there is none.
    package func find(_ id: String) throws(ReportError) -> Backfill {
        try state.withLock { state throws(ReportError) in state.items[try Backfills.place(of: id, in: state)]
        }
    }

    /// Asks for the past of metrics: of those named, and of those behind the KPIs named.
    ///
    /// - Parameters:
    ///   - kpis: KPIs by name.
    ///   - metrics: Metrics by name.
    ///   - start: The first time, in milliseconds; nil: where the data begin.
    ///   - end: The time before which it ends; nil: now.
    /// - Returns: What was begun.
    /// - Throws: What is wrong with the request.
    package func add(kpis: [String], metrics: [String], start: Int64?, end: Int64?) throws(ReportError)
        -> Backfill
    {
        let definitions = service.versions.current
        guard !kpis.isEmpty || !metrics.isEmpty else { throw .bad("kpis or names have to be given") }
        var wanted: [String] = []
        if !kpis.isEmpty {
            for kpi in try KPISelection(kpis, in: definitions).kpis {
                wanted += definitions.metricNames(behind: kpi)
            }
        }
        for name in metrics {
            guard let metric = definitions.metric(name) ?? definitions.metric(formerly: name) else {
                throw .unknown(.metric, name, among: definitions.metrics.map(\.name))
            }
            wanted.append(metric.name)
        }
        let now = service.now.millis
        let end = min(end ?? now, now)
        guard start ?? end <= end else { throw .bad("the start is behind the end, or in the future") }
        var names: [String] = []
        for name in wanted where !names.contains(where: { ByteText($0) == ByteText(name) }) {
            names.append(name)
        }
        let item = try state.withLock { state throws(ReportError) in
            let waitingCount = state.items.count { !$0.state.isOver }
            guard waitingCount < Backfills.waitingLimit else {
                throw .bad("\(waitingCount) backfills are waiting; cancel some, or wait until they are done")
            }
            let last = state.items.compactMap { Int64($0.id) }.max() ?? 0
            let item = Backfill(
                id: String(max(now, last + 1)),
                kpis: kpis,
                parts: names.map { Backfill.Part(metric: $0) },
                start: start,
                end: end,
                createdMillis: now
            )
            state.items.append(item)
            let overCount = state.items.count { $0.state.isOver }
            for _ in 0..<max(0, overCount - Backfills.rememberedCount) {
                if let oldest = state.items.firstIndex(where: \.state.isOver) {
                    state.items.remove(at: oldest)
                }
            }
            return item
        }
        keepAll()
        return item
    }

    /// Ends one if it is not over.
    ///
    /// - Returns: What became of it.
    /// - Throws: That there is none of that name.
    package func cancel(_ id: String) throws(ReportError) -> Backfill {
        let item = try state.withLock { state throws(ReportError) in
            let place = try Backfills.place(of: id, in: state)
            guard !state.items[place].state.isOver else { return state.items[place] }
            if state.items[place].state == .running { state.budget?.cancel() }
            state.items[place].state = .cancelled
            state.items[place].finishedMillis = service.now.millis
            return state.items[place]
        }
        keepAll()
        return item
    }

    /// Does a piece of the first that is not over; it may block.
    ///
    /// - Parameter budget: What the piece may cost.
    /// - Returns: Whether there was anything to do.
    package func step(_ budget: QueryBudget) -> Bool {
        let item = state.withLock { state -> Backfill? in
            guard let place = state.items.firstIndex(where: { !$0.state.isOver }) else { return nil }
            if state.items[place].state == .waiting { state.rests = [:] }
            state.budget = budget
            return state.items[place]
        }
        guard let item else { return false }
        do throws(SourceError) {
            if item.state == .waiting {
                try begin(item, budget)
            } else {
                try goOn(item, budget)
            }
        } catch {
            fail(item, error)
        }
        return true
    }

    // MARK: - Work

    /// Finds out how much there is to do.
    private func begin(_ item: Backfill, _ budget: QueryBudget) throws(SourceError) {
        var parts = item.parts
        var rests: [String: Range<Int64>] = [:]
        let evaluator = service.evaluator(service.versions.current, at: service.now)
        let extents = try evaluator.extents(of: parts.map(\.metric), budget: budget)
        for index in parts.indices {
            let name = parts[index].metric
            // Metrics without kept values are read from samples and rollups: there is nothing to compute.
            guard let extent = extents[ByteText(name)], let metric = service.versions.current.metric(name),
                let subject = service.kept?.subject(metric)
            else { continue }
            let first = max(
                item.start.map(ExpressionBuckets.bucket(atOrBehind:)) ?? Int64.min,
                KeptBuckets.firstBucket(extent)
            )
            let end = min(
                ExpressionBuckets.bucket(atOrBehind: item.end),
                subject.closedEnd(at: service.now.millis)
            )
            guard first < end else { continue }
            rests[name] = first..<end
            parts[index].bucketCount = BucketRanges(first..<end).count
            (parts[index].doneCount, parts[index].computedCount) = (0, 0)
        }
        update(item.id) { state, place in
            state.items[place].parts = parts
            state.items[place].state = .running
            state.rests = rests
            state.portion = KPIService.bucketsAtOnce
        }
        keepAll()
    }

    /// Computes the next buckets.
    private func goOn(_ item: Backfill, _ budget: QueryBudget) throws(SourceError) {
        let (rests, portion) = state.withLock { ($0.rests, $0.portion) }
        guard let index = item.parts.firstIndex(where: { rests[$0.metric] != nil }),
            let rest = rests[item.parts[index].metric]
        else {
            finish(item.id, .done, nil)
            return
        }
        let name = item.parts[index].metric
        guard let metric = service.versions.current.metric(name), let kept = service.kept,
            kept.subject(metric) != nil
        else {
            finish(item.id, .failed, "the metric \(name) is not defined any more")
            return
        }
        let range = KPIService.beginning(of: rest, portion)
        let evaluator = service.evaluator(service.versions.current, at: service.now)
        let extent = try evaluator.extents(of: [name], budget: budget)[ByteText(name)]
        let computedCount = try kept.fill(metric, range, extent, budget)
        update(item.id) { state, place in
            state.rests[name] =
                range.upperBound < rest.upperBound ? range.upperBound..<rest.upperBound : nil
            state.items[place].parts[index].doneCount += BucketRanges(range).count
            state.items[place].parts[index].computedCount += computedCount
        }
    }

    private func fail(_ item: Backfill, _ error: SourceError) {
        let isSmaller = state.withLock { state in
            switch error {
            case .timedOut, .tooManySamples, .tooMuchMemory:
                guard item.state == .running, state.portion > Backfills.leastCount else { return false }
                state.portion /= 2
                return true
            // It was cancelled, which is noted, or the daemon stops, after which it begins anew.
            case .cancelled: return true
            default: return false
            }
        }
        if !isSmaller { finish(item.id, .failed, error.sentence) }
    }

    private func finish(_ id: String, _ end: Backfill.State, _ error: String?) {
        update(id) { state, place in
            state.items[place].state = end
            state.items[place].error = error
            state.items[place].finishedMillis = service.now.millis
        }
        keepAll()
    }

    /// Changes one that is not over meanwhile.
    private func update(_ id: String, _ change: (inout State, Int) -> Void) {
        state.withLock { state in
            guard let place = state.items.firstIndex(where: { $0.id == id && !$0.state.isOver }) else {
                return
            }
            change(&state, place)
        }
    }

    private func keepAll() { state.withLock { keep($0.items) } }

    private static func place(of id: String, in state: State) throws(ReportError) -> Int {
        guard let place = state.items.firstIndex(where: { ByteText($0.id) == ByteText(id) }) else {
            throw .unknown(.backfill, id, among: state.items.map(\.id))
        }
        return place
    }
}

extension SourceError {
    /// The error as a sentence.
    fileprivate var sentence: String {
        switch self {
        case .cancelled: "it was stopped"
        case .timedOut(let millis): "twelve buckets took more than \(millis) ms"
        case .tooManySamples(let limit): "twelve buckets need more than \(limit) samples"
        case .tooMuchMemory(let name, let limit): "twelve buckets exceed the limit \(name) of \(limit) bytes"
        case .tooManySeries(let limit): "there are more than \(limit) series"
        case .badMatcher(let text), .unavailable(let text): text
        }
    }
}
