/// Memory of one head: taken in pieces, given back all at once.
///
/// Pieces never move, so what a reader knows of stays where it is while writers take more.
@safe struct HeadMemory {
    private static let leastBlock = 4 << 10
    private static let mostBlock = 1 << 20
    /// How many bytes behind any piece may be read.
    private static let slackByteCount = 16

    private var blocks: [UnsafeMutableRawPointer] = unsafe []
    private var next: UnsafeMutableRawPointer?
    private var left = 0
    /// The size of all blocks in bytes.
    private(set) var byteCount = 0

    /// No memory.
    init() {}

    /// Takes `count` bytes at any address.
    @inline(__always)
    @unsafe mutating func take(_ count: Int) -> UnsafeMutableRawPointer {
        if count > left { unsafe addBlock(holding: count) }
        guard let piece = unsafe next else { preconditionFailure("BUG: no block") }
        unsafe next = piece + count
        left &-= count
        return unsafe piece
    }

    /// Takes memory for `count` values, at an address for them; they are not initialised.
    @unsafe mutating func take<Value: BitwiseCopyable>(
        _ count: Int,
        of _: Value.Type
    ) -> UnsafeMutablePointer<Value> {
        let alignment = MemoryLayout<Value>.alignment
        let piece = unsafe take(count * MemoryLayout<Value>.stride + alignment - 1)
        return unsafe piece.alignedUp(for: Value.self).bindMemory(to: Value.self, capacity: count)
    }

    /// Gives everything back.
    @unsafe mutating func free() {
        while let block = unsafe blocks.popLast() { unsafe block.deallocate() }
        unsafe blocks = []
        unsafe next = nil
        left = 0
        byteCount = 0
    }

    @inline(never)
    @unsafe private mutating func addBlock(holding count: Int) {
        // The first blocks are small, so that a small store stays small.
        let usual = min(HeadMemory.mostBlock, max(HeadMemory.leastBlock, byteCount))
        let size = max(usual, count)
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: size + HeadMemory.slackByteCount,
            alignment: 16
        )
        unsafe blocks.append(block)
        unsafe next = block
        left = size
        byteCount += size + HeadMemory.slackByteCount
    }
}
