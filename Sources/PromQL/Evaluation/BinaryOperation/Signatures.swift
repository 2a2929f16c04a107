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
    init(_ matching: VectorMatching, _ leftTable: StepTable, _ rightTable: StepTable) {
        var groups: [Labels: Int] = [:]
        let filter = matching.signatureFilter
        func group(_ labels: Labels) -> Int {
            let key = filter.apply(to: labels)
            let index = groups[key, default: groups.count]
            if index == groups.count { groups[key] = index }
            return index
        }
        left = leftTable.labels.map(group)
        right = rightTable.labels.map(group)
        count = groups.count
    }
}

extension VectorMatching {
    /// Keeps the part of a label set that is compared.
    var signatureFilter: LabelFilter {
        isOn ? .keeping(labels) : .dropping(labels + [Labels.metricName])
    }
}
