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
    private(set) var ranges: [ByteText: Set<Bucket>] = [:]

    init(extents: [ByteText: Extent]) { self.extents = extents }

    mutating func value(of metric: String, over range: Bucket, for frame: Bucket) -> Double? {
        let key = ByteText(metric)
        guard let extent = extents[key], MetricDemand.hasValue(extent, over: range, for: frame) else {
            return nil
        }
        ranges[key, default: []].insert(range)
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
        var extent: Extent
        var isZeroWhenEmpty: Bool
        var indexOfRange: [Bucket: Int]
        var table: AggregateTable
        /// The place of each group in the table.
        var groups: [ByteText: Int]
    }

    private var columns: [ByteText: Column] = [:]
    /// Of metrics that have samples about whole days: the others of them, for ranges shorter than that.
    private var shortColumns: [ByteText: Column?] = [:]
    private let extents: [ByteText: Extent]
    /// The value of the label that values are broken down by; empty without a label.
    var group = ""

    init(extents: [ByteText: Extent]) { self.extents = extents }

    /// Adds what was read of a metric.
    mutating func add(_ read: MetricRead, _ table: AggregateTable) {
        let name = ByteText(read.metric.name)
        guard let extent = read.extent else {
            if read.isShort { shortColumns[name] = .some(nil) }
            return
        }
        var column = Column(
            extent: extent,
            isZeroWhenEmpty: read.metric.aggregation.isZeroWhenEmpty,
            indexOfRange: [:],
            table: table,
            groups: [:]
        )
        for (position, range) in read.ranges.enumerated() { column.indexOfRange[range] = position }
        for (position, group) in table.groups.enumerated() { column.groups[ByteText(group)] = position }
        if read.isShort { shortColumns[name] = column } else { columns[name] = column }
    }

    mutating func value(of metric: String, over range: Bucket, for frame: Bucket) -> Double? {
        let name = ByteText(metric)
        let short = range.isShort ? shortColumns[name] : nil
        guard let column = short ?? columns[name],
            MetricDemand.hasValue(column.extent, over: range, for: frame),
            let index = column.indexOfRange[range]
        else { return nil }
        // A group without samples has nothing, which for sums is 0.
        guard let row = column.groups[ByteText(group)] else { return column.isZeroWhenEmpty ? 0 : nil }
        return column.table.values[row][index]
    }

    func extent(of metric: String) -> Extent? { extents[ByteText(metric)] }

    /// The groups that any of the metrics has.
    func groups(of metrics: [String]) -> [String] {
        metrics.flatMap { metric in
            let name = ByteText(metric)
            return (columns[name]?.table.groups ?? []) + ((shortColumns[name] ?? nil)?.table.groups ?? [])
        }
    }
}
