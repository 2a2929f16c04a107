import Model

/// How an aggregation puts series into groups.
struct SeriesGrouping {
    /// The labels of `by` or `without`.
    let labels: [String]
    /// Whether `labels` are those left out.
    let isWithout: Bool

    /// The grouping of an aggregation as written.
    init(_ aggregation: Aggregation) {
        labels = aggregation.grouping
        isWithout = aggregation.isWithout
    }

    /// Keeps the labels of the group that a series belongs to; with `made`, also the label of that name,
    /// which the aggregation makes.
    func filter(keeping made: String? = nil) -> LabelFilter {
        if isWithout { return .dropping(labels + [Labels.metricName]) }
        return .keeping(labels + (made.map { [$0] } ?? []))
    }
}

/// The groups met so far, numbered in order.
struct Groups {
    /// The labels of each group.
    private(set) var labels: [Labels] = []
    /// For each group whether the name of any of its series is to be dropped.
    private(set) var dropsName: [Bool] = []

    /// The work of finding a series's group, in samples.
    static let workPerSeries = 32

    private let filter: LabelFilter
    private var indices: [Labels: Int] = [:]
    /// The group found last, which is often that of the next series.
    private var last: Int?

    /// About how much memory a group with these labels takes, in bytes.
    static func byteCount(_ labels: Labels) -> Int { labels.packed.count + 96 }

    /// No groups.
    init(_ grouping: SeriesGrouping) {
        filter = grouping.filter()
    }

    /// The number of groups.
    var count: Int { labels.count }

    /// The group of a series, which may be a new one; its labels are asked for only if they matter.
    mutating func index(of series: RowLabels, dropsName: Bool) -> Int {
        let key = filter.keepsNothing ? .empty : filter.apply(to: series.labels)
        if let last, labels[last] == key {
            if dropsName { self.dropsName[last] = true }
            return last
        }
        let index = indices[key, default: labels.count]
        last = index
        if index == labels.count {
            indices[key] = index
            labels.append(key)
            self.dropsName.append(dropsName)
        } else if dropsName {
            self.dropsName[index] = true
        }
        return index
    }
}
