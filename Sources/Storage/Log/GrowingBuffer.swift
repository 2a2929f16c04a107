/// Memory for plain values that grows and is used again and again.
///
/// Reading and writing are unchecked, so that they cost nothing; whoever holds one keeps within `capacity`.
/// It is freed by `free` only.
@safe struct GrowingBuffer<Element: BitwiseCopyable> {
    /// Where the values are; not initialised until they are written.
    private(set) var base: UnsafeMutablePointer<Element>
    /// How many values there is room for.
    private(set) var capacity: Int
    private let leastCapacity: Int

    /// Room for `capacity` (at least one) values.
    init(capacity: Int) {
        unsafe base = .allocate(capacity: capacity)
        self.capacity = capacity
        leastCapacity = capacity
    }

    /// Makes room for `count` values at least, of which the first `keeping` are kept.
    @inline(never)
    mutating func grow(toHold count: Int, keeping: Int) {
        guard count > capacity else { return }
        let larger = max(count, capacity * 2)
        let copy = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        unsafe copy.update(from: base, count: keeping)
        unsafe base.deallocate()
        unsafe base = copy
        capacity = larger
    }

    /// Goes back to the size of the start if there is room for more than `count` values; they are lost.
    mutating func shrink(ifAbove count: Int) {
        guard capacity > max(count, leastCapacity) else { return }
        unsafe base.deallocate()
        unsafe base = .allocate(capacity: leastCapacity)
        capacity = leastCapacity
    }

    /// Gives the memory back; nothing may be done with the buffer after.
    @unsafe func free() {
        unsafe base.deallocate()
    }
}
