import ChunkCodec
import Model

/// A delete whose samples may still lie in files.
///
/// It concerns what was written before it: samples of writes with a number up to `sequence`.
package struct TombstoneRecord: Hashable, Sendable {
    /// The most of selections, of matchers of one, and of bytes of a text that are read back.
    private static let mostParts = 1 << 20

    /// The number of the delete; later ones have higher numbers.
    package var number: UInt64
    /// The number of the last write before it.
    package var sequence: UInt64
    /// The times of which samples are deleted.
    package var range: TimeRange
    /// Which series: those that satisfy all matchers of any of these.
    package var selections: [[Matcher]]
    /// The number of the first log file in which all writes came after it.
    package var nextLog: UInt64

    /// The delete with this number.
    package init(
        number: UInt64,
        sequence: UInt64,
        range: TimeRange,
        selections: [[Matcher]],
        nextLog: UInt64
    ) {
        self.number = number
        self.sequence = sequence
        self.range = range
        self.selections = selections
        self.nextLog = nextLog
    }

    /// The selections as bytes.
    ///
    /// Format: docs/formats/tombstone.md "Selections".
    package var encodedSelections: [UInt8] { TombstoneRecord.encoded(selections) }

    /// Selections as bytes.
    static func encoded(_ selections: [[Matcher]]) -> [UInt8] {
        var bytes: [UInt8] = []
        Varint.append(count: selections.count, to: &bytes)
        for selection in selections {
            Varint.append(count: selection.count, to: &bytes)
            for matcher in selection {
                bytes.append(UInt8(Matcher.Kind.allCases.firstIndex(of: matcher.kind) ?? 0))
                for text in [matcher.name, matcher.value] {
                    Varint.append(count: text.utf8.count, to: &bytes)
                    bytes.append(contentsOf: text.utf8)
                }
            }
        }
        return bytes
    }

    /// The selections that `bytes` are.
    package static func selections(_ bytes: [UInt8]) throws(CodecError) -> [[Matcher]] {
        var reader = ByteReader(bytes)
        var selections: [[Matcher]] = []
        for _ in 0..<(try reader.readCount(limit: min(mostParts, reader.remainingCount))) {
            var selection: [Matcher] = []
            for _ in 0..<(try reader.readCount(limit: min(mostParts, reader.remainingCount))) {
                let kind = Int(try reader.readUInt8())
                guard Matcher.Kind.allCases.indices.contains(kind) else { throw .badException }
                var texts: [String] = []
                for _ in 0..<2 {
                    let count = try reader.readCount(limit: reader.remainingCount)
                    texts.append(String(decoding: try reader.readBytes(count: count), as: UTF8.self))
                }
                selection.append(Matcher(texts[0], Matcher.Kind.allCases[kind], texts[1]))
            }
            selections.append(selection)
        }
        try reader.expectEnd()
        return selections
    }
}
