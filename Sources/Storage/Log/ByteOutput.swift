import ChunkCodec

/// Where bytes are written that have room for certain; may write up to 8 bytes behind the last one.
@unsafe struct ByteOutput {
    /// Where the next byte goes.
    var position: UnsafeMutablePointer<UInt8>

    /// Writes from `position` on.
    init(_ position: UnsafeMutablePointer<UInt8>) {
        unsafe self.position = position
    }

    /// Writes one byte.
    @inline(__always)
    mutating func put(byte: UInt8) {
        unsafe position.pointee = byte
        unsafe position += 1
    }

    /// Writes a varint (`uv`).
    @inline(__always)
    mutating func put(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            unsafe put(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        unsafe put(byte: UInt8(truncatingIfNeeded: rest))
    }

    /// Writes a zigzag varint (`zv`).
    @inline(__always)
    mutating func put(signed value: Int64) {
        unsafe put(Varint.zigzag(value))
    }

    /// Writes the lowest `count` (0...8) bytes of `value`, the lowest first.
    @inline(__always)
    mutating func put(low count: Int, of value: UInt64) {
        unsafe UnsafeMutableRawPointer(position).storeBytes(of: value.littleEndian, as: UInt64.self)
        unsafe position += count
    }

    /// Writes bytes as they are.
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let address = bytes.baseAddress else { return }
        unsafe UnsafeMutableRawPointer(position).copyMemory(from: address, byteCount: bytes.count)
        unsafe position += bytes.count
    }
}
