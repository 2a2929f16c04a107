import Model

/// An instant vector at every step of a grid: one row per series, one column per step.
///
/// The values of all rows lie in one array, row after row; so do the bits that say at which steps a series
/// has a value. Where a bit is not set the value is undefined, so kernels may compute it along. Bits behind
/// the last step are never set. Native histograms will be a second array of bits, with the histograms beside.
struct StepTable {
    /// The number of steps.
    let stepCount: Int
    /// The number of words that the bits of one row take.
    let wordCount: Int
    /// The labels of each row.
    private(set) var labels: [Labels] = []
    /// For each row whether the metric's name is to be dropped from the labels before anybody sees them.
    ///
    /// Names are dropped at the very end, so that series of different names are still told apart until then
    /// (Prometheus's delayed name removal).
    private(set) var dropsName: [Bool] = []
    /// The values, `[row][step]`.
    var values: [Double] = []
    /// The bits, `[row][word]`; bit i of word w stands for step 64 w + i.
    var present: [UInt64] = []
    /// What of the query's budget is charged for this table.
    var held = Held()

    /// A table without rows.
    init(stepCount: Int) {
        self.stepCount = stepCount
        wordCount = (stepCount + 63) / 64
    }

    /// The number of rows.
    var rowCount: Int { labels.count }

    /// Where the values of `row` lie in `values`.
    @inline(__always)
    func valueRange(_ row: Int) -> Range<Int> { row * stepCount..<(row + 1) * stepCount }

    /// Where the bits of `row` lie in `present`.
    @inline(__always)
    func wordRange(_ row: Int) -> Range<Int> { row * wordCount..<(row + 1) * wordCount }

    /// Whether `row` has a value at `step`.
    @inline(__always)
    func isPresent(_ row: Int, _ step: Int) -> Bool {
        (present[row * wordCount + (step >> 6)] >> UInt64(step & 63)) & 1 != 0
    }

    /// The value of `row` at `step`; undefined if there is none.
    @inline(__always)
    func value(_ row: Int, _ step: Int) -> Double { values[row * stepCount + step] }

    /// The bits of `row` as a set of steps.
    func steps(_ row: Int) -> StepSet {
        StepSet(stepCount: stepCount, words: Array(present[wordRange(row)]))
    }

    /// The steps at which any row has a value.
    func presentSteps() -> StepSet {
        var steps = StepSet(stepCount: stepCount)
        for row in 0..<rowCount { steps.formUnion(present.span.extracting(wordRange(row))) }
        return steps
    }

    // MARK: - Memory

    /// What a table, or a part of it, takes of a query's budget.
    struct Held {
        /// Values.
        var samples = 0
        /// Labels, and what else a row takes.
        var bytes = 0
    }

    /// What a row with these labels takes.
    static func held(_ labels: Labels, stepCount: Int) -> Held {
        Held(samples: stepCount, bytes: labels.packed.count + rowBytes)
    }

    /// Notes that a row is charged.
    mutating func note(_ row: Held) {
        held.samples += row.samples
        held.bytes += row.bytes
    }

    /// The arrays' headers, and the row's places in the arrays of the table.
    private static let rowBytes = 64

    // MARK: - Building

    /// Adds a row.
    mutating func append(_ labels: Labels, dropsName: Bool, _ row: StepRow) {
        precondition(row.values.count == stepCount, "BUG: a row of another grid")
        self.labels.append(labels)
        self.dropsName.append(dropsName)
        values.append(contentsOf: row.values)
        present.append(contentsOf: row.present)
    }

    /// Adds a copy of a row of `other`, a table of the same grid.
    mutating func append(row: Int, of other: StepTable) {
        precondition(other.stepCount == stepCount, "BUG: a row of another grid")
        labels.append(other.labels[row])
        dropsName.append(other.dropsName[row])
        values.append(contentsOf: other.values[other.valueRange(row)])
        present.append(contentsOf: other.present[other.wordRange(row)])
    }

    /// Gives `row` other labels.
    mutating func setLabels(_ row: Int, _ labels: Labels, dropsName: Bool) {
        self.labels[row] = labels
        self.dropsName[row] = dropsName
    }

    /// Marks the names of all rows to be dropped.
    mutating func dropNames() {
        for row in dropsName.indices { dropsName[row] = true }
    }

    /// Adds the values that are present to `row`; false, and unchanged, if `row` has a value at one of the
    /// steps.
    mutating func merge(_ other: StepRow, into row: Int) -> Bool {
        let words = row * wordCount
        for word in 0..<wordCount where present[words + word] & other.present[word] != 0 { return false }
        for word in 0..<wordCount { present[words + word] |= other.present[word] }
        let base = row * stepCount
        for step in other.steps { values[base + step] = other.values[step] }
        return true
    }

    /// Removes the rows without any value.
    mutating func removeEmptyRows() {
        var kept = 0
        for row in 0..<rowCount where present[wordRange(row)].contains(where: { $0 != 0 }) {
            if kept != row { move(row, to: kept) }
            kept += 1
        }
        truncate(to: kept)
    }

    /// Keeps only the rows of `order`, in that order.
    mutating func pick(_ order: [Int]) {
        var picked = StepTable(stepCount: stepCount)
        picked.held = held
        for row in order { picked.append(row: row, of: self) }
        self = picked
    }

    /// Adds 1 to the value of `row` at `step`, which counts as 0 if there is none.
    mutating func increment(_ row: Int, _ step: Int) {
        let old = isPresent(row, step) ? value(row, step) : 0
        values[row * stepCount + step] = old + 1
        present[row * wordCount + (step >> 6)] |= 1 << UInt64(step & 63)
    }

    private mutating func move(_ source: Int, to target: Int) {
        labels[target] = labels[source]
        dropsName[target] = dropsName[source]
        for step in 0..<stepCount { values[target * stepCount + step] = values[source * stepCount + step] }
        for word in 0..<wordCount { present[target * wordCount + word] = present[source * wordCount + word] }
    }

    private mutating func truncate(to count: Int) {
        labels.removeLast(rowCount - count)
        dropsName.removeLast(dropsName.count - count)
        values.removeLast(values.count - count * stepCount)
        present.removeLast(present.count - count * wordCount)
    }
}
