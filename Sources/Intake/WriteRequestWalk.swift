import Model

/// One pass over a `prometheus.WriteRequest`: the usual series goes straight into flat columns.
///
/// Only a series that breaks a rule, or has so many labels that it may, is read once more through
/// `LabelCollector`, which says what is wrong with it.
struct WriteRequestWalk {
    private let limits: Limits
    private var columns = BatchColumns()
    private var rejections = Rejections()
    private var exemplarCount = 0
    private var collector: LabelCollector

    /// A walk over a message of this size.
    init(limits: Limits, messageByteCount: Int) {
        self.limits = limits
        collector = LabelCollector(limits: limits)
        // A series of a dozen labels with one sample has about 200 bytes; more samples let the columns grow.
        let guess = messageByteCount / 128 + 16
        columns.series.reserveCapacity(guess)
        columns.timestamps.reserveCapacity(guess)
        columns.values.reserveCapacity(guess)
    }

    /// Reads the whole request; `labels` is scratch.
    mutating func run(
        _ request: ProtobufReader,
        _ labels: inout LabelSlots,
        into output: inout PackedLabelOutput
    ) throws(IntakeError) {
        var request = request
        while !request.isAtEnd {
            let tag = try request.tag()
            switch tag {
            case .bytes(1): try readSeries(try request.message(), &labels, into: &output)
            case .bytes(3): try readMetadata(try request.message())
            default: try request.skip(tag, known: 0b1010)
            }
        }
    }

    /// What was read; `labelBytes` are what the output holds.
    mutating func finish(labelBytes: [UInt8]) -> DecodedWrite {
        columns.labelBytes = labelBytes
        return DecodedWrite(batch: columns.take(), rejections: rejections, exemplarCount: exemplarCount)
    }

    // MARK: Series

    private mutating func readSeries(
        _ message: ProtobufReader,
        _ labels: inout LabelSlots,
        into output: inout PackedLabelOutput
    ) throws(IntakeError) {
        let sampleStart = columns.timestamps.count
        let histogramCount = try readFields(message, &labels)
        output.reserve(message.end &- message.position)
        let labelStart = output.count
        if !labels.pack(into: &output, message) {
            output.count = labelStart
            try collectLabels(message)
            if let fault = packCollected() {
                let count = columns.timestamps.count - sampleStart + histogramCount
                rejections.add(sampleCount: count, "\(collector.seriesText): \(fault.reason(collector))")
                columns.timestamps.removeSubrange(sampleStart...)
                columns.values.removeSubrange(sampleStart...)
                return
            }
            output.append(packed: collector.packed)
        }
        if histogramCount > 0 {
            try collectLabels(message)
            rejections.add(
                sampleCount: histogramCount,
                "\(collector.seriesText): native histograms are not supported yet"
            )
        }
        guard columns.timestamps.count > sampleStart else {
            output.count = labelStart
            return
        }
        columns.series.append(
            SampleBatch.Series(
                labels: labelStart..<output.count,
                samples: sampleStart..<columns.timestamps.count
            )
        )
    }

    /// Reads the fields of a `TimeSeries`: labels to `labels`, samples to the columns; the number of
    /// histograms.
    private mutating func readFields(
        _ message: ProtobufReader,
        _ shared: inout LabelSlots
    ) throws(IntakeError) -> Int {
        // A copy that nothing else can reach stays in registers.
        var labels = shared
        labels.removeAll()
        defer { shared = labels }
        var histogramCount = 0
        var fields = message
        while !fields.isAtEnd {
            if let (start, end) = fields.shortMessage(field: 1) {
                if let (name, value) = fields.usualLabel(start: start, end: end) {
                    labels.add(name, value, fields)
                } else {
                    let (name, value) = try WriteRequestWalk.label(fields.sub(start: start, end: end))
                    labels.add(name, value, fields)
                }
            } else if let (start, end) = fields.shortMessage(field: 2) {
                if let (millis, bits) = fields.usualSample(start: start, end: end) {
                    try appendSample(millis, bits)
                } else {
                    try readSample(fields.sub(start: start, end: end))
                }
            } else {
                let tag = try fields.tag()
                switch tag {
                case .bytes(1):
                    let (name, value) = try WriteRequestWalk.label(try fields.message())
                    labels.add(name, value, fields)
                case .bytes(2): try readSample(try fields.message())
                case .bytes(3):
                    _ = try fields.range()
                    exemplarCount += 1
                case .bytes(4):
                    _ = try fields.range()
                    histogramCount += 1
                default: try fields.skip(tag, known: 0b11110)
                }
            }
        }
        return histogramCount
    }

    /// Reads the labels of a series again, with nothing taken for granted.
    private mutating func collectLabels(_ message: ProtobufReader) throws(IntakeError) {
        collector.removeAll()
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            if tag == .bytes(1) {
                let (name, value) = try WriteRequestWalk.label(try fields.message())
                collector.add(name: fields.bytes(name), value: fields.bytes(value))
            } else {
                try fields.skip(tag, known: 0b10)
            }
        }
    }

    private mutating func packCollected() -> LabelFault? {
        do throws(LabelFault) {
            try collector.pack()
            return nil
        } catch {
            return error
        }
    }

    /// Reads a `Label` of any shape; a name or value that is not there is empty, of a repeated one the last
    /// counts.
    private static func label(
        _ message: ProtobufReader
    ) throws(IntakeError) -> (name: Range<Int>, value: Range<Int>) {
        var fields = message
        var name = fields.end..<fields.end
        var value = name
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case .bytes(1): name = try fields.range()
            case .bytes(2): value = try fields.range()
            default: try fields.skip(tag, known: 0b110)
            }
        }
        return (name, value)
    }

    /// Reads a `Sample` of any shape; what is not there is 0.
    private mutating func readSample(_ message: ProtobufReader) throws(IntakeError) {
        var fields = message
        var bits: UInt64 = 0
        var millis: Int64 = 0
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case .fixed64(1): bits = try fields.fixed64()
            case .varint(2): millis = Int64(bitPattern: try fields.varint())
            default: try fields.skip(tag, known: 0b110)
            }
        }
        try appendSample(millis, bits)
    }

    @inline(__always)
    private mutating func appendSample(_ millis: Int64, _ bits: UInt64) throws(IntakeError) {
        guard columns.timestamps.count < limits.samplesPerWrite else {
            throw .tooLarge(limitName: "samples_per_write", limit: limits.samplesPerWrite)
        }
        columns.timestamps.append(millis)
        columns.values.append(Double(bitPattern: bits))
    }

    // MARK: Metadata

    private static let kinds: [MetricMetadata.Kind] = [
        .unknown, .counter, .gauge, .histogram, .gaugehistogram, .summary, .info, .stateset,
    ]

    /// Reads a `MetricMetadata`; help and unit are decoration and cut where they are too long.
    private mutating func readMetadata(_ message: ProtobufReader) throws(IntakeError) {
        var fields = message
        var kind: UInt64 = 0
        var name = fields.end..<fields.end
        var help = name
        var unit = name
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case .varint(1): kind = try fields.varint()
            case .bytes(2): name = try fields.range()
            case .bytes(4): help = try fields.range()
            case .bytes(5): unit = try fields.range()
            default: try fields.skip(tag, known: 0b110110)
            }
        }
        let known = kind < UInt64(WriteRequestWalk.kinds.count) ? WriteRequestWalk.kinds[Int(kind)] : .unknown
        let fault = MetadataText.append(
            name: fields.bytes(name),
            kind: known,
            help: fields.bytes(help),
            unit: fields.bytes(unit),
            to: &columns.metadata,
            limits: limits
        )
        if let fault { rejections.add(fault.reason) }
    }
}
