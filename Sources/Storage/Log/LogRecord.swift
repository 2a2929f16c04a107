import ChunkCodec
import Model

/// What a write puts into the log: the content of one or two records.
struct LogContent: Hashable, Sendable {
    /// The labels of series that this file has not mentioned before; empty if there are none.
    var definitions: [UInt8] = []
    /// The samples, or whatever else the write is about.
    var record: [UInt8]

    /// The size of both in bytes.
    var byteCount: Int { definitions.count + record.count }
}

/// What a record of the log says.
enum LogRecord {
    /// The labels of series; some may have come before, and are the same then.
    case definitions(LogDefinitions)
    /// Samples, in one write with one number.
    case write(LogWrite)
    /// What is known about metrics.
    case metadata([MetricMetadata])

    /// The first byte of a record of samples.
    static let writeKind: UInt8 = 1
    /// The first byte of a record of samples with native histograms among them.
    static let histogramWriteKind: UInt8 = 4
    /// The first byte of a record about metrics.
    static let metadataKind: UInt8 = 2
    /// The first byte of a record of labels.
    static let definitionsKind: UInt8 = 3

    /// The content of a record about metrics.
    ///
    /// Format: docs/formats/log.md "Metadata".
    static func encode(_ metadata: [MetricMetadata]) -> LogContent {
        var bytes: [UInt8] = [metadataKind]
        Varint.append(count: metadata.count, to: &bytes)
        for item in metadata {
            for text in [item.name, item.kind.rawValue, item.help, item.unit] {
                Varint.append(count: text.utf8.count, to: &bytes)
                bytes.append(contentsOf: text.utf8)
            }
        }
        return LogContent(record: bytes)
    }

    /// Reads what `encode` or `LogRecordBuilder` made; any other bytes are refused.
    static func decode(_ content: [UInt8]) throws(CodecError) -> LogRecord {
        switch content.first {
        case definitionsKind: return .definitions(try LogDefinitions(content))
        case writeKind: return .write(try LogWrite(content))
        case histogramWriteKind: return .write(try LogWrite(withHistograms: content))
        case metadataKind: return .metadata(try decodeMetadata(content))
        case let kind: throw .unsupportedValueKind(kind ?? 0)
        }
    }

    private static func decodeMetadata(_ content: [UInt8]) throws(CodecError) -> [MetricMetadata] {
        var reader = ByteReader(content.dropFirst())
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
