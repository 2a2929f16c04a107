/// Appends bits to bytes, the lowest first.
struct BitWriter {
    private(set) var bytes: [UInt8] = []
    private var pending: UInt64 = 0
    private var pendingCount = 0

    /// Appends the lowest `count` (at most 32) bits of `value`, which has no others.
    @inline(__always)
    mutating func put(_ value: UInt64, count: Int) {
        pending |= value &<< UInt64(truncatingIfNeeded: pendingCount)
        pendingCount &+= count
        while pendingCount >= 8 {
            bytes.append(UInt8(truncatingIfNeeded: pending))
            pending &>>= 8
            pendingCount &-= 8
        }
    }

    /// Fills the last byte with zeros and hands over all bytes.
    mutating func finish() -> [UInt8] {
        if pendingCount > 0 { bytes.append(UInt8(truncatingIfNeeded: pending)) }
        return bytes
    }
}

/// Reads bits from bytes, the lowest first; behind the end it reads zeros and knows that it did.
struct BitCursor {
    /// How many bits `peek` shows at least.
    static let peekedCount: UInt64 = 57

    private let start: UnsafePointer<UInt8>
    private let byteCount: Int
    /// The number of bits read.
    private(set) var position = 0

    /// A cursor over `byteCount` bytes.
    init(_ start: UnsafePointer<UInt8>, byteCount: Int) {
        self.start = start
        self.byteCount = byteCount
    }

    /// Whether it has read behind the end.
    @inline(__always)
    var isBehindEnd: Bool { position > byteCount &* 8 }

    /// The number of bytes that have been read, a part of one counted as one.
    var readByteCount: Int { (position &+ 7) / 8 }

    /// The next 57 bits or more, without moving on.
    @inline(__always)
    func peek() -> UInt64 {
        let index = position &>> 3
        let shift = UInt64(truncatingIfNeeded: position & 7)
        if index &+ 8 <= byteCount {
            let word = UnsafeRawPointer(start + index).loadUnaligned(as: UInt64.self)
            return UInt64(littleEndian: word) &>> shift
        }
        return peekAtEnd(index) &>> shift
    }

    /// Moves on by `count` bits.
    @inline(__always)
    mutating func skip(_ count: Int) { position &+= count }

    /// Reads `count` (at most 62) bits.
    @inline(__always)
    mutating func read(_ count: Int) -> UInt64 {
        if count <= 48 {
            let bits = peek() & (1 &<< UInt64(truncatingIfNeeded: count) &- 1)
            position &+= count
            return bits
        }
        let low = read(32)
        return low | read(count &- 32) &<< 32
    }

    @inline(never)
    private func peekAtEnd(_ index: Int) -> UInt64 {
        var word: UInt64 = 0
        var shift: UInt64 = 0
        var next = index
        while next < byteCount {
            word |= UInt64(start[next]) &<< shift
            shift &+= 8
            next &+= 1
        }
        return word
    }
}
