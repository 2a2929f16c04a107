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

    /// Whether the metric's name of `spelled` may begin with `prefix`; true also if that cannot be told at a
    /// glance.
    func mayBeginName(_ spelled: UnsafeRawBufferPointer, with prefix: StaticString) -> Bool

    /// The label set that `spelled`, bytes of one series as for `isEqual`, stands for.
    ///
    /// - Throws: `LabelRefusal` if it breaks a rule.
    func labels(_ spelled: UnsafeRawBufferPointer) throws(LabelRefusal) -> Labels
}

extension LabelSpelling {
    /// True: it cannot be told.
    public func mayBeginName(_ spelled: UnsafeRawBufferPointer, with prefix: StaticString) -> Bool { true }
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

    /// Whether the first label is a metric's name that begins with `prefix`, or another label, which sorts
    /// before it.
    public func mayBeginName(_ spelled: UnsafeRawBufferPointer, with prefix: StaticString) -> Bool {
        unsafe PackedSpelling.mayBegin(spelled, nameAt: 0, valueAt: 10, prefix)
    }

    /// Whether the name of the metric begins with `prefix`, where the label `__name__` with its length is at
    /// `nameAt` and its value at `valueAt`; true if that label is not there.
    public static func mayBegin(
        _ bytes: UnsafeRawBufferPointer,
        nameAt: Int,
        valueAt: Int,
        _ prefix: StaticString
    ) -> Bool {
        guard nameAt + 9 <= bytes.count else { return bytes.count > 0 }
        guard unsafe begins(bytes, at: nameAt, "\u{8}__name__") else { return true }
        guard valueAt + prefix.utf8CodeUnitCount <= bytes.count else { return false }
        return unsafe begins(bytes, at: valueAt, prefix)
    }

    private static func begins(
        _ bytes: UnsafeRawBufferPointer,
        at start: Int,
        _ text: StaticString
    ) -> Bool {
        for index in 0..<text.utf8CodeUnitCount {
            let wanted = unsafe text.utf8Start[index]
            if unsafe bytes[start + index] != wanted { return false }
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
