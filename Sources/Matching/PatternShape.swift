import Model

/// What a regular expression asks of a value, as far as it can be told from its text.
///
/// A shape that is not `.other` says the same as RE2 about every value that is valid UTF-8.
enum PatternShape: Sendable {
    /// One of these words, and nothing else: `a|b`, `x(a|b)y`.
    case words(Set<ByteText>)
    /// A literal with wildcards before or after it: `a.*`, `.+a`, `.*a.*`; `.*` and `.+` alone.
    case literal(LiteralPattern)
    /// Anything else; a value that matches begins with `prefix`.
    case other(prefix: [UInt8])

    /// The most characters that `x` and `y` of `x(a|b)y` may have in all words together.
    private static let wordCharactersLimit = 1 << 16
    private static let special = Set("\\.+*?()[]{}^$|".unicodeScalars)

    /// The shape of a pattern that RE2 accepts.
    init(_ pattern: String) {
        let scalars = Array(pattern.unicodeScalars)
        if let words = PatternShape.words(scalars[...]) {
            self = .words(words)
        } else if let literal = PatternShape.literal(scalars[...]) {
            self = .literal(literal)
        } else {
            self = .other(prefix: PatternShape.prefix(scalars[...]))
        }
    }

    // MARK: - Private

    private static func isPlain(_ scalars: ArraySlice<Unicode.Scalar>) -> Bool {
        scalars.allSatisfy { !special.contains($0) }
    }

    private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// The words of `a|b|c` or of `x(a|b)y`; nil if the pattern is neither.
    private static func words(_ scalars: ArraySlice<Unicode.Scalar>) -> Set<ByteText>? {
        var (before, choice, after) = (scalars.prefix(0), scalars, scalars.suffix(0))
        if let open = scalars.firstIndex(of: "("), let close = scalars.lastIndex(of: ")"), open < close {
            before = scalars[..<open]
            choice = scalars[(open + 1)..<close]
            after = scalars[(close + 1)...]
            if choice.starts(with: "?:".unicodeScalars) { choice = choice.dropFirst(2) }
            guard isPlain(before), isPlain(after) else { return nil }
        }
        let words = choice.split(separator: "|", omittingEmptySubsequences: false)
        guard words.allSatisfy(isPlain) else { return nil }
        // Both are at most the pattern's length, which has a limit.
        guard words.count * (before.count + after.count) <= wordCharactersLimit else { return nil }
        return Set(words.map { ByteText(text(before) + text($0) + text(after)) })
    }

    /// The literal and its wildcards; nil if the pattern is not such.
    private static func literal(_ scalars: ArraySlice<Unicode.Scalar>) -> LiteralPattern? {
        var rest = scalars
        var pattern = LiteralPattern()
        if rest.starts(with: ".*".unicodeScalars) || rest.starts(with: ".+".unicodeScalars) {
            pattern.before = rest.dropFirst().first == "+" ? .some : .any
            rest = rest.dropFirst(2)
            // A wildcard alone.
            if rest.isEmpty { return pattern }
        }
        let end = rest.suffix(2)
        if end.elementsEqual(".*".unicodeScalars) || end.elementsEqual(".+".unicodeScalars) {
            pattern.after = end.last == "+" ? .some : .any
            rest = rest.dropLast(2)
        }
        guard !rest.isEmpty, isPlain(rest) else { return nil }
        pattern.bytes = Array(text(rest).utf8)
        return pattern
    }

    /// Bytes that every matching value begins with; none if that would take real parsing.
    private static func prefix(_ scalars: ArraySlice<Unicode.Scalar>) -> [UInt8] {
        var plain = scalars.prefix { !special.contains($0) }
        // With a choice outside of groups the first word is not required.
        if scalars.contains("|") {
            guard !scalars.contains("["), !scalars.contains("\\") else { return [] }
            var depth = 0
            for scalar in scalars {
                if scalar == "(" { depth += 1 }
                if scalar == ")" { depth -= 1 }
                if scalar == "|", depth == 0 { return [] }
            }
        }
        // A repetition is of the last character only; flags, `\Q` or `\E` may stand between.
        let rest = scalars[plain.endIndex...]
        let isGroup = rest.first == "(" && (rest.dropFirst().first != "?" || rest.dropFirst(2).first == ":")
        if let next = rest.first, next != ".", next != "[", !isGroup { plain = plain.dropLast() }
        return Array(text(plain).utf8)
    }
}
