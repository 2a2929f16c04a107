import Model

/// Reads the parts of a sample line.
///
/// All functions take the line without its end and a position in it.
enum ExpositionLine {
    /// Reads `name`, `name{labels}` or `{labels}` at `position`, which moves behind it; the labels, the
    /// metric name among them as `__name__`, go to `labels` unchecked.
    static func series(
        _ line: Span<UInt8>,
        _ position: inout Int,
        into labels: inout LabelCollector
    ) throws(ExpositionFault) {
        let start = position
        skipName(line, &position, allowsColon: true)
        if position > start {
            labels.addMetricName(append(line, start..<position, to: &labels))
        } else if line[start] != UInt8(ascii: "{") {
            throw .expected(.metricName, at: start)
        }
        let end = position
        skipBlanks(line, &position)
        guard position < line.count, line[position] == UInt8(ascii: "{") else {
            // Blanks behind the name belong to the value.
            position = end
            return
        }
        position += 1
        try braces(line, &position, into: &labels)
    }

    /// Reads ` value [timestamp]` up to the end of the line.
    static func valueAndTime(
        _ line: Span<UInt8>,
        _ start: Int
    ) throws(ExpositionFault) -> (value: Double, time: Timestamp?) {
        var position = start
        let token = nextToken(line, &position)
        guard !token.isEmpty else { throw .missingValue }
        guard let value = DecimalText.double(line, token) else { throw .badValue(token) }
        let timeToken = nextToken(line, &position)
        guard !timeToken.isEmpty else { return (value, nil) }
        guard let millis = DecimalText.integer(line, timeToken) else { throw .badTimestamp(timeToken) }
        skipBlanks(line, &position)
        guard position == line.count else { throw .trailingText(at: position) }
        return (value, Timestamp(millis: millis))
    }

    /// Whether `byte` separates the parts of a line.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// Moves `position` over blanks and tabs.
    @inline(__always)
    static func skipBlanks(_ line: Span<UInt8>, _ position: inout Int) {
        while position < line.count, isBlank(line[position]) { position += 1 }
    }

    /// Skips blanks and then moves over everything up to the next blank: the place of that; empty at the end.
    static func nextToken(_ line: Span<UInt8>, _ position: inout Int) -> Range<Int> {
        skipBlanks(line, &position)
        let start = position
        while position < line.count, !isBlank(line[position]) { position += 1 }
        return start..<position
    }

    /// Moves `position` over a name as it may stand without quotes; not at all if there is none.
    static func skipName(_ line: Span<UInt8>, _ position: inout Int, allowsColon: Bool) {
        let start = position
        while position < line.count {
            switch line[position] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "_"):
                break
            case UInt8(ascii: "0")...UInt8(ascii: "9") where position > start: break
            case UInt8(ascii: ":") where allowsColon: break
            default: return
            }
            position += 1
        }
    }

    /// Reads a text in double quotes whose opening quote is at `position`, which moves behind the closing
    /// one, and appends it with its escapes undone to `bytes`; the place it has there.
    static func quoted(
        _ line: Span<UInt8>,
        _ position: inout Int,
        to bytes: inout [UInt8]
    ) throws(ExpositionFault) -> Range<Int> {
        let opening = position
        let start = bytes.count
        position += 1
        var run = position
        while position < line.count {
            let byte = line[position]
            if byte == UInt8(ascii: "\"") {
                append(line, run..<position, to: &bytes)
                position += 1
                return start..<bytes.count
            }
            position += 1
            guard byte == UInt8(ascii: "\\"), position < line.count else { continue }
            let meaning: UInt8
            switch line[position] {
            case UInt8(ascii: "\\"): meaning = UInt8(ascii: "\\")
            case UInt8(ascii: "\""): meaning = UInt8(ascii: "\"")
            case UInt8(ascii: "n"): meaning = UInt8(ascii: "\n")
            default: continue
            }
            append(line, run..<position - 1, to: &bytes)
            bytes.append(meaning)
            position += 1
            run = position
        }
        throw .unterminatedQuote(at: opening)
    }

    // MARK: Private

    /// Reads the labels behind an opening brace, and the closing one.
    private static func braces(
        _ line: Span<UInt8>,
        _ position: inout Int,
        into labels: inout LabelCollector
    ) throws(ExpositionFault) {
        while true {
            skipBlanks(line, &position)
            let start = position
            guard start < line.count else { throw .expected(.labelName, at: start) }
            if line[start] == UInt8(ascii: "}") {
                position += 1
                return
            }
            let name: Range<Int>
            let isQuoted = line[start] == UInt8(ascii: "\"")
            if isQuoted {
                name = try quoted(line, &position, to: &labels.bytes)
            } else {
                skipName(line, &position, allowsColon: false)
                guard position > start else { throw .expected(.labelName, at: start) }
                name = append(line, start..<position, to: &labels)
            }
            skipBlanks(line, &position)
            if position < line.count, line[position] == UInt8(ascii: "=") {
                position += 1
                skipBlanks(line, &position)
                guard position < line.count, line[position] == UInt8(ascii: "\"") else {
                    throw .expected(.quote, at: position)
                }
                labels.add(name: name, value: try quoted(line, &position, to: &labels.bytes))
                skipBlanks(line, &position)
            } else if isQuoted {
                labels.addMetricName(name)
            } else {
                throw .expected(.equals, at: position)
            }
            guard position < line.count else { throw .expected(.commaOrBrace, at: position) }
            switch line[position] {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"): break
            default: throw .expected(.commaOrBrace, at: position)
            }
        }
    }

    private static func append(
        _ line: Span<UInt8>,
        _ range: Range<Int>,
        to labels: inout LabelCollector
    ) -> Range<Int> {
        let start = labels.bytes.count
        append(line, range, to: &labels.bytes)
        return start..<labels.bytes.count
    }

    @inline(__always)
    private static func append(_ line: Span<UInt8>, _ range: Range<Int>, to bytes: inout [UInt8]) {
        line.extracting(range).withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    }
}
