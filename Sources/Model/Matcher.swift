/// One condition on a label, as in `job="api"` or `path=~"/v1/.*"`.
///
/// A label that a series does not have counts as having the empty value. Regular expressions have RE2 syntax
/// and must match the whole value; `Matching` compiles them.
public struct Matcher: Sendable {
    /// How the label's value is compared.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// `=`: the value is the same.
        case equal = "="
        /// `!=`: the value differs.
        case notEqual = "!="
        /// `=~`: the whole value matches the regular expression.
        case regex = "=~"
        /// `!~`: the whole value does not match the regular expression.
        case notRegex = "!~"
    }

    /// The name of the label.
    public var name: String
    /// How the value is compared.
    public var kind: Kind
    /// The value or the regular expression.
    public var value: String

    /// The condition `name kind value`.
    public init(_ name: String, _ kind: Kind, _ value: String) {
        self.name = name
        self.kind = kind
        self.value = value
    }
}

extension Matcher: Hashable {
    /// Whether kind, name and value are the same, byte by byte.
    public static func == (left: Matcher, right: Matcher) -> Bool {
        left.kind == right.kind && ByteText(left.name) == ByteText(right.name)
            && ByteText(left.value) == ByteText(right.value)
    }

    /// Feeds kind, name and value to `hasher`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(ByteText(name))
        hasher.combine(ByteText(value))
    }
}

extension Matcher: CustomStringConvertible {
    /// As it stands in a selector, such as `job="api"`.
    public var description: String {
        let name = LabelText.isLegacyLabelName(name) ? name : LabelText.quoted(name)
        return "\(name)\(kind.rawValue)\(LabelText.quoted(value))"
    }
}
