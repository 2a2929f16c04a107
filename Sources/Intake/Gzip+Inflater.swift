import CZlib
import Model

extension Gzip {
    /// Inflates a gzip body piece by piece, a bounded piece of output at a time.
    ///
    ///     var inflater = Gzip.Inflater(limit: limit)
    ///     for piece in body {
    ///         inflater.supply(piece)
    ///         while try inflater.next(into: &text) { use(text) }
    ///     }
    ///     try inflater.finish()
    ///
    /// It may go from thread to thread, because it cannot be copied and owns its memory alone.
    package struct Inflater: ~Copyable, @unchecked Sendable {
        /// zlib remembers where its stream lies, so it has a place of its own.
        private let stream: UnsafeMutablePointer<z_stream>
        private let room: UnsafeMutableBufferPointer<UInt8>
        private let limit: Int
        private let limitName: String
        private let ratioLimit: Int
        private var totalConsumedByteCount = 0
        private var input: [UInt8] = []
        private var consumedByteCount = 0
        private var producedByteCount = 0
        private var memberCount = 0
        private var isInMember = false

        /// An inflater at the start of a body.
        ///
        /// - Parameters:
        ///   - limit: The most bytes that may come out.
        ///   - limitName: What the limit is called in an error.
        ///   - ratioLimit: How many times as long as what was read what came out may be, from the first MiB
        ///     on; it keeps a small body from costing much work.
        package init(
            limit: Int,
            limitName: String = "decompressed_body_bytes",
            ratioLimit: Int = Limits.default.gzipRatio
        ) {
            self.limit = limit
            self.limitName = limitName
            self.ratioLimit = ratioLimit
            stream = .allocate(capacity: 1)
            stream.initialize(to: z_stream())
            room = .allocate(capacity: pieceByteCount)
            let status = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
            precondition(status == Z_OK, "zlib cannot start, out of memory: \(status)")
        }

        deinit {
            inflateEnd(stream)
            stream.deallocate()
            room.deallocate()
        }

        /// Adds the next piece of the body.
        package mutating func supply(_ bytes: [UInt8]) {
            if consumedByteCount == input.count {
                input = bytes
            } else {
                input.removeFirst(consumedByteCount)
                input.append(contentsOf: bytes)
            }
            consumedByteCount = 0
        }

        /// Replaces `piece` by the next bytes, at most 64 KiB; false, and an empty piece, if more input is
        /// needed.
        ///
        /// - Throws: `malformed` if this is no gzip or damaged, `tooLarge` if it holds more than the limit.
        package mutating func next(into piece: inout [UInt8]) throws(IntakeError) -> Bool {
            piece.removeAll(keepingCapacity: true)
            return try appendNext(to: &piece)
        }

        /// Checks that the body did not end in the middle of a member.
        package mutating func finish() throws(IntakeError) {
            guard !isInMember, memberCount > 0, consumedByteCount == input.count else {
                throw .malformed("gzip: unexpected EOF")
            }
        }

        /// As `next`, but behind what `out` holds.
        mutating func appendNext(to out: inout [UInt8]) throws(IntakeError) -> Bool {
            while true {
                if !isInMember {
                    guard consumedByteCount < input.count else { return false }
                    if memberCount > 0 { inflateReset(stream) }
                    memberCount += 1
                    isInMember = true
                }
                let (consumed, produced) = try step()
                if produced > 0 {
                    out.append(contentsOf: UnsafeBufferPointer(rebasing: room[..<produced]))
                    return true
                }
                guard consumed > 0 || !isInMember else { return false }
            }
        }

        /// Lets zlib work once: how many bytes it took and gave.
        private mutating func step() throws(IntakeError) -> (consumed: Int, produced: Int) {
            let given = min(input.count - consumedByteCount, pieceByteCount)
            // One byte more than allowed may come out, to see that there is more.
            let left = limit - producedByteCount
            let asked = left < room.count ? left + 1 : room.count
            stream.pointee.next_out = room.baseAddress
            stream.pointee.avail_out = UInt32(asked)
            stream.pointee.avail_in = UInt32(given)
            let stream = stream
            let offset = consumedByteCount
            let status = input.withUnsafeBufferPointer { bytes in
                // zlib does not write through the pointer to its input.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress.map { $0 + offset })
                return inflate(stream, Z_NO_FLUSH)
            }
            let consumed = given - Int(stream.pointee.avail_in)
            let produced = asked - Int(stream.pointee.avail_out)
            consumedByteCount += consumed
            totalConsumedByteCount += consumed
            producedByteCount += produced
            switch status {
            case Z_OK, Z_BUF_ERROR: break
            case Z_STREAM_END: isInMember = false
            default:
                let detail = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)"
                throw .malformed("gzip: corrupt input (\(detail))")
            }
            if producedByteCount > limit { throw .tooLarge(limitName: limitName, limit: limit) }
            if producedByteCount > ratioFromBytes, producedByteCount / ratioLimit > totalConsumedByteCount {
                throw .tooLarge(limitName: "gzip_ratio", limit: ratioLimit)
            }
            return (consumed, produced)
        }
    }
}
