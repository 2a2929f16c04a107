import Model

/// Series as people and selectors write them.
enum SeriesText {
    /// The labels as a selector, such as `up{job="node"}`; `{}` if there are none.
    static func format(_ labels: [String: String]) -> String {
        let name = labels["__name__"] ?? ""
        let isPlain = LabelText.isLegacyMetricName(name)
        var parts = name.isEmpty || isPlain ? [] : [LabelText.quoted(name)]
        for (label, value) in labels.sorted(by: { $0.key < $1.key }) where label != "__name__" {
            let key = LabelText.isLegacyLabelName(label) ? label : LabelText.quoted(label)
            parts.append("\(key)=\(LabelText.quoted(value))")
        }
        let prefix = isPlain ? name : ""
        return parts.isEmpty && !prefix.isEmpty ? prefix : "\(prefix){\(parts.joined(separator: ","))}"
    }

    /// `text` without characters that would move the cursor or colour the terminal.
    static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "\u{fffd}" : $0 })
        )
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
    }
}
