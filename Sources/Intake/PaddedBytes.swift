/// Bytes with room behind them, so that a decoder may load or store a few too many.
///
/// The room is `slackByteCount` bytes, zero at first; nothing that is read from it counts.
struct PaddedBytes {
    /// How many bytes behind the content may be touched.
    static let slackByteCount = 64

    /// The number of bytes of the content.
    let count: Int
    /// The content and the room behind it.
    let bytes: [UInt8]

    /// `count` bytes that `fill` writes; it returns false if it could not, then this is nil.
    init?(count: Int, filledBy fill: (UnsafeMutableRawPointer) -> Bool) {
        var isFilled = false
        let capacity = count + PaddedBytes.slackByteCount
        self.count = count
        bytes = [UInt8](unsafeUninitializedCapacity: capacity) { memory, initializedCount in
            guard let base = memory.baseAddress else { return }
            (base + count).initialize(repeating: 0, count: PaddedBytes.slackByteCount)
            isFilled = fill(UnsafeMutableRawPointer(base))
            initializedCount = isFilled ? capacity : 0
        }
        guard isFilled else { return nil }
    }

    /// Calls `body` with the content; the pointer is good until it returns.
    func withBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try bytes.withUnsafeBytes { all in
            Result { () throws(Failure) in try body(UnsafeRawBufferPointer(rebasing: all.prefix(count))) }
        }.get()
    }
}
