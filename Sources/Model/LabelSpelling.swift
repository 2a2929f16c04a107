/// How the label sets of a batch are written when they are not packed: as they stand in a client's request.
///
/// A store that knows a series only has to compare, so nothing is packed, sorted or checked for it; only what
/// it does not recognise is read with `labels`.
public protocol LabelSpelling: AnyObject, Sendable {
    /// Whether `spelled` is the plain spelling of the label set `packed` (`Labels.packed`).
    ///
    /// Another spelling of the same label set, such as one in another order, may be called different.
    ///
    /// - Parameters:
    ///   - spelled: The bytes of one series inside the `labelBytes` of the batch that has this spelling.
    ///   - packed: A packed label set.
    /// - Returns: Whether they are known to be the same.
    func isEqual(_ spelled: UnsafeRawBufferPointer, packed: UnsafeRawBufferPointer) -> Bool

    /// The label set that `spelled`, bytes of one series as for `isEqual`, stands for.
    ///
    /// - Throws: `LabelRefusal` if it breaks a rule.
    func labels(_ spelled: UnsafeRawBufferPointer) throws(LabelRefusal) -> Labels
}

/// Label sets as `Labels.packed` has them.
public final class PackedSpelling: LabelSpelling {
    /// The spelling of batches with packed label sets.
    public static let shared = PackedSpelling()

    private init() {}

    /// Whether the bytes are the same.
    public func isEqual(_ spelled: UnsafeRawBufferPointer, packed: UnsafeRawBufferPointer) -> Bool {
        guard spelled.count == packed.count else { return false }
        var at = 0
        while packed.count - at >= 8 {
            let left = unsafe spelled.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            let right = unsafe packed.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            if left != right { return false }
            at += 8
        }
        while at < packed.count {
            if unsafe spelled[at] != packed[at] { return false }
            at += 1
        }
        return true
    }

    /// The label set; it is trusted.
    public func labels(_ spelled: UnsafeRawBufferPointer) -> Labels {
        unsafe Labels(trusted: Array(spelled))
    }
}

/// Why a label set of a batch is refused.
public struct LabelRefusal: Error, Hashable, Sendable {
    /// The sentence for the client: the series as far as it can be shown, and the reason.
    public let text: String

    /// A refusal in these words.
    public init(text: String) {
        self.text = text
    }
}
