import ChunkCodec
import Model

/// One write as the log keeps it.
///
/// Format: docs/formats/log.md "Write".
struct LogWrite {
    /// The number of the write; rises by one with each.
    var sequence: UInt64 = 0
    /// The labels of series that appear in this log file for the first time.
    var definitions: [(id: SeriesID, labels: Labels)] = []
    /// The series, in the order of their samples.
    var series: [(id: SeriesID, sampleCount: Int)] = []
    /// The times of all samples.
    var timestamps: [Int64] = []
    /// The values of all samples.
    var values: [Double] = []
}

/// What a record of the log can be.
enum LogRecord {
    case write(LogWrite)
    case metadata([MetricMetadata])

    private static let writeKind: UInt8 = 1
    private static let metadataKind: UInt8 = 2
    private static let kinds = MetricMetadata.Kind.allCases

    /// The bytes of a record about metrics.
    ///
    /// Format: docs/formats/log.md "Metadata".
    static func encode(_ metadata: [MetricMetadata]) -> [UInt8] {
        var bytes: [UInt8] = [metadataKind]
        Varint.append(count: metadata.count, to: &bytes)
        for item in metadata {
            for text in [item.name, item.kind.rawValue, item.help, item.unit] {
                Varint.append(count: text.utf8.count, to: &bytes)
                bytes.append(contentsOf: text.utf8)
            }
        }
        return bytes
    }

    /// Reads what `encode` or `LogWriteBuilder` wrote.
    static func decode(_ bytes: [UInt8]) throws(CodecError) -> LogRecord {
        var reader = ByteReader(bytes)
        switch try reader.readUInt8() {
        case writeKind: return .write(try decodeWrite(&reader))
        case metadataKind: return .metadata(try decodeMetadata(&reader))
        case let kind: throw .unsupportedValueKind(kind)
        }
    }

    private static func decodeWrite(_ reader: inout ByteReader) throws(CodecError) -> LogWrite {
        var write = LogWrite()
        write.sequence = try reader.readVarint()
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            let id = SeriesID(try reader.readVarint())
            let byteCount = try reader.readCount(limit: reader.remainingCount)
            guard let labels = Labels(validating: Array(try reader.readBytes(count: byteCount))) else {
                throw .badException
            }
            write.definitions.append((id, labels))
        }
        var id: UInt64 = 0
        var sampleCount = 0
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            id &+= UInt64(bitPattern: try reader.readSignedVarint())
            let count = try reader.readCount(limit: reader.remainingCount)
            write.series.append((SeriesID(id), count))
            sampleCount += count
        }
        guard sampleCount <= reader.remainingCount / 9 else {
            throw .truncated(neededBytes: sampleCount * 9, availableBytes: reader.remainingCount)
        }
        var time: Int64 = 0
        for _ in 0..<sampleCount {
            time &+= try reader.readSignedVarint()
            write.timestamps.append(time)
        }
        for _ in 0..<sampleCount { write.values.append(Double(bitPattern: try reader.readUInt64())) }
        try reader.expectEnd()
        return write
    }

    private static func decodeMetadata(_ reader: inout ByteReader) throws(CodecError) -> [MetricMetadata] {
        var metadata: [MetricMetadata] = []
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            var texts: [String] = []
            for _ in 0..<4 {
                let byteCount = try reader.readCount(limit: reader.remainingCount)
                texts.append(String(decoding: try reader.readBytes(count: byteCount), as: UTF8.self))
            }
            let kind = MetricMetadata.Kind(rawValue: texts[1]) ?? .unknown
            metadata.append(MetricMetadata(name: texts[0], kind: kind, help: texts[2], unit: texts[3]))
        }
        try reader.expectEnd()
        return metadata
    }
}

/// Builds the bytes of one write while its samples are put into the head.
struct LogWriteBuilder {
    private var definitionCount = 0
    private var definitions: [UInt8] = []
    private var seriesCount = 0
    private var series: [UInt8] = []
    private var timestamps: [UInt8] = []
    private var values: [UInt8] = []
    private var lastID: UInt64 = 0
    private var lastTime: Int64 = 0
    private var openID: UInt64?
    private var openCount = 0

    /// Whether nothing was added.
    var isEmpty: Bool { seriesCount == 0 && openCount == 0 }
    /// The size of what was added, in bytes.
    var byteCount: Int { definitions.count + series.count + timestamps.count + values.count }

    /// Notes the labels of a series that appears in this log file for the first time.
    mutating func define(_ id: SeriesID, packedLabels: [UInt8]) {
        definitionCount += 1
        Varint.append(id.rawValue, to: &definitions)
        Varint.append(count: packedLabels.count, to: &definitions)
        definitions.append(contentsOf: packedLabels)
    }

    /// Adds a sample.
    mutating func append(_ id: SeriesID, millis: Int64, value: Double) {
        if openID != id.rawValue {
            closeSeries()
            openID = id.rawValue
        }
        openCount += 1
        Varint.append(signed: millis &- lastTime, to: &timestamps)
        lastTime = millis
        values.append(littleEndian: value.bitPattern)
    }

    /// The bytes of the write with the number `sequence`; the builder is empty afterwards.
    mutating func finish(sequence: UInt64) -> [UInt8] {
        closeSeries()
        var bytes: [UInt8] = [1]
        bytes.reserveCapacity(byteCount + 32)
        Varint.append(sequence, to: &bytes)
        Varint.append(count: definitionCount, to: &bytes)
        bytes.append(contentsOf: definitions)
        Varint.append(count: seriesCount, to: &bytes)
        bytes.append(contentsOf: series)
        bytes.append(contentsOf: timestamps)
        bytes.append(contentsOf: values)
        self = LogWriteBuilder()
        return bytes
    }

    private mutating func closeSeries() {
        guard let id = openID, openCount > 0 else { return }
        seriesCount += 1
        Varint.append(signed: Int64(bitPattern: id &- lastID), to: &series)
        Varint.append(count: openCount, to: &series)
        lastID = id
        openCount = 0
        openID = nil
    }
}
