/// From label sets to the series of a head: open addressing over hashes of the packed labels.
///
/// The table outlives its head by one: the next head asks it whether a series is new.
@safe final class HeadTable: @unchecked Sendable {
    private struct Slot: BitwiseCopyable {
        var hash: UInt32
        /// One more than the series; 0 for none.
        var series: UInt32
    }

    /// What hashes begin with; the same for a head and the next one.
    let seed: UInt64
    /// The number of series.
    private(set) var count = 0
    private var slots: UnsafeMutablePointer<Slot>
    private var slotCount = 1024

    /// A table without series.
    init(seed: UInt64) {
        self.seed = seed
        unsafe slots = HeadTable.makeSlots(slotCount)
    }

    deinit {
        unsafe slots.deallocate()
    }

    /// The memory of the table in bytes.
    var byteCount: Int { slotCount * MemoryLayout<Slot>.stride }

    /// The series with this hash for which `isIt` is true, or nil.
    @inline(__always)
    func find(_ hash: UInt64, _ isIt: (UInt32) -> Bool) -> UInt32? {
        var place = Int(truncatingIfNeeded: hash &>> 32) & (slotCount &- 1)
        let short = UInt32(truncatingIfNeeded: hash)
        while true {
            let slot = unsafe slots[place]
            if slot.series == 0 { return nil }
            if slot.hash == short, isIt(slot.series &- 1) { return slot.series &- 1 }
            place = (place &+ 1) & (slotCount &- 1)
        }
    }

    /// Adds a series that is not in the table; `hashOf` gives the hash of another one.
    func add(_ series: UInt32, _ hash: UInt64, hashOf: (UInt32) -> UInt64) {
        if (count + 1) * 3 > slotCount * 2 {
            let (old, oldCount) = unsafe (slots, slotCount)
            slotCount *= 2
            unsafe slots = HeadTable.makeSlots(slotCount)
            for place in 0..<oldCount where unsafe old[place].series != 0 {
                let known = unsafe old[place].series
                put(Slot(hash: unsafe old[place].hash, series: known), hashOf(known - 1))
            }
            unsafe old.deallocate()
        }
        put(Slot(hash: UInt32(truncatingIfNeeded: hash), series: series + 1), hash)
        count += 1
    }

    /// The hash of a packed label set.
    ///
    /// A multiply-and-fold hash, 8 bytes a step. Source: the scheme of wyhash (Wang Yi), simplified.
    @inline(__always)
    func hash(_ packed: UnsafeRawBufferPointer) -> UInt64 {
        var state = seed ^ UInt64(truncatingIfNeeded: packed.count)
        var position = 0
        while packed.count &- position >= 8 {
            let word = unsafe packed.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            state = HeadTable.fold(state ^ word, 0xa076_1d64_78bd_642f)
            position &+= 8
        }
        var tail: UInt64 = 0
        while position < packed.count {
            tail = tail &<< 8 | UInt64(unsafe packed[position])
            position &+= 1
        }
        return HeadTable.fold(state ^ tail, 0xe703_7ed1_a0b4_28db)
    }

    // MARK: - Private

    private func put(_ slot: Slot, _ hash: UInt64) {
        var place = Int(truncatingIfNeeded: hash &>> 32) & (slotCount - 1)
        while unsafe slots[place].series != 0 { place = (place + 1) & (slotCount - 1) }
        unsafe slots[place] = slot
    }

    private static func makeSlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        unsafe slots.initialize(repeating: Slot(hash: 0, series: 0), count: count)
        return unsafe slots
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right | 1)
        return product.high ^ product.low
    }
}
