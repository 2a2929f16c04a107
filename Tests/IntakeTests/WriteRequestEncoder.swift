import Model

@testable import Intake

/// Builds protobuf by hand: fields of every wire type, also such that no decent sender writes.
extension [UInt8] {
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    mutating func appendField(_ number: UInt64, varint value: UInt64) {
        appendVarint(number << 3)
        appendVarint(value)
    }

    mutating func appendField(_ number: UInt64, double value: Double) {
        appendVarint(number << 3 | 1)
        for index in 0..<8 { append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(8 * index))) }
    }

    mutating func appendField(_ number: UInt64, bytes: [UInt8]) {
        appendVarint(number << 3 | 2)
        appendVarint(UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    mutating func appendField(_ number: UInt64, text: String) {
        appendField(number, bytes: Array(text.utf8))
    }
}

/// A `prometheus.WriteRequest` under construction.
struct WriteRequest {
    var bytes: [UInt8] = []

    static func label(_ name: [UInt8], _ value: [UInt8]) -> [UInt8] {
        var label: [UInt8] = []
        label.appendField(1, bytes: name)
        label.appendField(2, bytes: value)
        return label
    }

    static func sample(_ millis: Int64, _ value: Double) -> [UInt8] {
        var sample: [UInt8] = []
        sample.appendField(1, double: value)
        sample.appendField(2, varint: UInt64(bitPattern: millis))
        return sample
    }

    mutating func add(series: [UInt8]) {
        bytes.appendField(1, bytes: series)
    }

    mutating func add(_ labels: [(String, String)], _ samples: [(Int64, Double)]) {
        add(rawLabels: labels.map { (Array($0.0.utf8), Array($0.1.utf8)) }, samples)
    }

    mutating func add(rawLabels: [([UInt8], [UInt8])], _ samples: [(Int64, Double)]) {
        var series: [UInt8] = []
        for (name, value) in rawLabels { series.appendField(1, bytes: WriteRequest.label(name, value)) }
        for (millis, value) in samples { series.appendField(2, bytes: WriteRequest.sample(millis, value)) }
        add(series: series)
    }

    mutating func addMetadata(_ type: UInt64, _ name: String, _ help: String, _ unit: String) {
        var entry: [UInt8] = []
        entry.appendField(1, varint: type)
        entry.appendField(2, text: name)
        entry.appendField(4, text: help)
        entry.appendField(5, text: unit)
        bytes.appendField(3, bytes: entry)
    }

    func decoded(limits: Limits = Limits()) throws(IntakeError) -> DecodedWrite {
        try RemoteWrite1.decode(compressed: SnappyEncoder.encode(bytes), limits: limits).packed
    }
}

extension DecodedWrite {
    /// The write with packed labels, as a sink sees it in the end.
    var packed: DecodedWrite {
        let (batch, refused) = batch.packed()
        var all = rejections
        all.add(refused)
        return DecodedWrite(batch: batch, rejections: all, exemplarCount: exemplarCount)
    }
}

/// One series of a batch, to compare with.
struct SentSeries: Equatable, CustomStringConvertible {
    var labels: Labels
    var times: [Int64]
    var bits: [UInt64]

    init(_ labels: Labels, _ samples: [(Int64, Double)]) {
        self.labels = labels
        times = samples.map { $0.0 }
        bits = samples.map { $0.1.bitPattern }
    }

    init(_ labels: KeyValuePairs<String, String>, _ samples: [(Int64, Double)]) {
        self.init(Labels(labels), samples)
    }

    var description: String {
        "\(labels) " + zip(times, bits).map { "\($0)=\(Double(bitPattern: $1))" }.joined(separator: " ")
    }
}

extension SampleBatch {
    /// The series of the batch, whose labels are packed, in order.
    var contents: [SentSeries] {
        series.indices.map { index in
            let samples = series[index].samples
            return SentSeries(labels(at: index), samples.map { (timestamps[$0], values[$0]) })
        }
    }

    /// What is wrong with the batch as a batch, or nil: everything it promises to a sink.
    var flaw: String? {
        guard timestamps.count == values.count else { return "columns of different length" }
        var nextLabel = 0
        var nextSample = 0
        for (index, one) in series.enumerated() {
            guard one.labels.lowerBound == nextLabel, one.labels.upperBound <= labelBytes.count else {
                return "labels of series \(index) at \(one.labels)"
            }
            guard one.samples.lowerBound == nextSample, one.samples.upperBound <= timestamps.count,
                !one.samples.isEmpty
            else { return "samples of series \(index) at \(one.samples)" }
            guard let labels = Labels(validating: Array(labelBytes[one.labels])), labels.metricName != nil
            else {
                return "labels of series \(index) are not canonical"
            }
            nextLabel = one.labels.upperBound
            nextSample = one.samples.upperBound
        }
        guard nextSample == timestamps.count, nextLabel == labelBytes.count else { return "loose ends" }
        return nil
    }
}
