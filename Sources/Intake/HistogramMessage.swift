import Model

/// A native histogram of remote write 1.0: protobuf `prometheus.Histogram`, with integer or with float
/// counts.
///
/// Integer counts come as differences to the bucket before, float counts as they are. Source: Prometheus
/// `prompb/types.proto`.
struct HistogramMessage {
    /// The time in milliseconds.
    private(set) var millis: Int64 = 0
    private var count = 0.0
    private var sum = 0.0
    private var schema: Int64 = 0
    private var zeroThreshold = 0.0
    private var zeroCount = 0.0
    private var hasIntegerCounts = true
    private var resetHint: UInt64 = 0
    private var positive = Side()
    private var negative = Side()
    private var customBounds: [Double] = []

    /// The buckets of one sign as they come.
    private struct Side {
        var spans: [(offset: Int64, length: UInt64)] = []
        var deltas: [Int64] = []
        var counts: [Double] = []
    }

    /// Reads the message.
    init(_ message: ProtobufReader) throws(IntakeError) {
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case .varint(1): count = Double(try fields.varint())
            case .fixed64(2):
                count = Double(bitPattern: try fields.fixed64())
                hasIntegerCounts = false
            case .fixed64(3): sum = Double(bitPattern: try fields.fixed64())
            case .varint(4): schema = HistogramMessage.unzigzag(try fields.varint())
            case .fixed64(5): zeroThreshold = Double(bitPattern: try fields.fixed64())
            case .varint(6): zeroCount = Double(try fields.varint())
            case .fixed64(7): zeroCount = Double(bitPattern: try fields.fixed64())
            case .bytes(8): negative.spans.append(try HistogramMessage.span(try fields.message()))
            case .bytes(9), .varint(9): try HistogramMessage.deltas(tag, &fields, &negative.deltas)
            case .bytes(10), .fixed64(10): try HistogramMessage.numbers(tag, &fields, &negative.counts)
            case .bytes(11): positive.spans.append(try HistogramMessage.span(try fields.message()))
            case .bytes(12), .varint(12): try HistogramMessage.deltas(tag, &fields, &positive.deltas)
            case .bytes(13), .fixed64(13): try HistogramMessage.numbers(tag, &fields, &positive.counts)
            case .varint(14): resetHint = try fields.varint()
            case .varint(15): millis = Int64(bitPattern: try fields.varint())
            case .bytes(16), .fixed64(16): try HistogramMessage.numbers(tag, &fields, &customBounds)
            default: try fields.skip(tag, known: 0x1fffe)
            }
        }
    }

    /// Whether it says that the series ended.
    var isStale: Bool { StaleMarker.matches(sum) }

    /// The histogram, or what is wrong with it.
    func checked(_ limits: Limits) -> HistogramResult {
        let bucketCount = [positive, negative].reduce(customBounds.count) {
            $0 + $1.deltas.count + $1.counts.count
        }
        guard bucketCount <= limits.bucketsPerHistogram else {
            return .fault(
                "\(bucketCount) buckets and bounds are more than the limit buckets_per_histogram "
                    + "(\(limits.bucketsPerHistogram))"
            )
        }
        guard let schema = Int32(exactly: schema) else { return .fault("schema \(schema) is too large") }
        var histogram = NativeHistogram(
            schema: schema,
            zeroThreshold: zeroThreshold,
            zeroCount: zeroCount,
            count: count,
            sum: sum,
            customBounds: customBounds,
            // Whether a counter was reset a query finds out, since samples may come in any order.
            counterReset: resetHint == 3 ? .gauge : .unknown
        )
        if let fault = HistogramMessage.read(positive, hasIntegerCounts, into: &histogram.positive) {
            return .fault(fault)
        }
        if let fault = HistogramMessage.read(negative, hasIntegerCounts, into: &histogram.negative) {
            return .fault(fault)
        }
        if let fault = histogram.fault(hasIntegerCounts: hasIntegerCounts) { return .fault(fault) }
        return .valid(histogram)
    }

    /// A histogram, or what is wrong with it.
    enum HistogramResult {
        case valid(NativeHistogram)
        case fault(String)
    }

    // MARK: - Private

    private static func unzigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    private static func span(_ message: ProtobufReader) throws(IntakeError)
        -> (offset: Int64, length: UInt64)
    {
        var fields = message
        var span: (offset: Int64, length: UInt64) = (0, 0)
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case .varint(1): span.offset = unzigzag(try fields.varint())
            case .varint(2): span.length = try fields.varint()
            default: try fields.skip(tag, known: 0b110)
            }
        }
        return span
    }

    private static func deltas(_ tag: ProtobufTag, _ fields: inout ProtobufReader, _ deltas: inout [Int64])
        throws(IntakeError)
    {
        guard tag.wireType == 2 else { return deltas.append(unzigzag(try fields.varint())) }
        var packed = try fields.message()
        while !packed.isAtEnd { deltas.append(unzigzag(try packed.varint())) }
    }

    private static func numbers(_ tag: ProtobufTag, _ fields: inout ProtobufReader, _ numbers: inout [Double])
        throws(IntakeError)
    {
        guard tag.wireType == 2 else { return numbers.append(Double(bitPattern: try fields.fixed64())) }
        var packed = try fields.message()
        while !packed.isAtEnd { numbers.append(Double(bitPattern: try packed.fixed64())) }
    }

    /// Puts the buckets of one sign at their indices; tells what is wrong with them.
    private static func read(_ side: Side, _ isInteger: Bool, into buckets: inout HistogramBuckets) -> String?
    {
        let available = isInteger ? side.deltas.count : side.counts.count
        guard (isInteger ? side.counts : []).isEmpty, isInteger || side.deltas.isEmpty else {
            return "it mixes integer and float counts"
        }
        var wanted: UInt64 = 0
        for span in side.spans {
            let (sum, overflow) = wanted.addingReportingOverflow(span.length)
            if overflow || sum > UInt64(available) {
                return "its spans are longer than its \(available) buckets"
            }
            wanted = sum
        }
        guard wanted == UInt64(available) else {
            return "its spans have \(wanted) buckets, but \(available) came"
        }
        var index: Int64 = 0
        var place = 0
        var total: Int64 = 0
        for (number, span) in side.spans.enumerated() {
            if number > 0, span.offset < 0 { return "a span begins before the end of the one before" }
            guard let first = Int32(exactly: span.offset) else { return "the offset of a span is too large" }
            index += Int64(first)
            for _ in 0..<span.length {
                guard let here = Int32(exactly: index) else { return "the offset of a span is too large" }
                if isInteger {
                    let (sum, overflow) = total.addingReportingOverflow(side.deltas[place])
                    if overflow { return "a count is too large" }
                    total = sum
                    buckets.append(index: here, count: Double(total))
                } else {
                    buckets.append(index: here, count: side.counts[place])
                }
                place += 1
                index += 1
            }
        }
        return nil
    }
}
