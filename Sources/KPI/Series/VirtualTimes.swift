import Model

/// The times at which samples of virtual series are wanted.
struct VirtualTimes {
    /// The most samples of one series.
    private static let sampleLimit = 1_000_000

    /// The range of the request.
    let range: TimeRange
    /// Whether a range selector asks, which gets one sample per period.
    let isRange: Bool
    private let stepMillis: Int64

    init(_ request: SelectRequest) {
        range = request.range
        isRange = request.hints.rangeMillis > 0
        stepMillis = request.hints.stepMillis
    }

    /// The times of an instant selector: each step of the query, rising.
    func instants() throws(SourceError) -> [Int64] {
        let last = range.end.millis
        let (length, overflow) = last.subtractingReportingOverflow(range.start.millis)
        guard !overflow, length >= 0 else { return [] }
        guard stepMillis > 0 else { return [last] }
        let count = length / stepMillis
        guard count < VirtualTimes.sampleLimit else {
            throw .tooManySamples(limit: VirtualTimes.sampleLimit)
        }
        return (0...count).map { last - (count - $0) * stepMillis }
    }

    /// The buckets that begin inside the range.
    func buckets(_ period: Period, _ calendar: Calendar) throws(SourceError) -> [Bucket] {
        let (start, end) = (range.start.millis, range.end.millis)
        guard start <= end else { return [] }
        let (open, overflow) = end.addingReportingOverflow(1)
        guard
            let cover = calendar.cover(
                period,
                from: start,
                to: overflow ? end : open,
                limit: VirtualTimes.sampleLimit
            )
        else { throw .tooManySamples(limit: VirtualTimes.sampleLimit) }
        return cover.filter { $0.start >= start && $0.start <= end }
    }

    /// The samples wanted of a series with these parameters: each with the frame that its value is about.
    ///
    /// Neighbours in one period share a frame: `frame` is an index of `frames`.
    func points(
        _ period: Period,
        _ window: Window?,
        _ calendar: Calendar,
        movedBy offset: Int
    ) throws(SourceError) -> (frames: [Frame], points: [(millis: Int64, frame: Int)]) {
        var frames: [Frame] = []
        var points: [(millis: Int64, frame: Int)] = []
        if isRange {
            for bucket in try buckets(window == nil ? period : .day, calendar) {
                points.append((bucket.start, frames.count))
                let frame =
                    window.map { Frame(.window($0, end: bucket.start), in: calendar) }
                    ?? Frame(period, bucket, in: calendar)
                frames.append(frame.earlier(by: -offset))
            }
            return (frames, points)
        }
        var current: Bucket?
        for time in try instants() {
            let span: Frame
            if let window {
                span = Frame(.window(window, end: time), in: calendar)
                // Windows move in steps of five minutes or of days.
                if span.range != current { frames.append(span.earlier(by: -offset)) }
                current = span.range
            } else if current?.contains(time) != true {
                let bucket = calendar.bucket(period, containing: time)
                frames.append(Frame(period, bucket, in: calendar).earlier(by: -offset))
                current = bucket
            }
            points.append((time, frames.count - 1))
        }
        return (frames, points)
    }
}

/// Virtual series that have been computed.
struct VirtualSet: SeriesSet {
    var items: [(labels: Labels, column: SampleColumn)] = []
    var warnings: [String] = []
    var infos: [String] = []

    var count: Int { items.count }

    func labels(at index: Int) -> Labels { items[index].labels }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
        column = items[index].column
    }

    /// Adds a series with one value for each point; where there is none, the series has ended.
    ///
    /// A range selector gets nothing there; an instant selector gets a mark, lest it look further back.
    mutating func add(
        _ labels: Labels,
        _ points: [(millis: Int64, frame: Int)],
        isRange: Bool,
        _ value: (Int) -> Double?
    ) {
        var column = SampleColumn()
        var hasValue = false
        for point in points {
            if let value = value(point.frame) {
                column.append(millis: point.millis, value: value)
                hasValue = true
            } else if !isRange {
                column.append(millis: point.millis, value: StaleMarker.value)
            }
        }
        if hasValue { items.append((labels, column)) }
    }

    /// Adds what the reader should know of the data.
    mutating func add(warnings texts: [String]) {
        for text in texts where !warnings.contains(text) { warnings.append(text) }
    }

    /// The same in label order.
    func sorted() -> VirtualSet {
        // Places are sorted, by labels alone: what a series has is much to move about.
        let labels = items.map(\.labels)
        let order = labels.indices.sorted { labels[$0] < labels[$1] }
        var sorted = self
        sorted.items = order.map { items[$0] }
        return sorted
    }
}
