extension Array where Element == UInt8 {
    /// Appends the bytes of `other` in `range`.
    ///
    /// That is what `append(contentsOf: other[range])` does, without counting a reference to `other`.
    @inlinable
    public mutating func append(contentsOf other: [UInt8], in range: Range<Int>) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= other.count,
            "BUG: bytes \(range) of \(other.count)"
        )
        unsafe other.withUnsafeBufferPointer { bytes in
            unsafe append(contentsOf: UnsafeBufferPointer(rebasing: bytes[range]))
        }
    }
}
