import Matching
import Model

/// A regular expression as Go's `regexp` takes it: it finds parts of a text, and a dot matches no line end.
struct TemplatePattern {
    /// The most bytes that a replacement may yield.
    private static let outputLimit = 1 << 20

    private let regex: Regex

    /// Compiles `pattern`; the error is Go's.
    init(_ pattern: String) throws(TemplateError) {
        do {
            // Alone first, so that a wrong one cannot end the group it is put into.
            _ = try Regex(pattern)
            regex = try Regex("(?-s:\(pattern))", limit: Limits.default.regexBytes + 8)
        } catch {
            guard case .invalid(_, let reason) = error else { throw TemplateError(error.description) }
            throw TemplateError("error parsing regexp: \(TemplatePattern.goReason(reason))")
        }
    }

    /// What RE2 says, such as `missing ): (`, in the words of Go.
    private static func goReason(_ reason: String) -> String {
        for (own, theirs) in words where reason.hasPrefix(own) {
            let part = reason.dropFirst(own.count)
            guard part.hasPrefix(": ") else { return theirs }
            return "\(theirs): `\(part.dropFirst(2))`"
        }
        return reason
    }

    private static let words = [
        ("missing )", "missing closing )"), ("missing ]", "missing closing ]"),
        ("no argument for repetition operator", "missing argument to repetition operator"),
        ("bad repetition operator", "invalid nested repetition operator"),
        ("invalid repetition size", "invalid repeat count"),
        ("invalid perl operator", "invalid or unsupported Perl syntax"),
        ("invalid named capture group", "invalid named capture"),
        ("trailing \\", "trailing backslash at end of expression"), ("unexpected )", "unexpected )"),
        ("invalid character class range", "invalid character class range"),
        ("invalid character class", "invalid character class"),
        ("invalid escape sequence", "invalid escape sequence"),
    ]

    /// Whether a part of `text` matches.
    func matches(_ text: String) -> Bool { regex.search(Array(text.utf8), from: 0) != nil }

    /// `text` with every match replaced.
    ///
    /// In `replacement`, `$1`, `${1}` and `${name}` stand for groups.
    func replace(in text: String, by replacement: String) throws(TemplateError) -> String {
        let bytes = Array(text.utf8)
        let pieces = Array(replacement.utf8)
        var out: [UInt8] = []
        var copied = 0
        var position = 0
        while position <= bytes.count, let groups = regex.search(bytes, from: position),
            let match = groups[0]
        {
            out += bytes[copied..<match.lowerBound]
            // No empty match right behind another one.
            if match.upperBound > copied || match.lowerBound == 0 {
                expand(pieces, groups, bytes, into: &out)
            }
            copied = match.upperBound
            guard out.count <= TemplatePattern.outputLimit else {
                throw TemplateError("the text is longer than \(TemplatePattern.outputLimit) bytes")
            }
            if match.upperBound > position {
                position = match.upperBound
            } else {
                position += 1
                while position < bytes.count, bytes[position] & 0xc0 == 0x80 { position += 1 }
            }
        }
        out += bytes[copied...]
        return String(decoding: out, as: UTF8.self)
    }

    /// Adds the replacement with its groups filled in, by the rules of Go's `Regexp.Expand`.
    private func expand(
        _ replacement: [UInt8],
        _ groups: [Range<Int>?],
        _ text: [UInt8],
        into out: inout [UInt8]
    ) {
        let dollar = UInt8(ascii: "$")
        var rest = replacement[...]
        while let byte = rest.popFirst() {
            guard byte == dollar else {
                out.append(byte)
                continue
            }
            if rest.first == dollar {
                out.append(dollar)
                rest = rest.dropFirst()
                continue
            }
            let isBraced = rest.first == UInt8(ascii: "{")
            let body = isBraced ? rest.dropFirst() : rest
            let name = body.prefix { byte in
                byte == 0x5f || (byte >= 0x30 && byte <= 0x39)
                    || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a) || byte >= 0x80
            }
            let behind = body[name.endIndex...]
            guard !name.isEmpty, !isBraced || behind.first == UInt8(ascii: "}") else {
                out.append(dollar)
                continue
            }
            rest = isBraced ? behind.dropFirst() : behind
            let text0 = String(decoding: name, as: UTF8.self)
            let index = Int(text0) ?? regex.groupNames.firstIndex { $0 == text0 }
            if let index, groups.indices.contains(index), let range = groups[index] { out += text[range] }
        }
    }
}
