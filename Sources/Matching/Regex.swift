import CRE2
import Model

/// Why a regular expression cannot be used.
package enum RegexError: Error, Hashable, CustomStringConvertible {
    /// RE2 refuses it; `reason` is RE2's own text.
    case invalid(pattern: String, reason: String)
    /// The pattern is longer than it may be.
    case tooLong(byteCount: Int, limit: Int)

    /// The sentence for the person who wrote the pattern.
    package var description: String {
        switch self {
        case .invalid(let pattern, let reason):
            "error parsing regexp: \(reason) in \(LabelText.quoted(pattern))"
        case .tooLong(let byteCount, let limit):
            "regular expression of \(byteCount) bytes is longer than the limit regex_bytes (\(limit))"
        }
    }
}

/// A compiled regular expression of RE2's syntax: linear in time, bounded in memory.
///
/// Matchers match whole values; `search` finds parts of them.
///
/// A dot matches line ends too, as in Prometheus 3.
@safe package final class Regex: Sendable {
    /// The memory that RE2 may use for one expression, in bytes.
    private static let memoryBytes: Int64 = 8 << 20

    /// The text it was compiled from.
    package let pattern: String
    /// The names of the capturing groups; index 0 is the whole match and has none.
    package let groupNames: [String?]

    // RE2 objects are immutable and safe to use from many threads; this one is freed in deinit only.
    private nonisolated(unsafe) let handle: OpaquePointer

    /// Compiles `pattern` of at most `limit` bytes.
    package init(_ pattern: String, limit: Int = Limits.default.regexBytes) throws(RegexError) {
        let byteCount = pattern.utf8.count
        guard byteCount <= limit else {
            throw .tooLong(byteCount: byteCount, limit: limit)
        }
        let handle = unsafe pattern.withCString {
            unsafe sextant_re2_new($0, byteCount, Regex.memoryBytes)
        }
        if let error = unsafe sextant_re2_error(handle) {
            let reason = unsafe String(cString: error)
            unsafe sextant_re2_free(handle)
            throw .invalid(pattern: pattern, reason: reason)
        }
        var names: [String?] = [nil]
        let groupCount = unsafe sextant_re2_group_count(handle)
        for index in 0..<groupCount {
            let name = unsafe sextant_re2_group_name(handle, index + 1)
            unsafe names.append(name.map { unsafe String(cString: $0) })
        }
        self.pattern = pattern
        groupNames = names
        unsafe self.handle = unsafe handle
    }

    deinit {
        unsafe sextant_re2_free(handle)
    }

    /// Whether the whole of `value` matches.
    package func matches(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { unsafe matches(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Whether the whole of `bytes`, a value in UTF-8, matches.
    package func matches(bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe bytes.withMemoryRebound(to: CChar.self) { text in
            guard let start = text.baseAddress else {
                return unsafe sextant_re2_full_match(handle, "", 0)
            }
            return unsafe sextant_re2_full_match(handle, start, text.count)
        }
    }

    /// The parts of `value` that the capturing groups took, the whole at index 0, nil for a group that took
    /// no part; nil if the whole of `value` does not match.
    package func captures(in value: String) -> [String?]? {
        let groupCount = groupNames.count
        var offsets = [Int64](repeating: -1, count: 2 * groupCount)
        let bytes = Array(value.utf8)
        let text = bytes + [0]
        let isMatch = unsafe text.withUnsafeBytes { raw in
            unsafe raw.withMemoryRebound(to: CChar.self) { text in
                guard let start = text.baseAddress else { return false }
                return unsafe sextant_re2_captures(handle, start, bytes.count, &offsets, Int32(groupCount))
            }
        }
        guard isMatch else { return nil }
        return (0..<groupCount).map { group in
            let (start, end) = (Int(offsets[2 * group]), Int(offsets[2 * group + 1]))
            guard start >= 0, end >= start, end <= bytes.count else { return nil }
            return String(decoding: bytes[start..<end], as: UTF8.self)
        }
    }

    /// The leftmost match in `bytes`, UTF-8, from offset `start` on, group by group, the whole at index 0.
    ///
    /// It is nil for a group that took no part, and nil if there is no match.
    package func search(_ bytes: [UInt8], from start: Int) -> [Range<Int>?]? {
        guard start >= 0, start <= bytes.count else { return nil }
        let groupCount = groupNames.count
        var offsets = [Int64](repeating: -1, count: 2 * groupCount)
        let text = bytes + [0]
        let isMatch = unsafe text.withUnsafeBytes { raw in
            unsafe raw.withMemoryRebound(to: CChar.self) { text in
                guard let first = text.baseAddress else { return false }
                return unsafe sextant_re2_search(
                    handle,
                    first,
                    bytes.count,
                    start,
                    &offsets,
                    Int32(groupCount)
                )
            }
        }
        guard isMatch else { return nil }
        return (0..<groupCount).map { group in
            let (start, end) = (Int(offsets[2 * group]), Int(offsets[2 * group + 1]))
            return start >= 0 && end >= start && end <= bytes.count ? start..<end : nil
        }
    }
}
