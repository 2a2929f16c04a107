import ChunkCodec

/// The timestamp columns that a segment writer has stored, by what they are: equal columns, which all series
/// of a scrape have, are stored once.
///
/// Only so many are remembered; one that was forgotten is stored again.
struct TimestampColumns {
    /// The bytes of columns from which the oldest half is forgotten.
    private static let rememberedByteCount = 4 << 20
    /// What a column takes beside its bytes.
    private static let overheadByteCount = 128

    private struct Stored {
        /// The block that refers to it, and by which number.
        var block: Int
        var column: Int
        /// Where it is; the frame is nil as long as it is open.
        var frame: FilePlace?
        var offset: Int
    }

    private var block = 0
    private var recent: [[UInt8]: Stored] = [:]
    private var older: [[UInt8]: Stored] = [:]
    private var recentByteCount = 0
    /// The columns of the frame that is open.
    private var open: [[UInt8]] = []
    /// What came last, by group of chunks; nearly every series of a scrape has the times of that before it.
    private var last = [(millis: ArraySlice<Int64>, encoded: [UInt8], column: Int?)?](
        repeating: nil,
        count: SegmentFormat.groupCount
    )

    /// No columns.
    init() {}

    /// The number of the column of these times, which are of a chunk of `group`, in the block.
    mutating func column(_ millis: ArraySlice<Int64>, group: Int = 0, _ block: inout BlockWriter) -> Int {
        if let last = last[group], last.millis == millis {
            if let column = last.column { return column }
            let column = column(last.encoded, &block)
            self.last[group]?.column = column
            return column
        }
        var encoded: [UInt8] = []
        TimestampColumn.encode(millis, effort: .compaction, into: &encoded)
        let column = column(encoded, &block)
        last[group] = (ArraySlice(Array(millis)), encoded, column)
        return column
    }

    /// The number of an encoded column in the block.
    mutating func column(_ encoded: [UInt8], _ block: inout BlockWriter) -> Int {
        if let known = recent[encoded] ?? older[encoded] {
            if known.block == self.block { return known.column }
            if let frame = known.frame {
                let column = block.addColumn(in: frame, offset: known.offset, byteCount: encoded.count)
                remember(
                    encoded,
                    Stored(block: self.block, column: column, frame: frame, offset: known.offset)
                )
                return column
            }
        }
        let column = block.addColumn(encoded)
        let offset = block.place(ofColumn: column).offset
        remember(encoded, Stored(block: self.block, column: column, frame: nil, offset: offset))
        open.append(encoded)
        return column
    }

    /// Notes where the frame that was open is; all of its columns are in one block.
    mutating func noteClosedFrame(at place: FilePlace) {
        for encoded in open {
            recent[encoded]?.frame = place
            older[encoded]?.frame = place
        }
        open.removeAll(keepingCapacity: true)
    }

    /// Notes that another block has begun; no frame is open.
    mutating func beginBlock() {
        block += 1
        for group in last.indices { last[group]?.column = nil }
    }

    private mutating func remember(_ encoded: [UInt8], _ stored: Stored) {
        if recent.updateValue(stored, forKey: encoded) == nil {
            recentByteCount += encoded.count + TimestampColumns.overheadByteCount
        }
        guard recentByteCount > TimestampColumns.rememberedByteCount / 2 else { return }
        older = recent
        recent = [:]
        recentByteCount = 0
    }
}
