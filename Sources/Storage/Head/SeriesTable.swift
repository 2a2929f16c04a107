import Model

/// From packed label sets to series: an open-addressing table over the bytes.
///
/// Writers send the same series in the same order again and again, so each series remembers which one
/// followed it: a look-up first compares the bytes of that one, without hashing. Hashes are seeded per
/// process.
struct SeriesTable: Sendable {
    /// One series.
    struct Entry: Sendable {
        /// Its labels.
        let labels: Labels
        /// Its id.
        let id: SeriesID
        /// The number of the log file that last explained it; 0 for none.
        var definedInLog: UInt64 = 0
        /// How long its samples are kept, in milliseconds; nil for ever.
        var retentionMillis: Int64?
        /// The slot of the series that came after it.
        fileprivate var follower: Int32 = -1
        fileprivate let hash: UInt64
    }

    private var entries: [Entry] = []
    private var slots: [Int32]
    private var slotOfID: [SeriesID: Int32] = [:]
    private let seed = UInt64.random(in: .min ... .max)

    /// A table without series.
    init() {
        slots = [Int32](repeating: -1, count: 1024)
    }

    /// The number of series.
    var count: Int { entries.count }
    /// All series, in no particular order.
    var all: [Entry] { entries }

    /// The series at `index`, from `find` or `add`; valid until series are removed.
    subscript(index: Int) -> Entry {
        get { entries[index] }
        _modify { yield &entries[index] }
    }

    /// The index of the series with this id.
    func index(of id: SeriesID) -> Int? {
        slotOfID[id].map(Int.init)
    }

    /// The index of the series that followed `previous` last time, if it is the one at `position` of `batch`.
    ///
    /// `spelling` is that of the batch, which the caller takes out of it once.
    func guess(
        _ batch: SampleBatch,
        _ position: Int,
        _ spelling: any LabelSpelling,
        after previous: Int?
    ) -> Int? {
        guard let previous else { return nil }
        let guess = Int(entries[previous].follower)
        guard guess >= 0 else { return nil }
        let range = batch.series[position].labels
        let isSame = unsafe batch.labelBytes.withUnsafeBytes { bytes in
            unsafe entries[guess].labels.packed.withUnsafeBytes { packed in
                unsafe spelling.isEqual(UnsafeRawBufferPointer(rebasing: bytes[range]), packed: packed)
            }
        }
        return isSame ? guess : nil
    }

    /// The index of the series with these labels; it follows `previous`, the index found before it.
    mutating func find(_ labels: Labels, after previous: Int?) -> Int? {
        let packed = labels.packed
        let hash = hash(packed)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if entries[index].hash == hash, entries[index].labels == labels {
                if let previous { entries[previous].follower = Int32(index) }
                return index
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Adds a series that is not in the table and gives its index.
    mutating func add(_ id: SeriesID, _ labels: Labels, retentionMillis: Int64?) -> Int {
        if (entries.count + 1) * 2 > slots.count { rehash(slots.count * 2) }
        let hash = hash(labels.packed)
        entries.append(Entry(labels: labels, id: id, retentionMillis: retentionMillis, hash: hash))
        place(entries.count - 1)
        slotOfID[id] = Int32(entries.count - 1)
        return entries.count - 1
    }

    /// Removes series; indices change.
    mutating func remove(_ ids: Set<SeriesID>) {
        guard !ids.isEmpty else { return }
        entries.removeAll { ids.contains($0.id) }
        slotOfID.removeAll(keepingCapacity: true)
        for index in entries.indices {
            entries[index].follower = -1
            slotOfID[entries[index].id] = Int32(index)
        }
        rehash(slots.count)
    }

    // MARK: - Private

    private mutating func rehash(_ capacity: Int) {
        slots = [Int32](repeating: -1, count: capacity)
        for index in entries.indices { place(index) }
    }

    private mutating func place(_ index: Int) {
        var slot = Int(truncatingIfNeeded: entries[index].hash) & (slots.count - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(index)
    }

    /// A seeded multiply-and-fold hash, 8 bytes a step.
    ///
    /// Source: the scheme of wyhash (Wang Yi), simplified.
    private func hash(_ bytes: [UInt8]) -> UInt64 {
        unsafe bytes.withUnsafeBytes { buffer in
            var state = seed ^ UInt64(buffer.count)
            var position = 0
            while buffer.count - position >= 8 {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                state = fold(state ^ word, 0xa076_1d64_78bd_642f)
                position += 8
            }
            var tail: UInt64 = 0
            while position < buffer.count {
                tail = tail << 8 | UInt64(unsafe buffer[position])
                position += 1
            }
            return fold(state ^ tail, 0xe703_7ed1_a0b4_28db)
        }
    }

    private func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right | 1)
        return product.high ^ product.low
    }
}
