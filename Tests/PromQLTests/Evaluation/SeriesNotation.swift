import Model

/// A value of a series as test scripts write it.
enum NotedValue {
    /// `_`: no sample.
    case missing
    /// A number; `stale` is the staleness marker.
    case number(Double)
    /// `{{...}}`: a native histogram.
    case histogram(NativeHistogram)
}

/// Why a script cannot be read.
struct ScriptError: Error, CustomStringConvertible {
    var description: String
}

/// A series as test scripts write it: a metric, then values such as `1`, `0+10x3` (0 10 20 30), `5x2` (5 5
/// 5), `_`, `_x3`, `stale`, `NaN`, `-Inf`.
struct SeriesNotation {
    var labels: Labels
    var values: [NotedValue]

    /// The samples, the first one at `start`.
    func column(start: Int64 = 0, gapMillis: Int64) -> SampleColumn {
        var column = SampleColumn()
        for (index, value) in values.enumerated() {
            let millis = start + Int64(index) * gapMillis
            switch value {
            case .missing: break
            case .number(let number): column.append(millis: millis, value: number)
            case .histogram(let histogram): column.append(millis: millis, histogram: histogram)
            }
        }
        return column
    }

    /// Reads one line.
    init(_ line: String) throws {
        var reader = TextReader(line)
        labels = try SeriesNotation.metric(&reader)
        values = try SeriesNotation.values(&reader)
    }

    private static func metric(_ reader: inout TextReader) throws -> Labels {
        var builder = LabelsBuilder()
        let name = reader.take { $0.isLetter || $0.isNumber || $0 == "_" || $0 == ":" }
        if !name.isEmpty { builder.set(Labels.metricName, name) }
        guard reader.next == "{" else { return builder.build() }
        reader.skip(1)
        while true {
            _ = reader.take { $0.isWhitespace || $0 == "," }
            if reader.next == "}" { break }
            let isQuoted = reader.next.map { "\"'`".contains($0) } ?? false
            let name =
                isQuoted ? try reader.quoted() : reader.take { $0.isLetter || $0.isNumber || $0 == "_" }
            guard !name.isEmpty else { throw ScriptError(description: "bad label set in \(reader.text)") }
            _ = reader.take(while: \.isWhitespace)
            if reader.next == "=" {
                reader.skip(1)
                _ = reader.take(while: \.isWhitespace)
                builder.set(name, try reader.quoted())
            } else {
                builder.set(Labels.metricName, name)
            }
        }
        reader.skip(1)
        return builder.build()
    }

    private static func values(_ reader: inout TextReader) throws -> [NotedValue] {
        var values: [NotedValue] = []
        while true {
            _ = reader.take(while: \.isWhitespace)
            guard reader.next != nil else { return values }
            if reader.hasPrefix("{{") {
                values += try HistogramNotation.series(&reader)
            } else {
                values += try numbers(reader.take { !$0.isWhitespace })
            }
        }
    }

    private static func numbers(_ token: String) throws -> [NotedValue] {
        if token == "_" { return [.missing] }
        if token.hasPrefix("_x"), let count = Int(token.dropFirst(2)) {
            return [NotedValue](repeating: .missing, count: count)
        }
        var reader = TextReader(token)
        guard let first = number(&reader) else { throw ScriptError(description: "bad value \(token)") }
        if reader.next == nil { return [.number(first)] }
        var step: Double?
        if reader.next != "x" {
            guard let read = number(&reader) else { throw ScriptError(description: "bad value \(token)") }
            step = read
        }
        guard reader.next == "x" else { throw ScriptError(description: "bad value \(token)") }
        reader.skip(1)
        guard let count = Int(reader.take { _ in true }) else {
            throw ScriptError(description: "bad value \(token)")
        }
        var value = first
        return (0...count).map { _ in
            defer { if let step { value += step } }
            return .number(value)
        }
    }

    /// A number up to a sign that does not belong to its exponent, or `stale`.
    private static func number(_ reader: inout TextReader) -> Double? {
        var text = ""
        while let next = reader.next {
            let continues = text.isEmpty || text == "-" || text == "+"
            let afterExponent = (text.last == "e" || text.last == "E") && text.contains(where: \.isNumber)
            if next == "x" || (next == "+" || next == "-") && !continues && !afterExponent { break }
            if (next == "+" || next == "-") && continues && !text.isEmpty { break }
            text.append(next)
            reader.skip(1)
        }
        return text == "stale" ? StaleMarker.value : ValueText.parse(text)
    }
}

/// Reads a line from left to right.
struct TextReader {
    let text: String
    private var rest: Substring

    init(_ text: String) {
        self.text = text
        rest = text[...]
    }

    /// The next character, or nil at the end.
    var next: Character? { rest.first }

    /// What is left.
    var remainder: String { String(rest) }

    func hasPrefix(_ prefix: String) -> Bool { rest.hasPrefix(prefix) }

    mutating func skip(_ count: Int) { rest = rest.dropFirst(count) }

    mutating func take(while isTaken: (Character) -> Bool) -> String {
        let taken = rest.prefix(while: isTaken)
        rest = rest[taken.endIndex...]
        return String(taken)
    }

    /// A string in quotes with Go's simple escapes.
    mutating func quoted() throws -> String {
        guard let quote = next, "\"'`".contains(quote) else {
            throw ScriptError(description: "a string is missing in \(text)")
        }
        skip(1)
        var out = ""
        while let character = next, character != quote {
            skip(1)
            guard character == "\\", quote != "`", let escaped = next else {
                out.append(character)
                continue
            }
            skip(1)
            switch escaped {
            case "n": out.append("\n")
            case "t": out.append("\t")
            case "r": out.append("\r")
            default: out.append(escaped)
            }
        }
        skip(1)
        return out
    }
}
