import Model

/// A remark on a query's result.
enum Annotation: Hashable {
    /// A φ outside of 0...1; numbers are kept as text, since NaN does not equal itself.
    case invalidQuantile(String)
    case invalidRatio(String, cappedTo: String)
    case badBucketLabel(metric: String, value: String)
    case possibleNonCounter(metric: String)
    case forcedMonotonicity(metric: String)
    case mixedWithNumbers(metric: String)
    case mixedWithNumbersInAggregation
    case mixedClassicAndNative(metric: String)
    case notCounter(metric: String)
    case notGauge(metric: String)
    case mismatch(HistogramMismatch, metric: String)
    case incompatibleLayout(op: String)
    case resetCollision(operation: String)
    case reconciledBounds(operation: String)
    case incompatibleTypes(left: String, op: String, right: String)
    case ignoredInAggregation(op: String)
    case ignoredInRange(metric: String)
    case quantileOfNaN(HistogramRemark, metric: String)

    /// Whether it doubts the result (a warning) or only tells about it (an info).
    var isWarning: Bool {
        switch self {
        case .invalidQuantile, .invalidRatio, .badBucketLabel, .mixedWithNumbers,
            .mixedWithNumbersInAggregation, .mixedClassicAndNative, .notCounter, .notGauge, .mismatch,
            .incompatibleLayout, .resetCollision:
            true
        case .possibleNonCounter, .forcedMonotonicity, .reconciledBounds, .incompatibleTypes,
            .ignoredInAggregation, .ignoredInRange, .quantileOfNaN:
            false
        }
    }

    /// The text without the place.
    ///
    /// Source: Prometheus `util/annotations`.
    var text: String {
        (isWarning ? "PromQL warning: " : "PromQL info: ") + message
    }

    private var message: String {
        switch self {
        case .invalidQuantile(let phi):
            "quantile value should be between 0 and 1, got \(phi)"
        case .invalidRatio(let ratio, let cap):
            "ratio value should be between -1 and 1, got \(ratio), "
                + "capping to \(cap)"
        case .badBucketLabel(let metric, let value):
            "bucket label \"le\" is missing or has a malformed value of "
                + LabelText.quoted(value) + Annotation.metricSuffix(metric)
        case .possibleNonCounter(let metric):
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
                + LabelText.quoted(metric)
        case .forcedMonotonicity(let metric):
            "input to histogram_quantile needed to be fixed for monotonicity (see "
                + "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
                + Annotation.metricSuffix(metric)
        case .mixedWithNumbers(let metric):
            "encountered a mix of histograms and floats for metric name " + LabelText.quoted(metric)
        case .mixedWithNumbersInAggregation:
            "encountered a mix of histograms and floats for aggregation"
        case .mixedClassicAndNative(let metric):
            "vector contains a mix of classic and native histograms" + Annotation.metricSuffix(metric)
        case .notCounter(let metric):
            "this native histogram metric is not a counter: " + LabelText.quoted(metric)
        case .notGauge(let metric):
            "this native histogram metric is not a gauge: " + LabelText.quoted(metric)
        case .mismatch(.schemas, let metric):
            "vector contains a mix of histograms with exponential and custom buckets schemas for metric name "
                + LabelText.quoted(metric)
        case .mismatch(.bounds, let metric):
            "vector contains histograms with incompatible custom buckets for metric name "
                + LabelText.quoted(metric)
        case .incompatibleLayout(let op):
            "incompatible bucket layout encountered for binary operator " + op
        case .resetCollision(let operation):
            "conflicting counter resets during histogram " + operation
        case .reconciledBounds(let operation):
            "mismatched custom buckets were reconciled during " + operation
        case .incompatibleTypes(let left, let op, let right):
            "incompatible sample types encountered for binary operator \(LabelText.quoted(op)): "
                + "\(left) \(op) \(right)"
        case .ignoredInAggregation(let op): "ignored histogram in \(op) aggregation"
        case .ignoredInRange(let metric):
            "ignored histograms in a range containing both floats and histograms for metric name "
                + LabelText.quoted(metric)
        case .quantileOfNaN(let remark, let metric):
            Annotation.text(remark) + Annotation.metricSuffix(metric)
        }
    }

    private static func text(_ remark: HistogramRemark) -> String {
        switch remark {
        case .isNaN: "input to histogram_quantile has NaN observations, result is NaN"
        case .isSkewed: "input to histogram_quantile has NaN observations, result is skewed higher"
        case .excludesNaN:
            "input to histogram_fraction has NaN observations, which are excluded from all fractions"
        }
    }

    private static func metricSuffix(_ metric: String) -> String {
        metric.isEmpty ? "" : " for metric name " + LabelText.quoted(metric)
    }
}

/// What was repaired in the buckets of one metric, over all series and steps.
struct MonotonicityRepair {
    /// The lowest bound of a repaired bucket.
    var lowestBound = Double.infinity
    /// The highest bound of a repaired bucket.
    var highestBound = -Double.infinity
    /// The largest count that was added to a bucket.
    var largestDifference = -Double.infinity
    /// The time of the first repaired step, in milliseconds.
    var firstMillis = Int64.max
    /// The time of the last repaired step, in milliseconds.
    var lastMillis = Int64.min
    /// The number of repaired histograms.
    var count = 0

    /// Notes a bucket that was below the one before.
    mutating func note(bound: Double, difference: Double) {
        lowestBound = min(lowestBound, bound)
        highestBound = max(highestBound, bound)
        largestDifference = max(largestDifference, difference)
    }

    /// Whether anything was repaired.
    var isNeeded: Bool { largestDifference > -.infinity }

    /// Takes in what was repaired elsewhere.
    mutating func merge(_ other: MonotonicityRepair) {
        lowestBound = min(lowestBound, other.lowestBound)
        highestBound = max(highestBound, other.highestBound)
        firstMillis = min(firstMillis, other.firstMillis)
        lastMillis = max(lastMillis, other.lastMillis)
        largestDifference = max(largestDifference, other.largestDifference)
        count += other.count
    }

    /// The end of the annotation's text.
    var text: String {
        ", from buckets \(GoText.general(lowestBound)) to \(GoText.general(highestBound)), with a max "
            + "diff of \(GoText.general(largestDifference, digitCount: 2)), over \(count) samples from "
            + "\(GoText.time(millis: firstMillis)) to \(GoText.time(millis: lastMillis))"
    }
}

/// The remarks of one evaluation, each once per place, in the order they came up.
struct Annotations {
    /// How many of each kind are shown.
    private static let shownCount = 10

    private struct Entry: Hashable {
        var annotation: Annotation
        var span: SourceSpan
    }

    private var entries: [Entry] = []
    private var known: Set<Entry> = []
    private var repairs: [Entry: MonotonicityRepair] = [:]
    /// What sources warn of.
    private(set) var sourceWarnings: [String] = []
    private var sourceInfos: [String] = []

    /// Adds a remark on the part of the query at `span`.
    mutating func add(_ annotation: Annotation, at span: SourceSpan) {
        let entry = Entry(annotation: annotation, span: span)
        if known.insert(entry).inserted { entries.append(entry) }
    }

    /// Adds that the buckets of `metric` had to be repaired.
    mutating func add(_ repair: MonotonicityRepair, metric: String, at span: SourceSpan) {
        let entry = Entry(annotation: .forcedMonotonicity(metric: metric), span: span)
        add(entry.annotation, at: span)
        repairs[entry, default: MonotonicityRepair()].merge(repair)
    }

    /// Adds what a source has to say about its data.
    mutating func add(sourceWarnings warnings: [String], infos: [String] = []) {
        Annotations.add(warnings, to: &sourceWarnings)
        Annotations.add(infos, to: &sourceInfos)
    }

    private static func add(_ texts: [String], to known: inout [String]) {
        for text in texts where !known.contains(where: { $0.utf8.elementsEqual(text.utf8) }) {
            known.append(text)
        }
    }

    /// The warnings as shown, with places in the query `text` unless that is empty.
    func warnings(for text: String) -> [String] {
        let all = sourceWarnings + entries.filter(\.annotation.isWarning).map { shown($0, in: text) }
        return Annotations.capped(all, kind: "warning")
    }

    /// The infos as shown, with places in the query `text` unless that is empty.
    func infos(for text: String) -> [String] {
        let all = sourceInfos + entries.filter { !$0.annotation.isWarning }.map { shown($0, in: text) }
        return Annotations.capped(all, kind: "info")
    }

    private func shown(_ entry: Entry, in text: String) -> String {
        guard !text.isEmpty else { return entry.annotation.text }
        let place = Annotations.place(of: entry.span.start, in: text)
        return "\(entry.annotation.text)\(repairs[entry]?.text ?? "") (\(place))"
    }

    private static func capped(_ texts: [String], kind: String) -> [String] {
        guard texts.count > shownCount else { return texts }
        return texts.prefix(shownCount) + ["\(texts.count - shownCount) more \(kind) annotations omitted"]
    }

    /// Line and column of a byte, both from 1.
    private static func place(of offset: Int, in text: String) -> String {
        let bytes = Array(text.utf8)
        guard offset >= 0, offset <= bytes.count else { return "invalid position" }
        let before = bytes[..<offset]
        let newline = UInt8(ascii: "\n")
        let line = before.count { $0 == newline } + 1
        let lineStart = before.lastIndex(of: newline).map { $0 + 1 } ?? 0
        return "\(line):\(offset - lineStart + 1)"
    }
}
