#if canImport(Glibc)
import Glibc
#endif

/// Different texts, each with a number in the order in which they came: the names of labels, or the values of
/// one label.
///
/// An open-addressing table over the bytes, which stay where they are: inside packed label sets.
@safe struct HeadTexts {
    /// One text, and the series that have it.
    @safe struct Entry: BitwiseCopyable {
        /// Where the text is: at its length, as in a packed label set.
        let field: UnsafeRawPointer
        /// The first series.
        let first: UInt32
        /// One more than the list of the series behind the first; 0 if there are none.
        var list: UInt32 = 0

        /// The text.
        var text: UnsafeRawBufferPointer { unsafe PackedField(field).text }
    }

    /// The texts by number; copies of it stay readable while texts are added.
    private(set) var entries = StableBuffer<Entry>()
    /// 0 for none; else one more than a number in the lower `slotBits` bits, and bits of the hash above.
    private var slots: UnsafeMutablePointer<UInt32>
    private var slotBits = 3

    /// No texts.
    init() {
        unsafe slots = HeadTexts.makeSlots(8)
    }

    /// The number of texts.
    var count: Int { entries.count }
    /// The memory that it takes in bytes.
    var byteCount: Int { entries.byteCount + MemoryLayout<UInt32>.stride << slotBits }

    /// The number of the text, or nil.
    @inline(__always)
    func find(_ text: UnsafeRawBufferPointer, _ hash: UInt64) -> Int? {
        let mask = UInt32(truncatingIfNeeded: 1 &<< slotBits &- 1)
        let tag = UInt32(truncatingIfNeeded: hash) & ~mask
        var place = UInt32(truncatingIfNeeded: hash &>> 32) & mask
        while true {
            let slot = unsafe slots[Int(place)]
            if slot == 0 { return nil }
            if slot & ~mask == tag {
                let number = Int(slot & mask) &- 1
                if unsafe HeadTexts.isEqual(entries[number].text, text) { return number }
            }
            place = (place &+ 1) & mask
        }
    }

    /// Whether the text with this number is `text`.
    @inline(__always)
    func isEqual(_ number: Int, _ text: UnsafeRawBufferPointer) -> Bool {
        unsafe HeadTexts.isEqual(entries[number].text, text)
    }

    /// Adds a text that is not there; its number.
    mutating func add(_ field: PackedField, _ hash: UInt64, first: UInt32, seed: UInt64) -> Int {
        if (count + 1) * 3 > 2 << slotBits { grow(seed: seed) }
        unsafe entries.append(Entry(field: field.start, first: first))
        put(count - 1, hash)
        return count - 1
    }

    /// The hash of a text: multiply and fold, 8 bytes a step.
    ///
    /// Source: the scheme of wyhash (Wang Yi), simplified.
    @inline(__always)
    static func hash(_ text: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        var state = seed ^ UInt64(truncatingIfNeeded: text.count)
        var position = 0
        while text.count &- position >= 8 {
            let word = unsafe text.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            state = fold(state ^ word, 0xa076_1d64_78bd_642f)
            position &+= 8
        }
        var tail: UInt64 = 0
        while position < text.count {
            tail = tail &<< 8 | UInt64(unsafe text[position])
            position &+= 1
        }
        return fold(state ^ tail, 0xe703_7ed1_a0b4_28db)
    }

    /// Gives all memory back.
    @unsafe mutating func free() {
        unsafe entries.free()
        unsafe slots.deallocate()
    }

    /// Whether two texts are the same.
    @inline(__always)
    static func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        guard let one = left.baseAddress, let other = right.baseAddress else { return true }
        return unsafe memcmp(one, other, left.count) == 0
    }

    // MARK: - Private

    private mutating func grow(seed: UInt64) {
        unsafe slots.deallocate()
        slotBits += 1
        precondition(slotBits < 32, "BUG: too many texts")
        unsafe slots = HeadTexts.makeSlots(1 << slotBits)
        for number in 0..<count { put(number, unsafe HeadTexts.hash(entries[number].text, seed: seed)) }
    }

    private func put(_ number: Int, _ hash: UInt64) {
        let mask = UInt32(truncatingIfNeeded: 1 << slotBits - 1)
        var place = UInt32(truncatingIfNeeded: hash >> 32) & mask
        while unsafe slots[Int(place)] != 0 { place = (place + 1) & mask }
        unsafe slots[Int(place)] = UInt32(truncatingIfNeeded: hash) & ~mask | UInt32(number + 1)
    }

    private static func makeSlots(_ count: Int) -> UnsafeMutablePointer<UInt32> {
        let slots = UnsafeMutablePointer<UInt32>.allocate(capacity: count)
        unsafe slots.initialize(repeating: 0, count: count)
        return unsafe slots
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right | 1)
        return product.high ^ product.low
    }
}
