import ChunkCodec

/// A list of rising ordinals as bytes, built from the front: stretches of ordinals that follow each other.
///
/// For each stretch `uv (gap << 1 | isLong)`, and if it is long, that is of more than one, `uv length - 2`.
/// The gap is that from the end of the stretch before.
struct OrdinalList: Sendable {
    /// The number of ordinals.
    private(set) var count: UInt32 = 0
    private var runStart: UInt32 = 0
    /// Behind the last ordinal of the stretch that is open.
    private var runEnd: UInt32 = 0
    /// Behind the last ordinal that is in `bytes`.
    private var encodedEnd: UInt32 = 0
    private var bytes: [UInt8] = []

    /// The list without ordinals.
    init() {}

    /// What it takes in memory beside its own size, in bytes.
    var extraByteCount: Int { bytes.capacity > 0 ? 32 + bytes.capacity : 0 }

    /// Adds an ordinal above all others.
    mutating func append(_ ordinal: UInt32) {
        append(ordinal..<ordinal + 1)
    }

    /// Adds a stretch of ordinals above all others.
    mutating func append(_ stretch: Range<UInt32>) {
        precondition(stretch.lowerBound >= runEnd || count == 0, "BUG: ordinal \(stretch) after \(runEnd)")
        if count > 0, stretch.lowerBound == runEnd {
            runEnd = stretch.upperBound
        } else {
            if count > 0 {
                OrdinalList.append(runStart..<runEnd, after: encodedEnd, to: &bytes)
                encodedEnd = runEnd
            }
            (runStart, runEnd) = (stretch.lowerBound, stretch.upperBound)
        }
        count += UInt32(stretch.count)
    }

    /// The list's bytes.
    var encoded: [UInt8] {
        guard count > 0 else { return [] }
        var all = bytes
        OrdinalList.append(runStart..<runEnd, after: encodedEnd, to: &all)
        return all
    }

    /// Calls `body` with each stretch of the list that `bytes[range]` are; all ordinals are below `limit`.
    @inline(__always)
    static func forEachStretch(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        limit: Int,
        _ body: (Range<Int>) -> Void
    ) throws(CodecError) {
        _ = try contains(bytes, range, limit: limit) { stretch in
            body(stretch)
            return false
        }
    }

    /// Whether `isWanted` is true of a stretch of the list that `bytes[range]` are; all ordinals are below
    /// `limit`.
    @inline(__always)
    static func contains(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        limit: Int,
        _ isWanted: (Range<Int>) -> Bool
    ) throws(CodecError) -> Bool {
        var reader = ByteReader(bytes[range])
        var end = 0
        while !reader.isAtEnd {
            let head = try reader.readVarint()
            guard head >> 1 < UInt64(limit - end) else { throw .badException }
            let start = end + Int(head >> 1)
            end = start + 1
            if head & 1 == 1 {
                let more = try reader.readVarint()
                guard more < UInt64(limit - end) else { throw .badException }
                end += Int(more) + 1
            }
            if isWanted(start..<end) { return true }
        }
        return false
    }

    private static func append(_ run: Range<UInt32>, after end: UInt32, to bytes: inout [UInt8]) {
        let gap = UInt64(run.lowerBound - end) << 1
        Varint.append(run.count > 1 ? gap | 1 : gap, to: &bytes)
        if run.count > 1 { Varint.append(UInt64(run.count - 2), to: &bytes) }
    }
}
