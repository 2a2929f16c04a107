/// A value of a YAML document with the place it was written at.
///
/// Aliases are replaced by what they stand for and merge keys (`<<`) are applied, within the limits of
/// `YAMLDocument`.
package struct YAMLNode: Sendable {
    /// What the value is.
    package enum Content: Sendable {
        /// A text; `isPlain` if it was written without quotes and not as a block.
        case scalar(String, isPlain: Bool)
        /// A list.
        case sequence([YAMLNode])
        /// A mapping with its entries in file order, keys unique.
        case mapping([Entry])
    }

    /// One key and its value.
    package struct Entry: Sendable {
        /// The key, a scalar.
        package var key: YAMLNode
        /// The key's text.
        package var name: String
        /// The value.
        package var value: YAMLNode
    }

    /// The value.
    package var content: Content
    /// The line of its first character, from 1.
    package var line: Int
    /// The column of its first character, from 1.
    package var column: Int

    /// Whether it is YAML's null, which counts as if the key had not been written.
    package var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// What it is, for error messages.
    package var kindName: String {
        switch content {
        case .scalar: "a text"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
