import Model

/// The match groups of two tables: series of both sides that agree in the labels a matching looks at.
struct Signatures {
    /// The group of each row of the left table.
    private(set) var left: [Int] = []
    /// The group of each row of the right table.
    private(set) var right: [Int] = []
    /// The number of groups.
    private(set) var count = 0

    /// The groups of the rows of both tables.
    init(
        _ matching: VectorMatching,
        _ leftTable: StepTable,
        _ rightTable: StepTable,
        _ meter: inout Meter
    ) throws(PromQLError) {
        var groups: [Labels: Int] = [:]
        let filter = matching.signatureFilter
        var byteCount = 0
        for (table, isLeft) in [(leftTable, true), (rightTable, false)] {
            for row in 0..<table.rowCount {
                try meter.work(Groups.workPerSeries)
                let key = filter.apply(to: table.labels[row])
                let index = groups[key, default: groups.count]
                if index == groups.count {
                    groups[key] = index
                    byteCount += Groups.byteCount(key)
                    try meter.hold(bytes: Groups.byteCount(key))
                }
                if isLeft { left.append(index) } else { right.append(index) }
            }
        }
        count = groups.count
        meter.release(bytes: byteCount)
    }
}

extension VectorMatching {
    /// Keeps the part of a label set that is compared.
    var signatureFilter: LabelFilter {
        isOn ? .keeping(labels) : .dropping(labels + [Labels.metricName])
    }
}
