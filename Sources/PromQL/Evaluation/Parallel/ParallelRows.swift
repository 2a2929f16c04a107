import Dispatch
import Model
import Synchronization

/// Rows of the series of a selection, made by several threads and handed out in the order of the series.
///
/// The series are taken in rounds of portions. In a round whoever is free takes the next portion; at its end
/// the rows are handed out in order, so that the number of threads changes no bit of a result. A round is
/// short (a few milliseconds), after which a thread that helped is free for other queries.
struct ParallelRows {
    /// From how many samples on a query asks for help.
    static let leastSampleCount = 1 << 16
    /// About how much a portion reads and makes, in samples.
    private static let portionSampleCount = 1 << 15
    /// The portions of a round.
    private static let portionCount = 8

    /// The selection.
    let set: any SeriesSet
    /// Makes the rows; each portion has a copy.
    let kernel: any RowKernel
    /// Makes the rows of series that the source has states of; nil if samples have to be read.
    let stateKernel: StateKernel?
    /// The steps of a row.
    let stepCount: Int
    /// Whether staleness markers are left out.
    let skipsStale: Bool
    /// Whether series with native histograms are for another kernel.
    let leavesHistograms: Bool
    /// Charged for all work.
    let budget: QueryBudget

    /// What became of one series.
    enum Item: Sendable {
        /// Its row, which is not empty or has remarks.
        case row(Int, StepRow, remarks: [HistogramWindowRemark] = [])
        /// It has native histograms and is left to the caller.
        case left(Int)
    }

    /// Calls `body` with what became of the series in `range`, in order, those without a row left out.
    ///
    /// - Parameters:
    ///   - range: The series.
    ///   - samplesPerSeries: About how many samples a series has.
    ///   - helpers: Threads that may help.
    ///   - evaluation: Its meter is charged for the rows that wait.
    ///   - body: What is done with them, on this thread.
    /// - Throws: What went wrong with the first series that could not be evaluated, or what `body` throws.
    func forEach(
        in range: Range<Int>,
        samplesPerSeries: Int,
        _ helpers: any SpareThreads,
        _ evaluation: Evaluation,
        _ body: (Item) throws(PromQLError) -> Void
    ) throws(PromQLError) {
        let work = max(1, samplesPerSeries + stepCount)
        let portionSize = max(1, min(256, ParallelRows.portionSampleCount / work))
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, start + portionSize * ParallelRows.portionCount)
            let held = (end - start) * stepCount
            try evaluation.meter.hold(held)
            let round = Round(self, start..<end, portionSize)
            // As many as are idle; one that comes too late finds nothing to do.
            var helperCount = 0
            while helperCount < ParallelRows.portionCount - 1,
                helpers.tryRun({ round.work(isHelper: true) })
            { helperCount += 1 }
            for portion in round.finish() {
                for item in try portion.get() { try body(item) }
            }
            evaluation.meter.release(held)
            start = end
        }
    }

    /// What became of the series in `range`.
    fileprivate func items(in range: Range<Int>) throws(PromQLError) -> [Item] {
        try set.withReader { (reader) throws(PromQLError) in try items(in: range, reader) }
    }

    private func items(in range: Range<Int>, _ reader: any SeriesReader) throws(PromQLError) -> [Item] {
        var kernel = kernel
        var stateKernel = stateKernel
        var meter = Meter(budget)
        defer { meter.releaseAll() }
        var column = SampleColumn()
        var items: [Item] = []
        items.reserveCapacity(range.count)
        for index in range {
            var row = StepRow(stepCount: stepCount)
            if try stateKernel?.evaluate(reader, index, into: &row, &meter) == true {
                let remarks = stateKernel?.remarks ?? []
                if !row.isEmpty || !remarks.isEmpty {
                    items.append(.row(index, row, remarks: remarks))
                }
                continue
            }
            do { try reader.read(index, into: &column) } catch { throw .source(error) }
            if leavesHistograms, !column.histograms.isEmpty {
                items.append(.left(index))
                continue
            }
            let held = column.count + column.histograms.heldSampleCount
            meter.noteScanned(held)
            try meter.hold(held)
            if skipsStale { column.removeStaleMarkers() }
            try kernel.evaluate(column, into: &row, &meter)
            meter.release(held)
            if !row.isEmpty { items.append(.row(index, row)) }
        }
        return items
    }
}

/// One round: portions that several threads take, and what came of them.
private final class Round: Sendable {
    typealias Portion = Result<[ParallelRows.Item], PromQLError>

    private struct State {
        var portions: [Portion?]
        var doneCount = 0
    }

    private let rows: ParallelRows
    private let range: Range<Int>
    private let portionSize: Int
    private let portionCount: Int
    private let next = Atomic(0)
    private let state: Mutex<State>
    private let allDone = DispatchSemaphore(value: 0)

    init(_ rows: ParallelRows, _ range: Range<Int>, _ portionSize: Int) {
        self.rows = rows
        self.range = range
        self.portionSize = portionSize
        portionCount = (range.count + portionSize - 1) / portionSize
        state = Mutex(State(portions: [Portion?](repeating: nil, count: portionCount)))
    }

    /// Does portions as long as there are any.
    func work(isHelper: Bool) {
        let began = isHelper ? ThreadTime.now : .zero
        var hasWorked = false
        while true {
            let number = next.add(1, ordering: .relaxed).oldValue
            guard number < portionCount else { break }
            hasWorked = true
            let start = range.lowerBound + number * portionSize
            let portion = Result { () throws(PromQLError) in
                try rows.items(in: start..<min(range.upperBound, start + portionSize))
            }
            let isLast = state.withLock { state in
                state.portions[number] = portion
                state.doneCount += 1
                return state.doneCount == portionCount
            }
            if isLast { allDone.signal() }
        }
        if isHelper, hasWorked { noteTime(since: began) }
    }

    /// Does what is left, waits for the others, and answers all portions in order.
    func finish() -> [Portion] {
        work(isHelper: false)
        allDone.wait()
        return state.withLock { state in
            defer { state.portions = [] }
            return state.portions.compactMap { $0 }
        }
    }

    private func noteTime(since began: Duration) {
        rows.budget.noteHelp(ThreadTime.now - began)
    }
}
