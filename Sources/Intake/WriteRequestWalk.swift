import Model

/// One pass over a `prometheus.WriteRequest`: samples go into flat columns, labels stay where they are.
///
/// Labels are checked as protobuf only; whoever does not know the series reads them through
/// `WriteRequestSpelling`, which knows the rules. A series without samples to store, of which nobody would
/// read the labels, is checked here.
struct WriteRequestWalk {
    private let limits: Limits
    private var columns = BatchColumns()
    private var rejections = Rejections()
    private var exemplarCount = 0
    /// How many native histograms of the series that is read are refused, and why the first ones are.
    private var refusedHistograms: (count: Int, first: [String]) = (0, [])
    private var collector: LabelCollector
    /// Label messages of series whose labels do not stand together, put together.
    private var gathered: [UInt8] = []
    private let gatheredStart: Int

    /// A walk over a message of this size.
    init(limits: Limits, messageByteCount: Int) {
        self.limits = limits
        collector = LabelCollector(limits: limits)
        gatheredStart = messageByteCount + PaddedBytes.slackByteCount
        // A series of a dozen labels with one sample has about 200 bytes; more samples let the columns grow.
        let guess = messageByteCount / 128 + 16
        columns.series.reserveCapacity(guess)
        columns.timestamps.reserveCapacity(guess)
        columns.values.reserveCapacity(guess)
    }

    /// Reads the whole request.
    mutating func run(_ request: ProtobufReader) throws(IntakeError) {
        var request = request
        while !request.isAtEnd {
            let tag = try request.tag()
            switch tag {
            case .bytes(1): try readSeries(try request.message())
            case .bytes(3): try readMetadata(try request.message())
            default: try request.skip(tag, known: 0b1010)
            }
        }
    }

    /// What was read of the message that `bytes` are.
    mutating func finish(_ message: consuming PaddedBytes) -> DecodedWrite {
        columns.labelBytes = message.bytes
        if !gathered.isEmpty {
            columns.labelBytes += gathered
            columns.labelBytes += repeatElement(0, count: PaddedBytes.slackByteCount)
        }
        columns.spelling = WriteRequestSpelling(limits: limits)
        return DecodedWrite(batch: columns.take(), rejections: rejections, exemplarCount: exemplarCount)
    }

    // MARK: Series

    private mutating func readSeries(_ message: ProtobufReader) throws(IntakeError) {
        let sampleStart = columns.timestamps.count
        var fields = message
        while try fields.skipLabel() {}
        let labelEnd = fields.position
        let hasMoreLabels = try readRest(&fields)
        let sampleEnd = columns.timestamps.count
        let refused = refusedHistograms
        if refused.count > 0 || sampleEnd == sampleStart {
            refusedHistograms = (0, [])
            try collector.collect(message)
            if let refusal = collector.packOrRefusal() {
                rejections.add(sampleCount: sampleEnd - sampleStart + refused.count, refusal.text)
                columns.removeSamples(from: sampleStart)
                return
            }
            for fault in refused.first { rejections.add("\(collector.seriesText): \(fault)") }
            if refused.count > refused.first.count {
                rejections.add(
                    sampleCount: refused.count - refused.first.count,
                    "\(collector.seriesText): more native histograms"
                )
            }
            guard sampleEnd > sampleStart else { return }
        }
        let labels = hasMoreLabels ? try gatherLabels(message) : message.position..<labelEnd
        columns.series.append(SampleBatch.Series(labels: labels, samples: sampleStart..<sampleEnd))
    }

    /// Reads the fields of a `TimeSeries` behind its labels: samples and histograms to the columns; whether
    /// there are more labels.
    private mutating func readRest(_ fields: inout ProtobufReader) throws(IntakeError) -> Bool {
        var hasLabels = false
        while !fields.isAtEnd {
            if let (start, end) = fields.shortMessage(field: 2) {
                if let (millis, bits) = fields.usualSample(start: start, end: end) {
                    try appendSample(millis, bits)
                } else {
                    try readSample(fields.sub(start: start, end: end))
                }
                continue
            }
            let tag = try fields.tag()
            switch tag {
            case .bytes(1):
                _ = try fields.message().label()
                hasLabels = true
            case .bytes(2): try readSample(try fields.message())
            case .bytes(3):
                _ = try fields.range()
                exemplarCount += 1
            case .bytes(4): try readHistogram(try fields.message())
            default: try fields.skip(tag, known: 0b11110)
            }
        }
        return hasLabels
    }

    /// Reads a `Histogram`; one whose sum is a staleness marker ends the series as a number does.
    private mutating func readHistogram(_ message: ProtobufReader) throws(IntakeError) {
        let histogram = try HistogramMessage(message)
        if histogram.isStale { return try appendSample(histogram.millis, StaleMarker.bitPattern) }
        switch histogram.checked(limits) {
        case .valid(let value):
            let position = columns.timestamps.count
            try appendSample(histogram.millis, NativeHistogram.placeholder.bitPattern)
            columns.histograms.append(value, at: position)
        case .fault(let fault):
            refusedHistograms.count += 1
            guard refusedHistograms.first.count < Rejections.keptCount else { return }
            refusedHistograms.first.append("native histogram at \(histogram.millis): \(fault)")
        }
    }

    /// Copies the label messages of a series to where they stand together; where that is in the batch.
    private mutating func gatherLabels(_ message: ProtobufReader) throws(IntakeError) -> Range<Int> {
        let start = gatheredStart + gathered.count
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            if tag == .bytes(1) {
                gathered.append(0x0a)
                Labels.appendField(fields.bytes(try fields.range()), to: &gathered)
            } else {
                try fields.skip(tag, known: 0b10)
            }
        }
        return start..<gatheredStart + gathered.count
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
