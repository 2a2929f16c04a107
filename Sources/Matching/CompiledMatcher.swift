import Model

/// A matcher ready to be asked about many values.
///
/// Regular expressions that are alternatives of plain words (`a|b`, `x(a|b)y`) or a literal with wildcards
/// (`a.*`, `.+a`, `.*a.*`, `.*`) are answered without RE2; of others a plain beginning is looked at first.
package struct CompiledMatcher: Sendable {
    /// How a value is tested; negation is kept apart in `isNegated`.
    private enum Test: Sendable {
        case oneOf(Set<ByteText>)
        case literal(LiteralPattern)
        case regex(Regex, prefix: LiteralPattern)
    }

    /// How the values that satisfy a matcher are found among values in byte order; negation left aside.
    package enum Search: Sendable {
        /// These, in byte order, and no others.
        case words([ByteText])
        /// All that are not empty.
        case anything
        /// Those that begin with these bytes: all of them, or those that `isFound` says.
        case prefix([UInt8], isEnough: Bool)
    }

    /// The matcher it was compiled from.
    package let matcher: Matcher
    /// Whether values satisfy it that do not have the value or match the expression.
    package let isNegated: Bool
    private let test: Test

    /// Compiles `matcher`, whose regular expression may have `regexLimit` bytes.
    package init(_ matcher: Matcher, regexLimit: Int = Limits.default.regexBytes) throws(RegexError) {
        self.matcher = matcher
        isNegated = matcher.kind == .notEqual || matcher.kind == .notRegex
        switch matcher.kind {
        case .equal, .notEqual: test = .oneOf([ByteText(matcher.value)])
        case .regex, .notRegex: test = try CompiledMatcher.test(forPattern: matcher.value, limit: regexLimit)
        }
    }

    /// Compiles all of `matchers`.
    package static func compile(
        _ matchers: [Matcher],
        regexLimit: Int = Limits.default.regexBytes
    ) throws(RegexError) -> [CompiledMatcher] {
        var compiled: [CompiledMatcher] = []
        for matcher in matchers { compiled.append(try CompiledMatcher(matcher, regexLimit: regexLimit)) }
        return compiled
    }

    /// Whether a label with this value satisfies it; a missing label has the empty value.
    package func matches(_ value: String) -> Bool {
        if case .oneOf(let values) = test { return values.contains(ByteText(value)) != isNegated }
        var value = value
        return value.withUTF8 { unsafe matches(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Whether a label with the value that `bytes` are in UTF-8 satisfies it.
    package func matches(bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe isFound(bytes: bytes) != isNegated
    }

    /// Whether the value that `bytes` are has the value or matches the expression, negation left aside.
    package func isFound(bytes: UnsafeRawBufferPointer) -> Bool {
        switch test {
        case .oneOf(let values): unsafe values.contains(ByteText(String(decoding: bytes, as: UTF8.self)))
        case .literal(let pattern): unsafe pattern.matches(bytes)
        case .regex(let regex, let prefix): unsafe prefix.matches(bytes) && regex.matches(bytes: bytes)
        }
    }

    /// How the values for which `isFound` is true are found.
    package var search: Search {
        switch test {
        case .oneOf(let values): return .words(values.sorted())
        case .literal(let pattern):
            guard !pattern.bytes.isEmpty else { return .anything }
            guard pattern.before == .none else { return .prefix([], isEnough: false) }
            return .prefix(pattern.bytes, isEnough: pattern.after == .any)
        case .regex(_, let prefix): return .prefix(prefix.bytes, isEnough: false)
        }
    }

    /// Whether the label set satisfies it.
    package func matches(_ labels: Labels) -> Bool {
        matches(labels[matcher.name] ?? "")
    }

    /// Whether series without the label satisfy it.
    package var matchesEmpty: Bool { matches("") }

    /// The only values that can satisfy it, if they are few and known without looking; nil otherwise.
    package var knownValues: Set<ByteText>? {
        guard case .oneOf(let values) = test, !isNegated else { return nil }
        return values
    }

    /// The only value that satisfies it, if there is just one and that is not empty.
    package var onlyWord: ByteText? {
        guard let values = knownValues, values.count == 1, let word = values.first else { return nil }
        return word.string.isEmpty ? nil : word
    }

    // MARK: - Shortcuts

    private static func test(forPattern pattern: String, limit: Int) throws(RegexError) -> Test {
        // Compiled in any case, so that a wrong pattern is an error whatever the shortcut.
        let regex = try Regex(pattern, limit: limit)
        switch PatternShape(pattern) {
        case .words(let words): return .oneOf(words)
        case .literal(let literal): return .literal(literal)
        case .other(let prefix):
            return .regex(regex, prefix: LiteralPattern(bytes: prefix, after: .any))
        }
    }
}
