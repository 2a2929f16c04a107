import Model

#if canImport(Glibc)
import Glibc
#endif

/// How clients spell the labels of a head's series, as bytes, up to a limit.
@safe struct HeadSpellings {
    @safe private struct Spelling: BitwiseCopyable {
        let start: UnsafeRawPointer
        let count: Int
    }

    private var spellings = StableBuffer<Spelling>()
    private var memory = HeadMemory()
    /// The type of the spelling that is remembered; another one means something else by the same bytes.
    private var kind: ObjectIdentifier?
    private let mostBytes: Int

    /// No spellings.
    ///
    /// None is added once they take `mostBytes` and a block; series that come later are recognised by their
    /// labels.
    init(mostBytes: Int = 32 << 20) {
        self.mostBytes = mostBytes
    }

    /// The memory that they take in bytes.
    var byteCount: Int { spellings.byteCount + memory.byteCount }

    /// Whether the spelling is of the kind that is remembered, which the first one that is not packed is.
    mutating func isOfKind(_ spelling: any LabelSpelling) -> Bool {
        if spelling === PackedSpelling.shared { return false }
        let kind = self.kind ?? ObjectIdentifier(type(of: spelling))
        self.kind = kind
        return kind == ObjectIdentifier(type(of: spelling))
    }

    /// Whether the spelling with the number `number` has these bytes.
    @inline(__always)
    func isEqual(_ number: UInt32, _ spelled: UnsafeRawBufferPointer) -> Bool {
        let known = spellings[Int(number)]
        guard known.count == spelled.count, let start = spelled.baseAddress else { return false }
        return unsafe memcmp(known.start, start, known.count) == 0
    }

    /// Adds a spelling: its number, or nil if there is no more room.
    mutating func add(_ spelled: UnsafeRawBufferPointer) -> UInt32? {
        guard byteCount + spelled.count <= mostBytes, let start = spelled.baseAddress
        else { return nil }
        let copy = unsafe memory.take(spelled.count)
        unsafe copy.copyMemory(from: start, byteCount: spelled.count)
        unsafe spellings.append(Spelling(start: copy, count: spelled.count))
        return UInt32(truncatingIfNeeded: spellings.count - 1)
    }

    /// Gives all memory back.
    @unsafe mutating func free() {
        unsafe memory.free()
        unsafe spellings.free()
    }
}
