/// A cursor over bytes from a file, a log or the network that never reads behind their end.
///
/// A read that throws leaves the cursor where it was, but for a varint, of which it may have passed a part.
public struct ByteReader: Sendable {
    @usableFromInline let bytes: ArraySlice<UInt8>
    /// The index of the next byte.
    @usableFromInline var position: Int

    /// A cursor at the start of `bytes`.
    @inlinable
    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// A cursor at the start of `bytes`.
    @inlinable
    public init(_ bytes: [UInt8]) {
        self.init(bytes[...])
    }

    /// How many bytes have been read.
    @inlinable
    public var offset: Int { position &- bytes.startIndex }
    /// How many bytes are left.
    @inlinable
    public var remainingCount: Int { bytes.endIndex &- position }
    /// Whether all bytes have been read.
    @inlinable
    public var isAtEnd: Bool { position >= bytes.endIndex }
    /// The bytes that are left, as a slice that shares their memory.
    public var remaining: ArraySlice<UInt8> { bytes[position...] }

    /// Reads one byte.
    @inlinable
    public mutating func readUInt8() throws(CodecError) -> UInt8 {
        guard position < bytes.endIndex else { throw .truncated(neededBytes: 1, availableBytes: 0) }
        let byte = bytes[position]
        position &+= 1
        return byte
    }

    /// Reads two bytes, lowest first.
    @inlinable
    public mutating func readUInt16() throws(CodecError) -> UInt16 {
        try readFixedWidth()
    }

    /// Reads four bytes, lowest first.
    @inlinable
    public mutating func readUInt32() throws(CodecError) -> UInt32 {
        try readFixedWidth()
    }

    /// Reads eight bytes, lowest first.
    @inlinable
    public mutating func readUInt64() throws(CodecError) -> UInt64 {
        try readFixedWidth()
    }

    /// Reads an unsigned varint (`uv`).
    @inlinable
    public mutating func readVarint() throws(CodecError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try readUInt8()
            if shift == 63 && byte > 1 { throw .varintTooLong }
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { return value }
            shift &+= 7
        }
    }

    /// Reads a zigzag varint (`zv`).
    @inlinable
    public mutating func readSignedVarint() throws(CodecError) -> Int64 {
        Varint.unzigzag(try readVarint())
    }

    /// Appends `count` (not negative) zigzag varints that follow each other to `integers`.
    ///
    /// After an error `integers` may have a part of them.
    public mutating func readSignedVarints(count: Int, into integers: inout [Int64]) throws(CodecError) {
        // Each takes a byte at least.
        guard count <= remainingCount else {
            throw .truncated(neededBytes: count, availableBytes: remainingCount)
        }
        var reader = self
        try integers.append(addingCapacity: count) { (span: inout OutputSpan<Int64>) throws(CodecError) in
            for _ in 0..<count { span.append(try reader.readSignedVarint()) }
        }
        position = reader.position
    }

    /// Reads an unsigned varint that is a count or size of at most `limit`.
    @inlinable
    public mutating func readCount(limit: Int) throws(CodecError) -> Int {
        let stored = try readVarint()
        guard let count = Int(exactly: stored), count <= limit else {
            throw .tooLarge(stored: stored, limit: limit)
        }
        return count
    }

    /// Reads `count` bytes, as a slice that shares their memory.
    @inlinable
    public mutating func readBytes(count: Int) throws(CodecError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remainingCount else {
            throw .truncated(neededBytes: count, availableBytes: remainingCount)
        }
        let start = position
        position &+= count
        return bytes[start..<position]
    }

    /// Moves `count` bytes ahead.
    @inlinable
    public mutating func skip(count: Int) throws(CodecError) {
        _ = try readBytes(count: count)
    }

    /// Throws if bytes are left.
    @inlinable
    public func expectEnd() throws(CodecError) {
        guard isAtEnd else { throw .trailingBytes(count: remainingCount) }
    }

    @inlinable
    mutating func readFixedWidth<Integer: FixedWidthInteger>() throws(CodecError) -> Integer {
        let size = MemoryLayout<Integer>.size
        guard size <= remainingCount else {
            throw .truncated(neededBytes: size, availableBytes: remainingCount)
        }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Integer.self) }
        position &+= size
        return Integer(littleEndian: value)
    }
}
