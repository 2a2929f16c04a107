/// A list of plain values that grows and never moves them.
///
/// The values lie in blocks, each twice as large as the one before. A copy of the list shares the values that
/// were there when it was made, so a reader may go on with a copy while a writer adds more. Indices are not
/// checked; whoever uses the list keeps within `count`. It is freed by `free` only.
@safe struct StableBuffer<Element: BitwiseCopyable> {
    private static var firstShift: Int { 4 }

    private var blocks: [UnsafeMutablePointer<Element>] = unsafe []
    /// The number of values, those that `take` skipped counted.
    private(set) var count = 0
    private var capacity = 0

    /// An empty list.
    init() {}

    /// The memory of what is in use, in bytes.
    var byteCount: Int { unsafe count * MemoryLayout<Element>.stride + blocks.count * 16 }

    /// Where the value at `index` is.
    @inline(__always)
    func pointer(at index: Int) -> UnsafeMutablePointer<Element> {
        // Blocks have 16, 32, 64, ... values, so the highest bit of `index + 16` tells the block.
        let place = index &+ 1 &<< StableBuffer.firstShift
        let top = Int.bitWidth &- 1 &- place.leadingZeroBitCount
        return unsafe blocks[top &- StableBuffer.firstShift] + (place & ~(1 &<< top))
    }

    /// The value at `index`.
    @inline(__always)
    subscript(index: Int) -> Element {
        unsafe pointer(at: index).pointee
    }

    /// Adds a value.
    @inline(__always)
    mutating func append(_ element: Element) {
        if count == capacity { addBlock() }
        unsafe pointer(at: count).initialize(to: element)
        count &+= 1
    }

    /// Takes `length` values that lie behind each other, not initialised: the index of the first.
    mutating func take(_ length: Int) -> Int {
        while capacity - count < length {
            count = capacity
            addBlock()
        }
        defer { count += length }
        return count
    }

    /// Gives all memory back; nothing may be done with the list or its copies after.
    @unsafe mutating func free() {
        while let block = unsafe blocks.popLast() { unsafe block.deallocate() }
        unsafe blocks = []
        count = 0
        capacity = 0
    }

    @inline(never)
    private mutating func addBlock() {
        let size = unsafe 1 << (StableBuffer.firstShift + blocks.count)
        unsafe blocks.append(.allocate(capacity: size))
        capacity += size
    }
}
