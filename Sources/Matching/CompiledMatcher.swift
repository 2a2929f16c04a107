import Model

/// A matcher ready to be asked about many values.
///
/// Regular expressions that are just alternatives of plain words (`a|b|c`) or match anything (`.*`, `.+`) are
/// answered without RE2.
package struct CompiledMatcher: Sendable {
    /// How a value is tested; negation is kept apart in `isNegated`.
    private enum Test: Sendable {
        case oneOf(Set<ByteText>)
        case anything
        case nonEmpty
        case regex(Regex)
    }

    /// The matcher it was compiled from.
    package let matcher: Matcher
    private let test: Test
    private let isNegated: Bool

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
        let found: Bool =
            switch test {
            case .oneOf(let values): values.contains(ByteText(value))
            case .anything: true
            case .nonEmpty: !value.isEmpty
            case .regex(let regex): regex.matches(value)
            }
        return found != isNegated
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

    // MARK: - Shortcuts

    private static func test(forPattern pattern: String, limit: Int) throws(RegexError) -> Test {
        // Compiled in any case, so that a wrong pattern is an error whatever the shortcut.
        let regex = try Regex(pattern, limit: limit)
        switch pattern {
        case ".*": return .anything
        case ".+": return .nonEmpty
        default: break
        }
        let special = Set("\\.+*?()[]{}^$".unicodeScalars)
        if pattern.unicodeScalars.allSatisfy({ !special.contains($0) }) {
            let words = pattern.split(separator: "|", omittingEmptySubsequences: false)
            return .oneOf(Set(words.map { ByteText(String($0)) }))
        }
        return .regex(regex)
    }
}
