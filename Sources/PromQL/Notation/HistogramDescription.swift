import Model

/// Native histograms as unit tests write them: `{{schema:1 count:3 sum:5 offset:2 buckets:[1 2]}}`.
package enum HistogramDescription {
    /// Bucket indices, of which a list may use so many from its offset on, are far from their limits.
    private static let offsetLimit = 1 << 30

    /// The histogram that `text` describes, and nothing else.
    package static func parse(_ text: String) throws(NotationError) -> NativeHistogram {
        var reader = NotationReader(text)
        reader.skipSpaces()
        let histogram = try read(&reader)
        reader.skipSpaces()
        guard reader.isAtEnd else { throw reader.unexpected("the end") }
        return histogram
    }

    /// The histogram as `parse` reads it.
    package static func text(_ histogram: NativeHistogram) -> String {
        var parts: [String] = []
        func add(_ name: String, _ value: Double) {
            if value != 0 { parts.append("\(name):\(ValueText.format(value))") }
        }
        func add(_ name: String, _ buckets: HistogramBuckets, offset: String) {
            guard let first = buckets.indices.first, let last = buckets.indices.last else { return }
            if first != 0 { parts.append("\(offset):\(first)") }
            guard last - first < 1000 else { return }
            let counts = Dictionary(zip(buckets.indices, buckets.counts)) { $1 }
            let texts = (first...last).map { ValueText.format(counts[$0] ?? 0) }
            parts.append("\(name):[\(texts.joined(separator: " "))]")
        }
        parts.append("schema:\(histogram.schema)")
        add("count", histogram.count)
        add("sum", histogram.sum)
        switch histogram.counterReset {
        case .unknown: break
        case .reset: parts.append("counter_reset_hint:reset")
        case .notReset: parts.append("counter_reset_hint:not_reset")
        case .gauge: parts.append("counter_reset_hint:gauge")
        }
        add("z_bucket", histogram.zeroCount)
        add("z_bucket_w", histogram.zeroThreshold)
        if !histogram.customBounds.isEmpty {
            let bounds = histogram.customBounds.map(ValueText.format)
            parts.append("custom_values:[\(bounds.joined(separator: " "))]")
        }
        add("buckets", histogram.positive, offset: "offset")
        add("n_buckets", histogram.negative, offset: "n_offset")
        return "{{\(parts.joined(separator: " "))}}"
    }

    /// Reads one histogram with its braces.
    static func read(_ reader: inout NotationReader) throws(NotationError) -> NativeHistogram {
        guard reader.takes("{{") else { throw reader.unexpected("a histogram") }
        var histogram = NativeHistogram()
        var (offset, negativeOffset) = (0, 0)
        var (counts, negativeCounts): ([Double], [Double]) = ([], [])
        var seen: Set<String> = []
        while true {
            reader.skipSpaces()
            if reader.takes("}}") { break }
            let name = reader.text { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "}") }
            guard reader.takes(":") else { throw reader.unexpected("a colon") }
            guard seen.insert(name).inserted else { throw NotationError("a histogram has \(name) twice") }
            switch name {
            case "schema": histogram.schema = try schema(&reader)
            case "count": histogram.count = try number(name, &reader)
            case "sum": histogram.sum = try number(name, &reader)
            case "z_bucket": histogram.zeroCount = try number(name, &reader)
            case "z_bucket_w": histogram.zeroThreshold = try number(name, &reader)
            case "offset": offset = try integer(name, &reader)
            case "n_offset": negativeOffset = try integer(name, &reader)
            case "buckets": counts = try numbers(name, &reader)
            case "n_buckets": negativeCounts = try numbers(name, &reader)
            case "custom_values": histogram.customBounds = try numbers(name, &reader)
            case "counter_reset_hint": histogram.counterReset = try hint(&reader)
            default: throw NotationError("a histogram has no \(LabelText.quoted(name))")
            }
        }
        histogram.positive = buckets(counts, from: offset)
        histogram.negative = buckets(negativeCounts, from: negativeOffset)
        return histogram
    }

    private static func buckets(_ counts: [Double], from offset: Int) -> HistogramBuckets {
        var buckets = HistogramBuckets()
        for (index, count) in counts.enumerated() where count != 0 {
            buckets.append(index: Int32(offset + index), count: count)
        }
        return buckets
    }

    private static func schema(_ reader: inout NotationReader) throws(NotationError) -> Int32 {
        let schema = try integer("schema", &reader)
        guard let schema = Int32(exactly: schema),
            schema == NativeHistogram.customSchema || NativeHistogram.exponentialSchemas.contains(schema)
        else { throw NotationError("\(schema) is no schema of a histogram") }
        return schema
    }

    private static func hint(
        _ reader: inout NotationReader
    ) throws(NotationError) -> NativeHistogram.CounterReset {
        switch reader.word() {
        case "unknown": return .unknown
        case "reset": return .reset
        case "not_reset": return .notReset
        case "gauge": return .gauge
        case let word: throw NotationError("\(LabelText.quoted(word)) is no counter_reset_hint")
        }
    }

    private static func integer(_ name: String, _ reader: inout NotationReader) throws(NotationError) -> Int {
        let word = reader.word()
        guard let number = Int(word), number.magnitude <= offsetLimit else {
            throw NotationError("\(name) has to be a whole number, not \(LabelText.quoted(word))")
        }
        return number
    }

    private static func number(_ name: String, _ reader: inout NotationReader) throws(NotationError) -> Double
    {
        let word = reader.word()
        guard let number = ValueText.parse(word) else {
            throw NotationError("\(name) has to be a number, not \(LabelText.quoted(word))")
        }
        return number
    }

    private static func numbers(_ name: String, _ reader: inout NotationReader) throws(NotationError)
        -> [Double]
    {
        guard reader.takes("[") else { throw reader.unexpected("[") }
        var numbers: [Double] = []
        while true {
            reader.skipSpaces()
            if reader.takes("]") { return numbers }
            numbers.append(try number(name, &reader))
        }
    }
}
