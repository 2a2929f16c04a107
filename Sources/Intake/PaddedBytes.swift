/// Bytes in memory of their own with room behind them, so that a decoder may load or store a few too many.
///
/// The room is `slackByteCount` bytes, zero at first; nothing that is read from it counts.
struct PaddedBytes: ~Copyable {
    /// How many bytes behind the content may be touched.
    static let slackByteCount = 64

    /// The number of bytes of the content.
    let count: Int
    private let base: UnsafeMutableRawPointer

    /// Memory for `count` bytes that `fill` writes; it returns false if it could not, then this is nil.
    init?(count: Int, filledBy fill: (UnsafeMutableRawPointer) -> Bool) {
        self.count = count
        base = .allocate(byteCount: count + PaddedBytes.slackByteCount, alignment: 16)
        base.advanced(by: count).initializeMemory(
            as: UInt8.self,
            repeating: 0,
            count: PaddedBytes.slackByteCount
        )
        guard fill(base) else { return nil }
    }

    deinit {
        base.deallocate()
    }

    /// Calls `body` with the content; the pointer is good until it returns.
    borrowing func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: base, count: count))
    }
}
