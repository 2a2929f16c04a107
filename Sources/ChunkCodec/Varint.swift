/// Integers in as few bytes as they need: LEB128, seven bits a byte, the lowest first.
///
/// `uv` in the format pages is the unsigned form, `zv` the zigzag form for signed integers. `ByteReader`
/// reads both.
public enum Varint {
    /// The most bytes of a varint of 64 bits.
    public static let maxByteCount = 10

    /// Appends `value` in the unsigned form.
    @inlinable
    public static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a count or size, which is not negative, in the unsigned form.
    @inlinable
    public static func append(count: Int, to bytes: inout [UInt8]) {
        precondition(count >= 0, "BUG: expected a count, got \(count)")
        append(UInt64(truncatingIfNeeded: count), to: &bytes)
    }

    /// Appends `value` in the zigzag form.
    @inlinable
    public static func append(signed value: Int64, to bytes: inout [UInt8]) {
        append(zigzag(value), to: &bytes)
    }

    /// The number of bytes that `value` takes in the unsigned form, 1...10.
    @inlinable
    public static func byteCount(_ value: UInt64) -> Int {
        (70 &- (value | 1).leadingZeroBitCount) / 7
    }

    /// Maps integers of small magnitude to small ones: 0, -1, 1, -2 to 0, 1, 2, 3.
    @inlinable
    public static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value &<< 1) ^ (value &>> 63))
    }

    /// The inverse of `zigzag`.
    @inlinable
    public static func unzigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: (value &>> 1) ^ (0 &- (value & 1)))
    }
}

extension [UInt8] {
    /// Appends an integer of fixed width, lowest byte first.
    @inlinable
    package mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
