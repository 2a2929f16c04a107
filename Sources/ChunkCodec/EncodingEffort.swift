/// How hard an encoder tries to make a column small; a reader need not know.
package enum EncodingEffort: Sendable {
    /// The quick way, for samples that leave the head: two predictors, packed bits.
    case flush
    /// Everything that may help, for chunks that stay: all predictors, Huffman codes, dictionaries.
    case compaction
}

/// What a reader accepts, whatever the bytes say.
package enum ChunkLimits {
    /// The most samples of a column.
    package static let maxSampleCount = 1 << 20

    /// Stops on a bug of the caller: columns are cut long before they reach the limit.
    static func expect(sampleCount count: Int) {
        precondition(count <= maxSampleCount, "BUG: expected at most \(maxSampleCount) samples, got \(count)")
    }

    /// Throws if a column cannot have `count` samples.
    static func check(sampleCount count: Int) throws(CodecError) {
        guard count >= 0, count <= maxSampleCount else {
            throw .tooLarge(stored: UInt64(bitPattern: Int64(count)), limit: maxSampleCount)
        }
    }
}
