import Model

/// An instant vector at every step of a grid: one row per series, one column per step.
///
/// The values of all rows lie in one array, row after row; so do the bits that say at which steps a series
/// has a value. Where a bit is not set the value is undefined, so kernels may compute it along. Bits behind
/// the last step are never set. Native histograms lie beside, a few per row; where one is there is no value.
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
    /// The native histograms of each row, by step; nothing at all if no row has any.
    private(set) var histograms: [HistogramColumn] = []
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

    /// Whether `row` has a value or a histogram at `step`.
    @inline(__always)
    func isOccupied(_ row: Int, _ step: Int) -> Bool {
        isPresent(row, step) || !histograms.isEmpty && histograms[row][step] != nil
    }

    /// The value of `row` at `step`; undefined if there is none.
    @inline(__always)
    func value(_ row: Int, _ step: Int) -> Double { values[row * stepCount + step] }

    /// The native histograms of `row`, by step.
    func histograms(_ row: Int) -> HistogramColumn {
        histograms.isEmpty ? HistogramColumn() : histograms[row]
    }

    /// Whether there is any native histogram.
    var hasHistograms: Bool { histograms.contains { !$0.isEmpty } }

    /// The steps at which `row` has a value or a histogram.
    func occupiedSteps(_ row: Int) -> StepSet {
        var steps = self.steps(row)
        for step in histograms(row).positions { steps.insert(step) }
        return steps
    }

    /// The bits of `row` as a set of steps.
    func steps(_ row: Int) -> StepSet {
        StepSet(stepCount: stepCount, words: Array(present[wordRange(row)]))
    }

    /// Keeps of `steps` those at which `row` has a value or a histogram.
    func intersect(_ steps: inout StepSet, withRow row: Int) {
        if histograms.isEmpty {
            steps.formIntersection(present.span.extracting(wordRange(row)))
        } else {
            steps.formIntersection(occupiedSteps(row))
        }
    }

    /// The steps at which any row has a value or a histogram.
    func presentSteps() -> StepSet {
        var steps = StepSet(stepCount: stepCount)
        for row in 0..<rowCount { steps.formUnion(present.span.extracting(wordRange(row))) }
        for column in histograms {
            for step in column.positions { steps.insert(step) }
        }
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

    /// What a row with these labels takes; if it is merged what its histograms add to a row that is there.
    static func held(_ labels: Labels, _ row: StepRow, isMerged: Bool = false) -> Held {
        let histograms = row.histograms.heldSampleCount
        if isMerged { return Held(samples: histograms) }
        return Held(samples: row.values.count + histograms, bytes: labels.packed.count + rowBytes)
    }

    /// Notes that a row is charged.
    mutating func note(_ row: Held) {
        held.samples += row.samples
        held.bytes += row.bytes
    }

    /// The arrays' headers, and the row's places in the arrays of the table.
    private static let rowBytes = 64

    /// Copies what `index` has at some steps into a row of the same grid.
    func copy(_ index: Int, into row: inout StepRow, at steps: StepSet) {
        copy(index, into: &row)
        for word in row.present.indices { row.present[word] &= steps.words[word] }
        if !row.histograms.isEmpty { row.histograms = row.histograms.filter(steps.contains) }
    }

    /// Copies `index` into a row of the same grid.
    func copy(_ index: Int, into row: inout StepRow) {
        row.values.replaceSubrange(row.values.indices, with: values[valueRange(index)])
        row.present.replaceSubrange(row.present.indices, with: present[wordRange(index)])
        if !row.histograms.isEmpty || !histograms.isEmpty { row.histograms = histograms(index) }
    }

    // MARK: - Building

    /// Adds a row.
    mutating func append(_ labels: Labels, dropsName: Bool, _ row: StepRow) {
        precondition(row.values.count == stepCount, "BUG: a row of another grid")
        self.labels.append(labels)
        self.dropsName.append(dropsName)
        values.append(contentsOf: row.values)
        present.append(contentsOf: row.present)
        appendHistograms(row.histograms)
    }

    /// Adds the histograms of the row added last.
    private mutating func appendHistograms(_ column: HistogramColumn) {
        if column.isEmpty, histograms.isEmpty { return }
        let missing = rowCount - 1 - histograms.count
        histograms.append(contentsOf: repeatElement(HistogramColumn(), count: missing))
        histograms.append(column)
    }

    /// Adds a copy of a row of `other`, a table of the same grid.
    mutating func append(row: Int, of other: StepTable) {
        precondition(other.stepCount == stepCount, "BUG: a row of another grid")
        labels.append(other.labels[row])
        dropsName.append(other.dropsName[row])
        values.append(contentsOf: other.values[other.valueRange(row)])
        present.append(contentsOf: other.present[other.wordRange(row)])
        appendHistograms(other.histograms(row))
    }

    /// Gives `row` other histograms.
    mutating func setHistograms(_ row: Int, _ column: HistogramColumn) {
        if column.isEmpty, histograms.isEmpty { return }
        if histograms.isEmpty {
            histograms = [HistogramColumn](repeating: HistogramColumn(), count: rowCount)
        }
        histograms[row] = column
    }

    /// Keeps only the histograms of `row` at whose step `isKept` holds.
    mutating func filterHistograms(_ row: Int, _ isKept: (Int) -> Bool) {
        guard !histograms(row).isEmpty else { return }
        histograms[row] = histograms[row].filter(isKept)
    }

    /// Removes all histograms, and the rows that had nothing else.
    mutating func removeHistograms() {
        guard !histograms.isEmpty else { return }
        histograms = []
        removeEmptyRows()
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
        if !other.histograms.isEmpty || !histograms.isEmpty {
            let own = histograms(row)
            for step in other.histograms.positions where own[step] != nil || isPresent(row, step) {
                return false
            }
            for step in own.positions where other.contains(step) { return false }
            setHistograms(row, own.merged(other.histograms))
        }
        for word in 0..<wordCount { present[words + word] |= other.present[word] }
        let base = row * stepCount
        for step in other.steps { values[base + step] = other.values[step] }
        return true
    }

    /// Removes the rows without any value.
    mutating func removeEmptyRows() {
        var kept = 0
        for row in 0..<rowCount
        where present[wordRange(row)].contains(where: { $0 != 0 }) || !histograms(row).isEmpty {
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
        if !histograms.isEmpty { histograms[target] = histograms[source] }
    }

    private mutating func truncate(to count: Int) {
        labels.removeLast(rowCount - count)
        dropsName.removeLast(dropsName.count - count)
        values.removeLast(values.count - count * stepCount)
        present.removeLast(present.count - count * wordCount)
        if !histograms.isEmpty { histograms.removeLast(histograms.count - count) }
    }
}
