import Model

@testable import PromQL

/// Native histograms as test scripts write them: `{{schema:1 count:3 sum:5 buckets:[1 2] n_buckets:[...]}}`.
struct HistogramNotation {
    /// Reads a histogram and what makes a series of it: `x3` (three more of it), `+{{...}}x3` (each with that
    /// added).
    static func series(_ reader: inout TextReader) throws -> [NotedValue] {
        let first = try histogram(&reader)
        var isDifference = false
        var step: NativeHistogram?
        if reader.next == "+" || reader.next == "-" {
            isDifference = reader.next == "-"
            reader.skip(1)
            step = try histogram(&reader)
        }
        guard reader.next == "x" else { return [.histogram(first)] }
        reader.skip(1)
        let count = Int(reader.take(while: \.isNumber)) ?? 0
        var value = first
        var values: [NotedValue] = [.histogram(first)]
        for _ in 0..<count {
            if let step { value = try value.combined(step, isDifference: isDifference).histogram }
            value.counterReset = first.counterReset
            values.append(.histogram(value))
        }
        return values
    }

    private static func histogram(_ reader: inout TextReader) throws -> NativeHistogram {
        guard reader.hasPrefix("{{") else { throw ScriptError(description: "no histogram: \(reader.text)") }
        reader.skip(2)
        var histogram = NativeHistogram()
        var offsets: (positive: Int32, negative: Int32) = (0, 0)
        var counts: (positive: [Double], negative: [Double]) = ([], [])
        while true {
            _ = reader.take(while: \.isWhitespace)
            if reader.hasPrefix("}}") { break }
            let name = reader.take { $0 != ":" }
            reader.skip(1)
            switch name {
            case "buckets": counts.positive = try numbers(&reader)
            case "n_buckets": counts.negative = try numbers(&reader)
            case "custom_values": histogram.customBounds = try numbers(&reader)
            default:
                let text = reader.take { !$0.isWhitespace && $0 != "}" }
                let number = ValueText.parse(text)
                switch (name, number) {
                case ("schema", let number?): histogram.schema = Int32(number)
                case ("sum", let number?): histogram.sum = number
                case ("count", let number?): histogram.count = number
                case ("z_bucket", let number?): histogram.zeroCount = number
                case ("z_bucket_w", let number?): histogram.zeroThreshold = number
                case ("offset", let number?): offsets.positive = Int32(number)
                case ("n_offset", let number?): offsets.negative = Int32(number)
                case ("counter_reset_hint", _): histogram.counterReset = text == "gauge" ? .gauge : .unknown
                default: throw ScriptError(description: "bad histogram field \(name):\(text)")
                }
            }
        }
        reader.skip(2)
        for (index, count) in zip(offsets.positive..., counts.positive) {
            histogram.positive.append(index: index, count: count)
        }
        for (index, count) in zip(offsets.negative..., counts.negative) {
            histogram.negative.append(index: index, count: count)
        }
        return histogram
    }

    private static func numbers(_ reader: inout TextReader) throws -> [Double] {
        reader.skip(1)
        let text = reader.take { $0 != "]" }
        reader.skip(1)
        return try text.split(whereSeparator: \.isWhitespace).map { word in
            guard let number = ValueText.parse(String(word)) else {
                throw ScriptError(description: "bad bucket \(word)")
            }
            return number
        }
    }
}

/// The classic histograms of a load as native ones with custom bounds, for `load_with_nhcb`.
struct ClassicConversion {
    private struct Point {
        var buckets: [Double: Double] = [:]
        var count: Double?
        var sum: Double?
    }

    private var histograms: [Labels: [Int: Point]] = [:]

    /// Takes in a series of a load, if it belongs to a histogram.
    mutating func add(_ notation: SeriesNotation) {
        guard let name = notation.labels.metricName else { return }
        for (suffix, isBucket) in [("_bucket", true), ("_count", false), ("_sum", false)]
        where name.hasSuffix(suffix) {
            var builder = LabelsBuilder(notation.labels)
            builder.set(Labels.metricName, String(name.dropLast(suffix.count)))
            builder.set("le", "")
            let labels = builder.build()
            let bound = ValueText.parse(notation.labels["le"] ?? "")
            if isBucket, bound == nil { return }
            for (index, value) in notation.values.enumerated() {
                guard case .number(let number) = value else { continue }
                var point = histograms[labels]?[index] ?? Point()
                if let bound, isBucket { point.buckets[bound] = number }
                if suffix == "_count" { point.count = number }
                if suffix == "_sum" { point.sum = number }
                histograms[labels, default: [:]][index] = point
            }
        }
    }

    /// The native histograms, by series.
    func columns(gapMillis: Int64) -> [Labels: SampleColumn] {
        histograms.compactMapValues { points in
            var column = SampleColumn()
            for (index, point) in points.sorted(by: { $0.key < $1.key }) where !point.buckets.isEmpty {
                var histogram = NativeHistogram(schema: NativeHistogram.customSchema)
                histogram.customBounds = point.buckets.keys.filter(\.isFinite).sorted()
                histogram.sum = point.sum ?? 0
                let highest = point.buckets.max { $0.key < $1.key }?.value
                histogram.count = point.count ?? highest ?? 0
                var before = 0.0
                for (place, bound) in (histogram.customBounds + [.infinity]).enumerated() {
                    let total = bound.isFinite ? point.buckets[bound] ?? before : histogram.count
                    histogram.positive.append(index: Int32(place), count: total - before)
                    before = total
                }
                histogram.positive = histogram.positive.withoutEmpty
                column.append(millis: Int64(index) * gapMillis, histogram: histogram)
            }
            return column.isEmpty ? nil : column
        }
    }
}
