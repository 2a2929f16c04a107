import Model

/// The strict reader of text exposition 0.0.4 for pushes: the first bad line refuses the whole body.
///
/// Unlike `TextExposition` it keeps families together, demands a newline at the end, `TYPE` before the
/// samples and once, known escapes, and names that need no quotes; its messages are the Pushgateway's.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and the answers of Pushgateway 1.11.
package struct PushedExposition: Sendable {
    /// The families in the order in which they were first mentioned; some may have no sample.
    package private(set) var families: [PushedFamily] = []
    /// Whether any sample has a time of its own.
    package private(set) var hasTimestamps = false

    private let limits: Limits
    private var collector: LabelCollector
    private var places: [ByteText: Int] = [:]
    private var typed: Set<ByteText> = []
    private var helped: Set<ByteText> = []

    /// Reads a whole body.
    ///
    /// - Throws: `malformed`, whose text names the first line that is wrong.
    package init(_ body: [UInt8], limits: Limits = Limits.default) throws(IntakeError) {
        self.limits = limits
        collector = LabelCollector(limits: limits)
        let span = body.span
        var start = 0
        var number = 0
        while start < span.count {
            number += 1
            var end = start
            while end < span.count, span[end] != UInt8(ascii: "\n") { end += 1 }
            guard end < span.count else {
                throw PushedExposition.error(number, "unexpected end of input stream")
            }
            guard end - start <= limits.lineBytes else {
                throw PushedExposition.error(
                    number,
                    "more bytes than the limit of \(limits.lineBytes) (lineBytes)"
                )
            }
            try read(span.extracting(start..<end), number)
            start = end + 1
        }
    }

    private static func error(_ number: Int, _ reason: String) -> IntakeError {
        .malformed("text format parsing error in line \(number): \(reason)")
    }

    // MARK: Lines

    private mutating func read(_ full: Span<UInt8>, _ number: Int) throws(IntakeError) {
        let hasReturn = full.count > 0 && full[full.count - 1] == UInt8(ascii: "\r")
        let line = hasReturn ? full.extracting(0..<full.count - 1) : full
        var position = 0
        ExpositionLine.skipBlanks(line, &position)
        guard position < line.count else { return }
        do throws(Fault) {
            do throws(ExpositionFault) {
                if line[position] == UInt8(ascii: "#") {
                    try readComment(line, position + 1)
                } else {
                    try readSample(line, position)
                }
            } catch {
                throw Fault(reason: reason(error, line))
            }
            if let refusal {
                self.refusal = nil
                throw Fault(reason: refusal)
            }
        } catch {
            throw PushedExposition.error(number, error.reason)
        }
    }

    private struct Fault: Error {
        var reason: String
    }

    /// Why the line just read is refused although its parts are right.
    private var refusal: String?

    private mutating func readSample(_ line: Span<UInt8>, _ start: Int) throws(ExpositionFault) {
        var position = start
        collector.removeAll()
        try ExpositionLine.series(line, &position, into: &collector)
        if let bad = PushedExposition.badEscape(line, start..<position) {
            refusal = "invalid escape sequence '\\\(bad)'"
            return
        }
        let (value, time) = try ExpositionLine.valueAndTime(line, position)
        do throws(LabelFault) {
            try collector.pack()
        } catch {
            throw .labels(error)
        }
        let labels = Labels(trusted: collector.packed)
        let name = labels.metricName ?? ""
        guard LabelText.isLegacyMetricName(name) else {
            refusal = "invalid metric name \(LabelText.quoted(name))"
            return
        }
        for label in labels where !LabelText.isLegacyLabelName(label.name) {
            refusal = "invalid label name \(LabelText.quoted(label.name))"
            return
        }
        if time != nil { hasTimestamps = true }
        let place = familyPlace(ofSample: name)
        families[place].samples.append(PushedFamily.Sample(labels: labels, value: value))
    }

    private mutating func readComment(_ line: Span<UInt8>, _ start: Int) throws(ExpositionFault) {
        guard let comment = try ExpositionComment(line, start) else { return }
        if let fault = comment.name.withUnsafeBytes({ MetadataText.fault(inName: $0, limits: limits) }) {
            throw .metadata(fault)
        }
        let name = String(decoding: comment.name, as: UTF8.self)
        guard LabelText.isLegacyMetricName(name) else {
            refusal = "invalid metric name \(LabelText.quoted(name)) in comment"
            return
        }
        let place: Int
        switch comment.content {
        case .unit: return
        case .help(let text):
            guard helped.insert(ByteText(name)).inserted else {
                refusal = "second HELP line for metric name \(LabelText.quoted(name))"
                return
            }
            place = familyPlace(of: name)
            families[place].help = MetadataText.text(text, limits: limits)
        case .type(let kind):
            place = familyPlace(of: name)
            guard typed.insert(ByteText(name)).inserted, families[place].samples.isEmpty else {
                refusal =
                    "second TYPE line for metric name \(LabelText.quoted(name)), or TYPE reported after samples"
                return
            }
            guard [.counter, .gauge, .histogram, .summary, .unknown].contains(kind) else {
                refusal = "unknown metric type \(LabelText.quoted(kind.rawValue))"
                return
            }
            families[place].kind = kind
        }
    }

    // MARK: Families

    private mutating func familyPlace(of name: String) -> Int {
        if let place = places[ByteText(name)] { return place }
        places[ByteText(name)] = families.count
        families.append(PushedFamily(name: name))
        return families.count - 1
    }

    /// The family that a sample called `name` belongs to; parts of histograms and summaries have a suffix.
    private mutating func familyPlace(ofSample name: String) -> Int {
        if let place = places[ByteText(name)] { return place }
        for suffix in ["_bucket", "_count", "_sum"] where name.hasSuffix(suffix) {
            guard let place = places[ByteText(String(name.dropLast(suffix.count)))] else { continue }
            let kind = families[place].kind
            if kind == .histogram || (kind == .summary && suffix != "_bucket") { return place }
        }
        return familyPlace(of: name)
    }

    // MARK: Messages

    private static func badEscape(_ line: Span<UInt8>, _ range: Range<Int>) -> Character? {
        var position = range.lowerBound
        while position < range.upperBound {
            guard line[position] == UInt8(ascii: "\\") else {
                position += 1
                continue
            }
            guard position + 1 < range.upperBound else { return nil }
            let next = line[position + 1]
            if ![UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "n")].contains(next) {
                return Character(Unicode.Scalar(next))
            }
            position += 2
        }
        return nil
    }

    private func reason(_ fault: ExpositionFault, _ line: Span<UInt8>) -> String {
        switch fault {
        case .missingValue: "expected float as value, got \"\""
        case .badValue(let range): "expected float as value, got \(quoted(line, range))"
        case .badTimestamp(let range): "expected integer as timestamp, got \(quoted(line, range))"
        case .trailingText(let place):
            "spurious string after timestamp: \(quoted(line, place - 1..<line.count))"
        case .expected(.metricName, _): "invalid metric name"
        case .expected(.quote, let place):
            "expected '\"' at start of label value, found \(found(line, place))"
        case .expected(.equals, let place): "expected '=' after label name, found \(found(line, place))"
        case .badType(let range): "unknown metric type \(quoted(line, range))"
        case .unterminatedQuote(let place):
            "label value \(quoted(line, place + 1..<line.count)) contains unescaped new-line"
        case .labels(.duplicateName): "duplicate label names for metric \(LabelText.quoted(shownName(line)))"
        default: fault.reason(line, collector)
        }
    }

    private func shownName(_ line: Span<UInt8>) -> String {
        var start = 0
        ExpositionLine.skipBlanks(line, &start)
        var end = start
        ExpositionLine.skipName(line, &end, allowsColon: true)
        return text(line, start..<end)
    }

    private func found(_ line: Span<UInt8>, _ place: Int) -> String {
        place < line.count ? "'\(text(line, place..<place + 1))'" : "the end of the line"
    }

    private func quoted(_ line: Span<UInt8>, _ range: Range<Int>) -> String {
        LabelText.quoted(text(line, range.prefix(100)))
    }

    private func text(_ line: Span<UInt8>, _ range: Range<Int>) -> String {
        line.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
