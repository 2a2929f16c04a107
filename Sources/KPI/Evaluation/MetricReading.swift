import Model

/// Where the value of a KPI takes the values of metrics from.
protocol MetricReading {
    /// The value of a metric over `range`; null by the rules for `frame`, the time that is asked about.
    mutating func value(of metric: String, over range: Bucket, for frame: Bucket) -> Double?
    /// When the metric has values; nil if it has none or is undefined.
    func extent(of metric: String) -> Extent?
}

/// Notes what values a KPI will ask for.
struct MetricDemand: MetricReading {
    let extents: [ByteText: Extent]
    private var index = NameIndex()
    private var lists: [(extent: Extent?, list: RangeList)] = []

    init(extents: [ByteText: Extent]) { self.extents = extents }

    /// The ranges of a metric that will be asked for.
    mutating func ranges(of metric: String) -> [Bucket] {
        index.place(of: metric).map { lists[$0].list.ranges } ?? []
    }

    mutating func value(of metric: String, over range: Bucket, for frame: Bucket) -> Double? {
        let place: Int
        if let known = index.place(of: metric) {
            place = known
        } else {
            place = lists.count
            index.add(metric, at: place)
            lists.append((extents[ByteText(metric)], RangeList()))
        }
        guard let extent = lists[place].extent, MetricDemand.hasValue(extent, over: range, for: frame) else {
            return nil
        }
        lists[place].list.insert(range)
        return nil
    }

    func extent(of metric: String) -> Extent? { extents[ByteText(metric)] }

    /// Whether there can be a value: data have begun before the end, and did not end before the start.
    static func hasValue(_ extent: Extent, over range: Bucket, for frame: Bucket) -> Bool {
        range.start < range.end && frame.end > extent.oldest && frame.start <= extent.newest
            && range.end > extent.oldest && range.start <= extent.newest
    }
}

/// Values that were read, all of one moment.
struct MetricValues: MetricReading {
    /// What was read of one metric.
    struct Column {
        var name: String
        /// When there are values; nil if there are none.
        var extent: Extent?
        var isZeroWhenEmpty: Bool
        /// The ranges, in the order of the table's values.
        var ranges: RangeList
        var table: AggregateTable
        /// The place of each group in the table.
        var groups: [ByteText: Int]
        /// Whether it is that of ranges shorter than a day, of a metric that has samples about whole days.
        var isShort = false
        /// The place of the group at hand; nil if it has no samples.
        var row: Int?
        /// Where ranges shorter than a day are; nil: here.
        var shortPlace: Int?
    }

    private var index = NameIndex()
    private var columns: [Column]
    private let extents: [ByteText: Extent]
    /// The value of the label that values are broken down by; empty without a label.
    var group = "" {
        didSet { findRows() }
    }

    init(columns: [Column], extents: [ByteText: Extent]) {
        self.columns = columns
        self.extents = extents
        for (place, column) in columns.enumerated() {
            if column.isShort, let whole = index.place(of: column.name) {
                self.columns[whole].shortPlace = place
            } else {
                index.add(column.name, at: place)
            }
        }
        findRows()
    }

    mutating func value(of metric: String, over range: Bucket, for frame: Bucket) -> Double? {
        guard let whole = index.place(of: metric) else { return nil }
        let place = columns[whole].shortPlace.flatMap { range.isShort ? $0 : nil } ?? whole
        guard let extent = columns[place].extent,
            MetricDemand.hasValue(extent, over: range, for: frame),
            let position = columns[place].ranges.place(of: range)
        else { return nil }
        // A group without samples has nothing, which for sums is 0.
        guard let row = columns[place].row else { return columns[place].isZeroWhenEmpty ? 0 : nil }
        return columns[place].table.values[row][position]
    }

    func extent(of metric: String) -> Extent? { extents[ByteText(metric)] }

    /// The groups that any of the metrics has.
    mutating func groups(of metrics: [String]) -> [String] {
        metrics.flatMap { places(of: $0).flatMap { columns[$0].table.groups } }
    }

    /// What is to be known of the data behind any of the metrics.
    mutating func warnings(of metrics: [String]) -> [String] {
        var table = AggregateTable()
        for metric in metrics {
            for place in places(of: metric) { table.add(warnings: columns[place].table.warnings) }
        }
        return table.warnings
    }

    /// The columns of a metric.
    private mutating func places(of metric: String) -> [Int] {
        guard let whole = index.place(of: metric) else { return [] }
        return [whole] + (columns[whole].shortPlace.map { [$0] } ?? [])
    }

    private mutating func findRows() {
        let group = ByteText(group)
        for place in columns.indices { columns[place].row = columns[place].groups[group] }
    }
}
