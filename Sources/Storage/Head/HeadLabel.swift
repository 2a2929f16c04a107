/// One label of a head's series: its values, and which series have them.
@safe struct HeadLabel {
    /// The values.
    private(set) var values = HeadTexts()
    /// The label that came after it in the label set before.
    var follower = -1
    private var lastValue = -1

    /// A label without values.
    init() {}

    /// Adds a series with this value.
    ///
    /// - Returns: By how many bytes the values have grown.
    @inline(__always)
    mutating func add(
        _ series: UInt32,
        _ value: PackedField,
        seed: UInt64,
        _ postings: inout HeadPostings
    ) -> Int {
        if unsafe lastValue < 0 || !values.isEqual(lastValue, value.text) {
            let hash = unsafe HeadTexts.hash(value.text, seed: seed)
            guard let known = unsafe values.find(value.text, hash) else {
                let before = values.byteCount
                lastValue = values.add(value, hash, first: series, seed: seed)
                return values.byteCount - before
            }
            lastValue = known
        }
        let entry = unsafe values.entries.pointer(at: lastValue)
        if unsafe entry.pointee.list == 0 {
            let list = postings.makeList(behind: unsafe entry.pointee.first)
            unsafe entry.pointee.list = UInt32(list + 1)
        }
        postings.append(series, to: Int(unsafe entry.pointee.list) &- 1)
        return 0
    }

    /// How many series have the value with this number.
    func seriesCount(_ value: Int, _ postings: HeadPostings) -> Int {
        let list = values.entries[value].list
        return list == 0 ? 1 : 1 + postings.count(of: Int(list) - 1)
    }

    /// Calls `body` with the series that have the value with this number in order, until it returns false.
    @inline(__always)
    func forEachSeries(_ value: Int, _ postings: HeadPostings, _ body: (UInt32) -> Bool) {
        let entry = values.entries[value]
        guard body(entry.first), entry.list > 0 else { return }
        postings.forEach(Int(entry.list) &- 1, behind: entry.first, body)
    }

    /// Gives all memory back.
    @unsafe mutating func free() {
        unsafe values.free()
    }
}
