import Model

/// A table under construction in which rows of the same labels become one, as long as they have no step in
/// common.
struct RowMerger {
    /// The table so far.
    private(set) var table: StepTable
    private var rowOfLabels: [Labels: Int] = [:]

    /// An empty table.
    init(stepCount: Int) {
        table = StepTable(stepCount: stepCount)
    }

    /// Starts with the rows of `table`, whose labels are taken to be different.
    init(_ table: StepTable) {
        self.table = table
        for row in 0..<table.rowCount where rowOfLabels[table.labels[row]] == nil {
            rowOfLabels[table.labels[row]] = row
        }
    }

    /// The row of these labels, or nil.
    func row(of labels: Labels) -> Int? { rowOfLabels[labels] }

    /// Adds the values to the row of these labels, which may be a new one.
    ///
    /// As in Prometheus, of series of which only some are to lose their name the one that comes first in time
    /// says what becomes of the name.
    ///
    /// - Returns: Whether there is a new row.
    /// - Throws: `PromQLError.execution` if the row has a value at one of the steps already.
    mutating func add(_ labels: Labels, dropsName: Bool, _ row: StepRow) throws(PromQLError) -> Bool {
        guard let target = rowOfLabels[labels] else {
            rowOfLabels[labels] = table.rowCount
            table.append(labels, dropsName: dropsName, row)
            return true
        }
        let isFirst =
            dropsName != table.dropsName[target]
            && row.firstStep ?? .max < table.occupiedSteps(target).first ?? .max
        guard table.merge(row, into: target) else { throw RowMerger.sameLabels }
        if isFirst { table.setLabels(target, labels, dropsName: dropsName) }
        return false
    }

    /// Notes that a row of the table is charged.
    mutating func note(_ held: StepTable.Held) { table.note(held) }

    /// The error for two series that cannot be told apart.
    static var sameLabels: PromQLError { .execution("vector cannot contain metrics with the same labelset") }
}
