import Glibc

/// The handle that writes packed label sets one after the other into memory that is large enough for all of
/// them.
///
/// The memory has `PaddedBytes.slackByteCount` bytes more than the message that is read. Packed labels are
/// never longer than the fields they come from, so nothing is written behind its end; `reserve` checks that
/// per series.
struct PackedLabelOutput {
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    /// How many bytes are written; set it back to forget the last series.
    var count = 0

    /// An output into `memory`, uninitialised; nil if there is none.
    init?(_ memory: UnsafeMutableBufferPointer<UInt8>) {
        guard let start = memory.baseAddress else { return nil }
        base = UnsafeMutableRawPointer(start)
        capacity = memory.count
    }

    /// Checks that label fields of a message of `byteCount` bytes will fit.
    @inline(__always)
    func reserve(_ byteCount: Int) {
        precondition(
            byteCount <= capacity &- count &- PaddedBytes.slackByteCount,
            "BUG: packed labels outgrow their message"
        )
    }

    /// Appends the length and the bytes of one name or value; the source has slack behind it.
    @inline(__always)
    mutating func appendField(_ source: UnsafeRawPointer, _ length: Int) {
        if length < 0x80 {
            base.storeBytes(of: UInt8(truncatingIfNeeded: length), toByteOffset: count, as: UInt8.self)
            count &+= 1
        } else {
            appendLongLength(length)
        }
        if length <= 32 {
            let target = base + count
            target.storeBytes(of: source.loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
            if length > 16 {
                target.storeBytes(
                    of: source.loadUnaligned(fromByteOffset: 16, as: SIMD16<UInt8>.self),
                    toByteOffset: 16,
                    as: SIMD16<UInt8>.self
                )
            }
        } else {
            memcpy(base + count, source, length)
        }
        count &+= length
    }

    /// Appends a whole packed label set.
    mutating func append(packed: [UInt8]) {
        reserve(packed.count)
        packed.withUnsafeBytes {
            (base + count).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: $0.count)
        }
        count &+= packed.count
    }

    /// Whether no byte from `start` on has its high bit set.
    @inline(__always)
    func isASCII(from start: Int) -> Bool {
        var at = start
        var bits = SIMD16<UInt8>(repeating: 0)
        while count &- at >= 16 {
            bits |= (base + at).loadUnaligned(as: SIMD16<UInt8>.self)
            at &+= 16
        }
        var rest: UInt8 = 0
        if count &- start >= 16 {
            bits |= (base + (count &- 16)).loadUnaligned(as: SIMD16<UInt8>.self)
        } else {
            while at < count {
                rest |= base.load(fromByteOffset: at, as: UInt8.self)
                at &+= 1
            }
        }
        let halves = unsafeBitCast(bits, to: SIMD2<UInt64>.self)
        return (halves[0] | halves[1]) & 0x8080_8080_8080_8080 == 0 && rest < 0x80
    }

    private mutating func appendLongLength(_ length: Int) {
        var rest = length
        while rest >= 0x80 {
            base.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
            count &+= 1
            rest >>= 7
        }
        base.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
        count &+= 1
    }
}
