import ChunkCodec
import Model

/// What the numbers of series mean in a log file: their labels.
///
/// Format: docs/formats/log.md "Definitions".
struct LogDefinitions {
    /// The labels of one series.
    struct Entry: Hashable {
        /// The number that stands for the series in this file.
        var series: UInt32
        /// Where the packed labels are in `content`.
        var labels: Range<Int>
    }

    /// The bytes of the record.
    let content: [UInt8]
    /// The series of this record.
    ///
    /// Their bytes are known to be names and values with their lengths, but not whether these are in order
    /// and UTF-8; `labels(of:)` checks that too.
    private(set) var entries: [Entry] = []

    /// Reads the content of a record of this kind.
    init(_ content: [UInt8]) throws(CodecError) {
        self.content = content
        var reader = ByteReader(content)
        try reader.skip(count: 1)
        let count = try reader.readCount(limit: reader.remainingCount)
        entries.reserveCapacity(count)
        var expected: Int64 = 0
        for _ in 0..<count {
            let series = try LogWrite.seriesNumber(expected, try reader.readSignedVarint())
            let byteCount = try reader.readCount(limit: reader.remainingCount)
            let start = reader.offset
            try LogDefinitions.check(try reader.readBytes(count: byteCount))
            entries.append(Entry(series: series, labels: start..<start + byteCount))
            expected = Int64(series) + 1
        }
        try reader.expectEnd()
    }

    /// The labels of an entry; nil if they are no label set.
    func labels(of entry: Entry) -> Labels? {
        Labels(validating: Array(content[entry.labels]))
    }

    /// Throws unless the bytes are names and values with their lengths, none of them empty.
    private static func check(_ packed: ArraySlice<UInt8>) throws(CodecError) {
        var reader = ByteReader(packed)
        while !reader.isAtEnd {
            for _ in 0..<2 {
                let length = try reader.readCount(limit: reader.remainingCount)
                guard length > 0 else { throw .badException }
                try reader.skip(count: length)
            }
        }
    }
}
