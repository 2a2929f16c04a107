import Model
import Synchronization

/// The series of a selection over one snapshot of the store; decodes each when it is read.
///
/// A chunk that cannot be read is left out and told of in `warnings`.
final class StoredSeriesSet: SeriesSet {
    private let series: SelectedSeries
    private let request: SelectRequest
    private let budget: QueryBudget
    /// What is charged for the series.
    private let memory: [HeldMemory]
    private let remarks: SelectionRemarks
    /// The readers that no thread reads with at the moment.
    private let idle = Mutex<[StoredSeriesReader]>([])

    init(
        _ series: SelectedSeries,
        _ request: SelectRequest,
        _ warnings: [String],
        _ budget: QueryBudget,
        _ memory: [HeldMemory] = []
    ) {
        self.series = series
        self.request = request
        self.budget = budget
        self.memory = memory
        remarks = SelectionRemarks(warnings)
    }

    var count: Int { series.count }

    var warnings: [String] { remarks.texts }

    func withReader<Value, Failure: Error>(
        _ body: (any SeriesReader) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let reader =
            idle.withLockGivingWay { $0.popLast() } ?? StoredSeriesReader(series, request, remarks, budget)
        defer { idle.withLockGivingWay { $0.append(reader) } }
        return try body(reader)
    }

    // MARK: - One by one

    func labels(at index: Int) -> Labels {
        var hint = 0
        return series.labels(at: index, near: &hint)
    }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
        try withReader { (reader) throws(SourceError) in try reader.read(index, into: &column) }
    }

    func states(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        into states: inout [WindowState]
    ) throws(SourceError) -> Bool {
        try withReader { (reader) throws(SourceError) in
            try reader.states(of: index, in: windows, parts, into: &states)
        }
    }

    func mayHaveStates(of index: Int) throws(SourceError) -> Bool {
        try withReader { (reader) throws(SourceError) in try reader.mayHaveStates(of: index) }
    }

    func bounds(of index: Int) throws(SourceError) -> TimeRange? {
        try withReader { (reader) throws(SourceError) in try reader.bounds(of: index) }
    }

    func histogramStates(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        _ body: (_ window: Int, _ state: HistogramState) -> Void
    ) throws(SourceError) -> Bool {
        try withReader { (reader) throws(SourceError) in
            try reader.histogramStates(of: index, in: windows, parts, body)
        }
    }
}
