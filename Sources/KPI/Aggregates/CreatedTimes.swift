import Model

/// When counters began, by what their clients say of it: the series `<name>_created` beside `<name>_total`,
/// with the same labels, whose value is seconds since 1970.
///
/// Source: OpenMetrics 1.0, "Counter" and "Histogram"; Prometheus's client libraries write them in the text
/// format, too. Remote write 1.0 has no other place for a start time.
struct CreatedTimes {
    /// How much later than a counter's sample that of its start may be, in milliseconds.
    private static let slackMillis: Int64 = 300_000
    /// What names have behind the part that they share with their start.
    private static let suffixes = ["_total", "_bucket", "_count", "_sum"]
    /// Labels that only parts of a histogram or summary have.
    private static let partLabels = ["le", "quantile"]

    /// The starts of one name, with the place of each series.
    private struct Starts {
        var set: any SeriesSet
        var places: [Labels: Int]
    }

    private let source: any SeriesSource
    private let range: TimeRange
    private var starts: [ByteText: Starts] = [:]

    /// The start times that came with samples in `range`; they are looked for when they are asked for first,
    /// all of a name at once.
    init(source: any SeriesSource, range: TimeRange) {
        self.source = source
        self.range = range
    }

    /// When the counter `labels` began that has its first sample at `time`, in milliseconds; nil if nobody
    /// says.
    mutating func start(of labels: Labels, firstSampleAt time: Int64, budget: QueryBudget)
        throws(SourceError) -> Int64?
    {
        guard let metric = labels.metricName else { return nil }
        let suffix = CreatedTimes.suffixes.first { metric.hasSuffix($0) && metric.utf8.count > $0.utf8.count }
        let name = metric.dropLast(suffix?.count ?? 0) + "_created"
        let key = ByteText(String(name))
        let found: Starts
        if let known = starts[key] {
            found = known
        } else {
            found = try read(String(name), budget)
            starts[key] = found
        }
        if found.places.isEmpty { return nil }
        let wanted = labels.dropping(CreatedTimes.partLabels).setting(Labels.metricName, String(name))
        guard let place = found.places[wanted] else { return nil }
        var column = SampleColumn()
        try found.set.read(place, into: &column)
        budget.noteScanned(samples: column.count)
        let first = SeriesFold.lowerBound(column.timestamps.span, time, from: 0)
        guard first < column.count, column.timestamps[first] - time <= CreatedTimes.slackMillis else {
            return nil
        }
        let seconds = column.values[first]
        guard seconds > 0, seconds < 1e11 else { return nil }
        return Int64((seconds * 1000).rounded())
    }

    private func read(_ name: String, _ budget: QueryBudget) throws(SourceError) -> Starts {
        let request = SelectRequest(matchers: [Matcher(Labels.metricName, .equal, name)], range: range)
        let set = try source.select(request, budget: budget)
        var places: [Labels: Int] = [:]
        for index in 0..<set.count { places[set.labels(at: index)] = index }
        return Starts(set: set, places: places)
    }
}
