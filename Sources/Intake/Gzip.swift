import CZlib
import Model

/// The gzip format (RFC 1952) through zlib.
package enum Gzip {
    /// The window size for `inflateInit2` and `deflateInit2`: the largest, in gzip's envelope.
    static let windowBits: Int32 = 15 + 16
    /// How many bytes are given to zlib and taken from it at once.
    static let pieceByteCount = 64 << 10
    /// From how many bytes of output on the ratio to the input is looked at.
    static let ratioFromBytes = 1 << 20

    /// Inflates a body of one or more gzip members.
    ///
    /// - Parameters:
    ///   - body: The compressed bytes.
    ///   - limit: The most bytes that may come out; nothing beyond is inflated.
    ///   - limitName: What the limit is called in an error.
    /// - Returns: What the members hold, one after the other.
    /// - Throws: `malformed` if it is no gzip, damaged or cut off; `tooLarge`.
    package static func decompress(
        _ body: [UInt8],
        limit: Int = Limits.default.decompressedBodyBytes,
        limitName: String = "decompressed_body_bytes"
    ) throws(IntakeError) -> [UInt8] {
        var inflater = Inflater(limit: limit, limitName: limitName, ratioLimit: .max)
        inflater.supply(body)
        var out: [UInt8] = []
        while try inflater.appendNext(to: &out) {}
        try inflater.finish()
        return out
    }

    /// Deflates bytes into one gzip member.
    ///
    /// - Parameters:
    ///   - bytes: What to compress.
    ///   - level: From 1 (fast) to 9 (small), or 0 for none; others are taken for the nearest.
    /// - Returns: The member.
    package static func compress(_ bytes: [UInt8], level: Int = 6) -> [UInt8] {
        var stream = z_stream()
        // zlib remembers where the stream lies, so it stays in one place from start to end.
        return withUnsafeMutablePointer(to: &stream) { stream in
            let clamped = Int32(min(max(level, 0), 9))
            let started = deflateInit2_(
                stream,
                clamped,
                Z_DEFLATED,
                windowBits,
                8,
                Z_DEFAULT_STRATEGY,
                ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)
            )
            precondition(started == Z_OK, "zlib cannot start, out of memory: \(started)")
            defer { deflateEnd(stream) }
            return deflated(bytes, by: stream)
        }
    }

    private static func deflated(_ bytes: [UInt8], by stream: UnsafeMutablePointer<z_stream>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count / 4 + 64)
        var consumed = 0
        var status = Z_OK
        while status != Z_STREAM_END {
            let given = min(bytes.count - consumed, pieceByteCount)
            let isLast = consumed + given == bytes.count
            let piece = [UInt8](unsafeUninitializedCapacity: pieceByteCount) { room, count in
                bytes.withUnsafeBufferPointer { input in
                    // zlib does not write through the pointer to its input.
                    stream.pointee.next_in = UnsafeMutablePointer(
                        mutating: input.baseAddress.map { $0 + consumed }
                    )
                    stream.pointee.avail_in = UInt32(given)
                    stream.pointee.next_out = room.baseAddress
                    stream.pointee.avail_out = UInt32(room.count)
                    status = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                    consumed += given - Int(stream.pointee.avail_in)
                    count = room.count - Int(stream.pointee.avail_out)
                }
            }
            precondition(status == Z_OK || status == Z_STREAM_END, "BUG: deflate answers \(status)")
            out.append(contentsOf: piece)
        }
        return out
    }
}
