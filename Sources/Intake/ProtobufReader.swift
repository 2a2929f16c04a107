/// The number and the wire type of a protobuf field, as it is written in front of it.
struct ProtobufTag: Hashable {
    /// `field number << 3 | wire type`.
    let rawValue: UInt64

    var field: UInt64 { rawValue >> 3 }
    var wireType: UInt64 { rawValue & 7 }

    /// A varint field.
    static func varint(_ field: UInt64) -> ProtobufTag { ProtobufTag(rawValue: field << 3) }
    /// A field of eight bytes.
    static func fixed64(_ field: UInt64) -> ProtobufTag { ProtobufTag(rawValue: field << 3 | 1) }
    /// A field with a length: bytes, a string or a message.
    static func bytes(_ field: UInt64) -> ProtobufTag { ProtobufTag(rawValue: field << 3 | 2) }
}

/// Steps through the fields of one protobuf message, every step checked against the message's end.
///
/// It is the handle that touches the memory: `base` is the start of `PaddedBytes`, the message lies at
/// `position..<end` in it, so loads of 8 bytes that start before `end` stay inside the slack. Good only
/// inside the closure of `PaddedBytes.withBytes`.
///
/// Source: https://protobuf.dev/programming-guides/encoding/
struct ProtobufReader {
    private let base: UnsafeRawPointer
    /// Where the next field starts, as an offset into the whole of the bytes.
    private(set) var position: Int
    /// Where the message ends.
    let end: Int

    /// A reader of the message that fills `bytes`, which are those of a `PaddedBytes`; nil if there are none.
    init?(padded bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return nil }
        self.init(base: base, position: 0, end: bytes.count)
    }

    private init(base: UnsafeRawPointer, position: Int, end: Int) {
        self.base = base
        self.position = position
        self.end = end
    }

    /// Whether all fields are read.
    @inline(__always)
    var isAtEnd: Bool { position >= end }

    /// Where the byte at `offset` lies, the start of a range that this reader or a reader inside it returned.
    @inline(__always)
    func pointer(at offset: Int) -> UnsafeRawPointer { base + offset }

    /// The bytes at `range`, which this reader or a reader inside it returned.
    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// Reads the tag of the next field.
    @inline(__always)
    mutating func tag() throws(IntakeError) -> ProtobufTag {
        let tag = ProtobufTag(rawValue: try varint())
        if tag.rawValue < 8 { throw .malformed("proto: illegal tag 0 (wire type \(tag.wireType))") }
        return tag
    }

    /// Reads a varint of up to 64 bits.
    @inline(__always)
    mutating func varint() throws(IntakeError) -> UInt64 {
        guard position < end else { throw .unexpectedEnd }
        let first = base.load(fromByteOffset: position, as: UInt8.self)
        if first < 0x80 {
            position &+= 1
            return UInt64(first)
        }
        return try longVarint()
    }

    private mutating func longVarint() throws(IntakeError) -> UInt64 {
        let (short, length) = ProtobufReader.shortVarint(base + position)
        if length > 0, length <= end &- position {
            position &+= length
            return short
        }
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = UInt64(base.load(fromByteOffset: position, as: UInt8.self))
            position &+= 1
            value |= (byte & 0x7f) &<< shift
            if byte < 0x80 { return value }
            shift &+= 7
            if shift >= 64 { throw .malformed("proto: integer overflow") }
        }
        throw .unexpectedEnd
    }

    /// Reads the length and takes the bytes of a field that has one.
    @inline(__always)
    mutating func range() throws(IntakeError) -> Range<Int> {
        let length = try varint()
        guard length <= UInt64(end &- position) else {
            if length > UInt64(Int64.max) {
                throw .malformed("proto: negative length found during unmarshaling")
            }
            throw .unexpectedEnd
        }
        let start = position
        position &+= Int(length)
        return start..<position
    }

    /// Reads a field that is a message.
    @inline(__always)
    mutating func message() throws(IntakeError) -> ProtobufReader {
        let range = try range()
        return ProtobufReader(base: base, position: range.lowerBound, end: range.upperBound)
    }

    /// Reads eight bytes.
    mutating func fixed64() throws(IntakeError) -> UInt64 {
        guard end &- position >= 8 else { throw .unexpectedEnd }
        defer { position &+= 8 }
        return UInt64(littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    /// Steps over the field whose tag was just read.
    ///
    /// Bit n of `known` is set for each field n of the
    /// message that the caller reads: that one of them comes here means its wire type is wrong.
    mutating func skip(_ tag: ProtobufTag, known: UInt64) throws(IntakeError) {
        guard known >> tag.field & 1 == 0 else {
            throw .malformed("proto: wrong wireType = \(tag.wireType) for field \(tag.field)")
        }
        switch tag.wireType {
        case 0: _ = try varint()
        case 1: _ = try fixed64()
        case 2: _ = try range()
        case 5:
            guard end &- position >= 4 else { throw .unexpectedEnd }
            position &+= 4
        default: throw .malformed("proto: illegal wireType \(tag.wireType)")
        }
    }

    /// A varint of up to 8 bytes in one load of 8 bytes at `at`; length 0 if it is longer.
    @inline(__always)
    private static func shortVarint(_ at: UnsafeRawPointer) -> (value: UInt64, length: Int) {
        var value = UInt64(littleEndian: at.loadUnaligned(as: UInt64.self))
        let stops = ~value & 0x8080_8080_8080_8080
        guard stops != 0 else { return (0, 0) }
        let length = (stops.trailingZeroBitCount &+ 1) &>> 3
        value &= (stops ^ (stops &- 1)) & 0x7f7f_7f7f_7f7f_7f7f
        value = (value & 0x007f_007f_007f_007f) | ((value & 0x7f00_7f00_7f00_7f00) &>> 1)
        value = (value & 0x0000_3fff_0000_3fff) | ((value & 0x3fff_0000_3fff_0000) &>> 2)
        value = (value & 0x0fff_ffff) | ((value & 0x0fff_ffff_0000_0000) &>> 4)
        return (value, length)
    }
}

// MARK: The two messages that make up nearly all of a write

extension ProtobufReader {
    /// Steps over the next field if it is a `Label` in field 1, and checks that message; false and no step if
    /// it is something else.
    @inline(__always)
    mutating func skipLabel() throws(IntakeError) -> Bool {
        if let (start, end) = shortMessage(field: 1) {
            if usualLabel(start: start, end: end) == nil { _ = try sub(start: start, end: end).label() }
            return true
        }
        guard position < end, base.load(fromByteOffset: position, as: UInt8.self) == 0x0a else {
            return false
        }
        position &+= 1
        _ = try message().label()
        return true
    }

    /// Reads this message as a `Label` of any shape; a name or value that is not there is empty, of a
    /// repeated one the last counts.
    func label() throws(IntakeError) -> (name: Range<Int>, value: Range<Int>) {
        var fields = self
        var name = fields.end..<fields.end
        var value = name
        while !fields.isAtEnd {
            let tag = try fields.tag()
            switch tag {
            case .bytes(1): name = try fields.range()
            case .bytes(2): value = try fields.range()
            default: try fields.skip(tag, known: 0b110)
            }
        }
        return (name, value)
    }

    /// Steps over the next field if it is a message in field `field` (< 16) with fewer than 128 bytes: where
    /// it lies; nil and no step if it is something else.
    @inline(__always)
    mutating func shortMessage(field: UInt8) -> (start: Int, end: Int)? {
        guard end &- position >= 2 else { return nil }
        let head = UInt16(littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt16.self))
        let length = Int(head &>> 8)
        guard head & 0x80ff == UInt16(field) &<< 3 | 2, length <= end &- position &- 2 else { return nil }
        let start = position &+ 2
        position = start &+ length
        return (start, position)
    }

    /// Name and value if the bytes at `start..<end` are the usual `1: name, 2: value`, both of 1...127 bytes.
    @inline(__always)
    func usualLabel(start: Int, end: Int) -> (name: Range<Int>, value: Range<Int>)? {
        let length = end &- start
        guard length >= 6, base.load(fromByteOffset: start, as: UInt8.self) == 0x0a else { return nil }
        let nameLength = Int(base.load(fromByteOffset: start &+ 1, as: UInt8.self))
        guard nameLength &- 1 < 0x7f, nameLength > 0, nameLength &+ 5 <= length else { return nil }
        let nameEnd = start &+ 2 &+ nameLength
        guard base.load(fromByteOffset: nameEnd, as: UInt8.self) == 0x12 else { return nil }
        let valueLength = Int(base.load(fromByteOffset: nameEnd &+ 1, as: UInt8.self))
        guard valueLength < 0x80, nameEnd &+ 2 &+ valueLength == end else { return nil }
        return (start &+ 2..<nameEnd, nameEnd &+ 2..<end)
    }

    /// Time and value bits if the bytes at `start..<end` are the usual `1: fixed64, 2: varint`.
    @inline(__always)
    func usualSample(start: Int, end: Int) -> (millis: Int64, bits: UInt64)? {
        guard end &- start >= 11, base.load(fromByteOffset: start, as: UInt8.self) == 0x09,
            base.load(fromByteOffset: start &+ 9, as: UInt8.self) == 0x10
        else { return nil }
        let (millis, length) = ProtobufReader.shortVarint(base + (start &+ 10))
        guard length > 0, start &+ 10 &+ length == end else { return nil }
        let bits = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: start &+ 1, as: UInt64.self))
        return (Int64(bitPattern: millis), bits)
    }

    /// A reader of the message at `start..<end`, which lies inside this one.
    func sub(start: Int, end: Int) -> ProtobufReader {
        ProtobufReader(base: base, position: start, end: end)
    }
}
