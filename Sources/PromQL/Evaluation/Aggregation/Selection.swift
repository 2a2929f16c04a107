import Model

/// `topk`, `bottomk`, `limitk` and `limit_ratio`: aggregations that keep some of the series as they are.
struct Selection {
    /// The table with its rows in place.
    private let table: StepTable
    /// The group of each row.
    private let groupOfRow: [Int]
    private let groupCount: Int
    /// The bits of the rows as selected so far.
    private(set) var kept: [UInt64]
    /// The rows in the order of their values, for an instant vector.
    private(set) var order: [Int] = []

    /// A selection from `table`, with nothing selected.
    init(_ table: StepTable, _ grouping: SeriesGrouping, _ meter: inout Meter) throws(PromQLError) {
        self.table = table
        var groups = Groups(grouping)
        var groupOfRow: [Int] = []
        for row in 0..<table.rowCount {
            try meter.work(Groups.workPerSeries)
            groupOfRow.append(groups.index(of: .known(table.labels[row]), dropsName: false))
        }
        self.groupOfRow = groupOfRow
        groupCount = groups.count
        kept = [UInt64](repeating: 0, count: table.present.count)
    }

    /// Whether the sample of `row` at `step` is selected.
    func isKept(_ row: Int, _ step: Int) -> Bool {
        (kept[row * table.wordCount + (step >> 6)] >> UInt64(step & 63)) & 1 != 0
    }

    private mutating func keep(_ row: Int, _ step: Int) {
        kept[row * table.wordCount + (step >> 6)] |= 1 << UInt64(step & 63)
    }

    /// Keeps the `limits[step]` largest (or smallest) values of each group at each step; NaN comes last.
    mutating func keepExtremes(_ limits: ScalarColumn, isLargest: Bool, _ meter: inout Meter)
        throws(PromQLError)
    {
        var heaps = [BoundedHeap](repeating: BoundedHeap(isLargest: isLargest), count: groupCount)
        for step in 0..<table.stepCount {
            let limit = Selection.count(limits[step], table.rowCount)
            guard limit > 0 else { continue }
            try meter.work(table.rowCount + 1)
            for row in 0..<table.rowCount where table.isPresent(row, step) {
                heaps[groupOfRow[row]].offer(table.value(row, step), row, limit)
            }
            for group in heaps.indices {
                let sorted = heaps[group].takeSorted()
                for entry in sorted { keep(entry.row, step) }
                if table.stepCount == 1 { order.append(contentsOf: sorted.map(\.row)) }
            }
        }
    }

    /// Keeps the first `limits[step]` series of each group at each step.
    mutating func keepFirst(_ limits: ScalarColumn, _ meter: inout Meter) throws(PromQLError) {
        for step in 0..<table.stepCount {
            let limit = Selection.count(limits[step], table.rowCount)
            guard limit > 0 else { continue }
            try meter.work(table.rowCount + 1)
            var counts = [Int](repeating: 0, count: groupCount)
            for row in 0..<table.rowCount
            where counts[groupOfRow[row]] < limit && table.isOccupied(row, step) {
                counts[groupOfRow[row]] += 1
                keep(row, step)
            }
        }
    }

    /// Keeps about the share `ratios[step]` of all series, always the same ones; a negative share keeps those
    /// that the share 1 + `ratios[step]` would not.
    mutating func keepShare(_ ratios: ScalarColumn, _ meter: inout Meter) throws(PromQLError) {
        for row in 0..<table.rowCount {
            try meter.work(table.stepCount)
            let place = Double(LabelHash.of(table.labels[row])) / Double(UInt64.max)
            for step in 0..<table.stepCount where table.isOccupied(row, step) {
                let ratio = max(-1, min(1, ratios[step]))
                if ratio >= 0 ? place < ratio : place >= 1 + ratio { keep(row, step) }
            }
        }
    }

    /// The limit as a count of at most `rowCount`.
    private static func count(_ limit: Double, _ rowCount: Int) -> Int {
        limit >= Double(rowCount) ? rowCount : limit >= 1 ? Int(limit) : 0
    }
}

/// The best values of a group, at most a given number.
///
/// A binary heap with the worst on top, so that most values are refused after one comparison.
struct BoundedHeap {
    /// A value and the row it comes from.
    struct Entry {
        var value: Double
        var row: Int
    }

    private let isLargest: Bool
    private var entries: [Entry] = []

    /// A heap for the largest or for the smallest values.
    init(isLargest: Bool) {
        self.isLargest = isLargest
    }

    /// Takes in a value if it is among the `limit` best.
    mutating func offer(_ value: Double, _ row: Int, _ limit: Int) {
        let entry = Entry(value: value, row: row)
        if entries.count < limit {
            entries.append(entry)
            siftUp()
        } else if isWorse(entries[0], entry) {
            entries[0] = entry
            siftDown()
        }
    }

    /// The values from best to worst; the heap is empty afterwards.
    mutating func takeSorted() -> [Entry] {
        let sorted = entries.sorted { isWorse($1, $0) || !isWorse($0, $1) && $0.row < $1.row }
        entries.removeAll(keepingCapacity: true)
        return sorted
    }

    private func isWorse(_ left: Entry, _ right: Entry) -> Bool {
        if left.value.isNaN || right.value.isNaN { return left.value.isNaN && !right.value.isNaN }
        return isLargest ? left.value < right.value : left.value > right.value
    }

    private mutating func siftUp() {
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isWorse(entries[child], entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var worst = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if isWorse(entries[child], entries[worst]) { worst = child }
            }
            guard worst != parent else { return }
            entries.swapAt(parent, worst)
            parent = worst
        }
    }
}

/// A hash of label sets that is the same in every process.
enum LabelHash {
    /// The hash of `labels`: FNV-1a, mixed by the finalizer of SplitMix64 so that all bits count.
    static func of(_ labels: Labels) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in labels.packed {
            hash ^= UInt64(byte)
            hash = hash &* 0x100_0000_01b3
        }
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        return hash ^ (hash >> 31)
    }
}
