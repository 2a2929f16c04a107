import Model

/// The values of a series as unit tests of rules write them, one for each interval.
///
/// `1`, `-2.5e3`, `NaN`, `stale` stand for themselves, `_` for no sample, `{{...}}` for a native histogram.
/// `_x3` stands for three times nothing, `5x2` for `5 5 5`, `0+10x3` for `0 10 20 30`, `9-3x2` for `9 6 3`;
/// histograms can be repeated and added up in the same way. Source: promtool's documentation.
package struct SeriesValues: Hashable, Sendable {
    /// One value.
    package enum Value: Hashable, Sendable {
        /// No sample.
        case missing
        /// A number; the staleness marker is one.
        case number(Double)
        /// A native histogram.
        case histogram(NativeHistogram)
    }

    /// The most values that a text can stand for.
    package static let limit = 10_000_000

    /// The values in their order.
    package private(set) var values: [Value] = []

    /// What `text` stands for.
    package init(_ text: String) throws(NotationError) {
        var reader = NotationReader(text)
        reader.skipSpaces()
        while !reader.isAtEnd {
            try item(&reader)
            guard reader.isAtEnd || reader.isAtSpace else { throw reader.unexpected() }
            reader.skipSpaces()
        }
    }

    private mutating func item(_ reader: inout NotationReader) throws(NotationError) {
        if reader.takes("_") {
            let count = reader.takes("x") ? try reader.count() : 1
            try append(.missing, count: count)
        } else if reader.isAt("{{") {
            try histograms(&reader)
        } else {
            try numbers(&reader)
        }
    }

    private mutating func numbers(_ reader: inout NotationReader) throws(NotationError) {
        var value = try reader.number()
        var step: Double?
        if reader.isAt("+") || reader.isAt("-") {
            step = try reader.number()
            guard reader.isAt("x") else { throw reader.unexpected() }
        }
        try append(.number(value), count: 1)
        guard reader.takes("x") else { return }
        let count = try reader.count()
        guard let step else { return try append(.number(value), count: count) }
        try checkRoom(for: count)
        for _ in 0..<count {
            value += step
            values.append(.number(value))
        }
    }

    private mutating func histograms(_ reader: inout NotationReader) throws(NotationError) {
        let first = try HistogramDescription.read(&reader)
        var step: NativeHistogram?
        var isDifference = false
        if reader.isAt("+{{") || reader.isAt("-{{") {
            isDifference = reader.takes("-")
            if !isDifference { _ = reader.takes("+") }
            step = try HistogramDescription.read(&reader)
            guard reader.isAt("x") else { throw reader.unexpected() }
        }
        try append(.histogram(first), count: 1)
        guard reader.takes("x") else { return }
        let count = try reader.count()
        guard let step else { return try append(.histogram(first), count: count) }
        try checkRoom(for: count)
        var value = first
        for _ in 0..<count {
            do {
                value = try value.combined(step, isDifference: isDifference).histogram
            } catch {
                throw NotationError("histograms of different layouts cannot be added up")
            }
            value.counterReset = first.counterReset
            values.append(.histogram(value))
        }
    }

    private mutating func append(_ value: Value, count: Int) throws(NotationError) {
        try checkRoom(for: count)
        values.append(contentsOf: repeatElement(value, count: count))
    }

    private func checkRoom(for count: Int) throws(NotationError) {
        guard count <= SeriesValues.limit - values.count else {
            throw NotationError("a series has more than \(SeriesValues.limit) values")
        }
    }
}
