/// Rising lists of series numbers, as differences in a few bytes each.
///
/// A list is a chain of blocks of 8, 16, ... 256 bytes: the number of the next block in four bytes, then
/// differences to the number before as LEB128 varints. Differences are at least 1, so a 0 says that the rest
/// of the block is empty.
@safe struct HeadPostings {
    private struct List: BitwiseCopyable {
        var count: UInt32
        var last: UInt32
        var firstBlock: UInt32
        var lastBlock: UInt32
        /// Where the next number goes in the last block, and the size of that block, in bytes.
        var position: UInt16
        var size: UInt16
    }

    private static let leastSize = 8
    private static let mostSize = 256
    private static let headSize = 4

    private var lists = StableBuffer<List>()
    private var memory = StableBuffer<UInt64>()

    /// No lists.
    init() {}

    /// The memory of all lists in bytes.
    var byteCount: Int { lists.byteCount + memory.byteCount }

    /// Makes a list of numbers behind `first`, which is not in it; the number of the list.
    mutating func makeList(behind first: UInt32) -> Int {
        let block = makeBlock(HeadPostings.leastSize)
        lists.append(
            List(
                count: 0,
                last: first,
                firstBlock: block,
                lastBlock: block,
                position: UInt16(HeadPostings.headSize),
                size: UInt16(HeadPostings.leastSize)
            )
        )
        return lists.count - 1
    }

    /// Adds a number that is larger than those before to a list.
    @inline(__always)
    mutating func append(_ series: UInt32, to list: Int) {
        let list = unsafe lists.pointer(at: list)
        let difference = unsafe series &- list.pointee.last
        unsafe list.pointee.last = series
        unsafe list.pointee.count &+= 1
        let position = Int(unsafe list.pointee.position)
        if difference < 0x80, unsafe position < Int(list.pointee.size) {
            let block = unsafe bytes(of: list.pointee.lastBlock)
            unsafe block.storeBytes(
                of: UInt8(truncatingIfNeeded: difference),
                toByteOffset: position,
                as: UInt8.self
            )
            unsafe list.pointee.position &+= 1
        } else {
            unsafe appendLong(difference, list)
        }
    }

    /// The number of numbers in a list.
    func count(of list: Int) -> Int { Int(lists[list].count) }

    /// Calls `body` with the numbers of a list behind `first` in order, until it returns false.
    @inline(__always)
    func forEach(_ list: Int, behind first: UInt32, _ body: (UInt32) -> Bool) {
        let list = lists[list]
        var block = unsafe bytes(of: list.firstBlock)
        var size = HeadPostings.leastSize
        var position = HeadPostings.headSize
        var number = first
        var left = list.count
        while left > 0 {
            var difference: UInt32 = 0
            if position < size {
                difference = UInt32(unsafe block.load(fromByteOffset: position, as: UInt8.self))
            }
            if difference == 0 {
                unsafe block = bytes(of: block.load(as: UInt32.self))
                size = min(size &* 2, HeadPostings.mostSize)
                position = HeadPostings.headSize
                continue
            }
            position &+= 1
            if difference >= 0x80 {
                difference &= 0x7f
                var shift: UInt32 = 7
                while true {
                    let byte = UInt32(unsafe block.load(fromByteOffset: position, as: UInt8.self))
                    position &+= 1
                    difference |= (byte & 0x7f) &<< shift
                    if byte < 0x80 { break }
                    shift &+= 7
                }
            }
            number &+= difference
            left &-= 1
            if !body(number) { return }
        }
    }

    /// Gives all memory back.
    @unsafe mutating func free() {
        unsafe lists.free()
        unsafe memory.free()
    }

    // MARK: - Private

    @inline(never)
    private mutating func appendLong(_ difference: UInt32, _ list: UnsafeMutablePointer<List>) {
        let byteCount = max(1, (38 - difference.leadingZeroBitCount) / 7)
        if unsafe Int(list.pointee.position) + byteCount > Int(list.pointee.size) {
            let size = min(Int(unsafe list.pointee.size) * 2, HeadPostings.mostSize)
            let next = makeBlock(size)
            unsafe bytes(of: list.pointee.lastBlock).storeBytes(of: next, as: UInt32.self)
            unsafe list.pointee.lastBlock = next
            unsafe list.pointee.position = UInt16(HeadPostings.headSize)
            unsafe list.pointee.size = UInt16(size)
        }
        let block = unsafe bytes(of: list.pointee.lastBlock)
        var position = Int(unsafe list.pointee.position)
        var rest = difference
        while rest >= 0x80 {
            unsafe block.storeBytes(
                of: UInt8(truncatingIfNeeded: rest) | 0x80,
                toByteOffset: position,
                as: UInt8.self
            )
            position += 1
            rest >>= 7
        }
        unsafe block.storeBytes(of: UInt8(rest), toByteOffset: position, as: UInt8.self)
        unsafe list.pointee.position = UInt16(position + 1)
    }

    private mutating func makeBlock(_ size: Int) -> UInt32 {
        let words = size / MemoryLayout<UInt64>.stride
        let start = memory.take(words)
        unsafe memory.pointer(at: start).initialize(repeating: 0, count: words)
        precondition(start <= Int(UInt32.max), "BUG: an index of more than 32 GiB")
        return UInt32(start)
    }

    @inline(__always)
    private func bytes(of block: UInt32) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(memory.pointer(at: Int(block)))
    }
}
