import CRE2
import Glibc

/// A literal, and what may stand before and after it.
struct LiteralPattern: Sendable {
    /// What may stand at one side of the literal.
    enum Wildcard: Sendable {
        /// Nothing.
        case none
        /// Anything: `.*`.
        case any
        /// Anything but nothing: `.+`.
        case some
    }

    /// What may stand before the literal.
    var before = Wildcard.none
    /// The literal; if it is empty, there is at most one wildcard.
    var bytes: [UInt8] = []
    /// What may stand after the literal.
    var after = Wildcard.none

    /// Whether `value`, which is valid UTF-8, consists of the parts.
    func matches(_ value: UnsafeRawBufferPointer) -> Bool {
        // A literal begins and ends at a character's border, so a byte beside it is a character beside it.
        let (low, high) = (before == .some ? 1 : 0, value.count - (after == .some ? 1 : 0))
        guard high - low >= bytes.count else { return false }
        guard !bytes.isEmpty else { return before != .none || after != .none || high == 0 }
        switch (before, after) {
        case (.none, .none): return unsafe value.count == bytes.count && isFound(at: 0, in: value)
        case (.none, _): return unsafe isFound(at: 0, in: value)
        case (_, .none): return unsafe isFound(at: value.count - bytes.count, in: value)
        default:
            guard let start = value.baseAddress else { return false }
            return unsafe sextant_contains(start + low, high - low, bytes, bytes.count)
        }
    }

    /// Whether the literal stands at `offset` of a value that is long enough for it.
    private func isFound(at offset: Int, in value: UnsafeRawBufferPointer) -> Bool {
        guard let start = value.baseAddress else { return false }
        return unsafe memcmp(start + offset, bytes, bytes.count) == 0
    }
}
