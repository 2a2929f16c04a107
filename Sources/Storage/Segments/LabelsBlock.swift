import ChunkCodec
import Model

/// The label sets of a block, kept as they stand in the file: each as what it shares with the one before, and
/// the rest.
///
/// In full they would take several times as much, and most readers want a few of them only.
final class LabelsBlock: CachedContent {
    /// One label set.
    private struct Entry {
        /// How many bytes it has in common with the one before.
        var shared: UInt32
        /// Where the rest of it begins.
        var start: UInt32
        /// How many bytes the rest has.
        var count: UInt32
        /// Where what it shares stands: the last entry before it that shares less; itself if it shares
        /// nothing.
        var origin: UInt32
    }

    private let bytes: [UInt8]
    private let entries: [Entry]

    var byteCount: Int { 96 + bytes.count + entries.count * MemoryLayout<Entry>.stride }

    /// The content of the label sets of `count` series, or of as many as there are.
    init(_ bytes: [UInt8], count: Int? = nil) throws(CodecError) {
        guard count ?? 0 <= SegmentFormat.seriesPerBlock, bytes.count <= Int(UInt32.max) else {
            throw .badException
        }
        var reader = ByteReader(bytes)
        var entries: [Entry] = []
        entries.reserveCapacity(count ?? SegmentFormat.seriesPerBlock)
        var length = 0
        while count.map({ entries.count < $0 }) ?? !reader.isAtEnd {
            guard entries.count < SegmentFormat.seriesPerBlock else { throw .badException }
            let shared = try reader.readCount(limit: length)
            let rest = try reader.readCount(limit: reader.remainingCount)
            let start = reader.offset
            _ = try reader.readBytes(count: rest)
            length = shared + rest
            var origin = entries.count - 1
            while origin >= 0, entries[origin].shared >= shared, shared > 0 {
                origin = Int(entries[origin].origin)
            }
            entries.append(
                Entry(
                    shared: UInt32(shared),
                    start: UInt32(start),
                    count: UInt32(rest),
                    origin: UInt32(shared > 0 ? origin : entries.count)
                )
            )
        }
        try reader.expectEnd()
        self.bytes = bytes
        self.entries = entries
    }

    /// The number of series.
    var count: Int { entries.count }

    /// The labels of the series at `index` of the block.
    func labels(at index: Int) -> Labels {
        let length = Int(entries[index].shared + entries[index].count)
        let packed = unsafe [UInt8](unsafeUninitializedCapacity: length) { packed, count in
            // From the end to the beginning, each part from the entry that it stands in.
            var (entry, end) = (entries[index], length)
            unsafe bytes.withUnsafeBytes { bytes in
                while end > 0 {
                    let shared = Int(entry.shared)
                    let rest = Int(entry.start)..<Int(entry.start) + end - shared
                    unsafe UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(packed)[shared..<end]
                    )
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[rest]))
                    end = shared
                    entry = entries[Int(entry.origin)]
                }
            }
            count = length
        }
        return Labels(trusted: packed)
    }
}
