import Model

/// Why a line of a text body is refused.
///
/// It holds places only: the text is made when somebody reads it.
enum ExpositionFault: Error {
    /// Something else was expected at this place.
    case expected(Expectation, at: Int)
    /// A quoted text that begins at this place has no end.
    case unterminatedQuote(at: Int)
    /// There is no value behind the series.
    case missingValue
    /// What stands there is no number.
    case badValue(Range<Int>)
    /// What stands there is no whole number of milliseconds.
    case badTimestamp(Range<Int>)
    /// There is something behind value and timestamp.
    case trailingText(at: Int)
    /// The label set is refused.
    case labels(LabelFault)
    /// What stands there is no type of a metric.
    case badType(Range<Int>)
    /// The metadata entry is refused.
    case metadata(MetadataText.Fault)

    /// What a line should have at some place.
    enum Expectation: String {
        case metricName = "a metric name"
        case labelName = "a label name or \"}\""
        case equals = "\"=\" behind the label name"
        case quote = "a label value in double quotes"
        case commaOrBrace = "\",\" or \"}\" behind the label value"
    }

    /// The reason in words, for the line it was found in.
    func reason(_ line: Span<UInt8>, _ labels: LabelCollector) -> String {
        switch self {
        case .expected(let what, let place):
            "expected \(what.rawValue), got \(ExpositionFault.shown(line, place))"
        case .unterminatedQuote(let place): "no closing quote for \(ExpositionFault.shown(line, place))"
        case .missingValue: "no value behind the series"
        case .badValue(let range):
            "the value \(ExpositionFault.shown(line, range)) is not a number of 64 bits"
        case .badTimestamp(let range):
            "the timestamp \(ExpositionFault.shown(line, range)) is not a whole number of milliseconds"
        case .trailingText(let place): "unexpected \(ExpositionFault.shown(line, place)) at the end"
        case .labels(let fault): "\(labels.seriesText): \(fault.reason(labels))"
        case .badType(let range):
            "unknown metric type \(ExpositionFault.shown(line, range))"
        case .metadata(let fault): fault.reason
        }
    }

    private static let shownBytes = 40

    /// The line's text from `start` on in quotes, cut to a bearable length.
    private static func shown(_ line: Span<UInt8>, _ start: Int) -> String {
        shown(line, start..<line.count)
    }

    /// The line's text at `whole` in quotes, cut to a bearable length.
    private static func shown(_ line: Span<UInt8>, _ whole: Range<Int>) -> String {
        guard !whole.isEmpty else { return "the end of the line" }
        let kept = whole.prefix(shownBytes)
        let text = line.extracting(kept).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        return LabelText.quoted(kept.count < whole.count ? text + "..." : text)
    }
}
