/// A string that is compared, hashed and ordered by its UTF-8 bytes.
///
/// Swift's `String` counts canonically equivalent spellings as equal (`é` as one scalar or as two), and
/// orders by them. Names and values of labels are bytes: two spellings are two series. So every set,
/// dictionary, sort or equality test of them goes through this type or through `utf8`.
public struct ByteText: Hashable, Comparable, Sendable {
    /// The text.
    public let string: String

    /// Wraps `string`.
    @inlinable
    public init(_ string: String) {
        self.string = string
    }

    /// Whether the bytes are the same.
    @inlinable
    public static func == (left: ByteText, right: ByteText) -> Bool {
        let (one, other) = (left.string.utf8.span, right.string.utf8.span)
        guard one.count == other.count else { return false }
        for index in one.indices where one[index] != other[index] { return false }
        return true
    }

    /// Orders byte by byte; a prefix comes first.
    @inlinable
    public static func < (left: ByteText, right: ByteText) -> Bool {
        let (one, other) = (left.string.utf8.span, right.string.utf8.span)
        for index in 0..<min(one.count, other.count) where one[index] != other[index] {
            return one[index] < other[index]
        }
        return one.count < other.count
    }

    /// Feeds the bytes to `hasher`.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        var string = self.string
        string.withUTF8 { bytes in unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes)) }
        hasher.combine(0xff as UInt8)
    }
}
