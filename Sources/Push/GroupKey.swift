import Model

/// The grouping labels of a pushed group: `job`, and what else the path names.
package struct GroupKey: Hashable, Sendable {
    /// The labels in name order; unlike in a label set a value may be empty.
    package let labels: [Label]

    /// The key that `path` names, such as `job/nightly/instance/a` or `job@base64/bmlnaHRseQ`.
    ///
    /// - Parameter path: What stands behind `/metrics/`, its escapes undone.
    /// - Throws: `badPath` with the Pushgateway's text.
    package init(path: String) throws(PushError) {
        let parts = path.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        let job = parts.count > 1 ? String(parts[1]) : ""
        guard let value = try GroupKey.job(String(parts.first ?? ""), job), !value.isEmpty else {
            throw .badPath("job name is required")
        }
        var labels: [Label] = []
        if parts.count > 2, !parts[2].isEmpty {
            let shown = LabelText.quoted("/" + parts[2])
            let names = parts[2].split(separator: "/", omittingEmptySubsequences: false)
            guard !names.dropLast().contains("") else {
                throw .badPath("empty component in label string \(shown)")
            }
            guard names.count % 2 == 0 else {
                throw .badPath("odd number of components in label string \(shown)")
            }
            for index in stride(from: 0, to: names.count, by: 2) {
                labels.append(try GroupKey.label(String(names[index]), String(names[index + 1])))
            }
        }
        labels.append(Label("job", value))
        self.init(labels)
    }

    /// The key of the given labels; of a repeated name the last one counts.
    package init(_ labels: some Sequence<Label>) {
        var last: [ByteText: String] = [:]
        for label in labels { last[ByteText(label.name)] = label.value }
        self.labels = last.sorted { $0.key < $1.key }.map { Label($0.key.string, $0.value) }
    }

    /// The key whose `packed` form is `bytes`, or nil if they are none.
    init?(packed bytes: [UInt8]) {
        // The reader of label sets only looks at lengths, so it reads empty values too.
        let set = Labels(trusted: bytes)
        let labels = Array(set)
        self.init(labels)
        guard packed == bytes, !labels.isEmpty else { return nil }
    }

    /// The labels as fields of the packed form of label sets, in name order.
    var packed: [UInt8] {
        var packed: [UInt8] = []
        for label in labels {
            Labels.appendField(label.name.utf8, to: &packed)
            Labels.appendField(label.value.utf8, to: &packed)
        }
        return packed
    }

    /// `set` with the grouping labels over its own.
    func applied(to set: Labels) -> Labels {
        var builder = LabelsBuilder(set)
        for label in labels { builder.set(label.name, label.value) }
        return builder.build()
    }

    /// The labels that have no value; a series of the store does not have them, the exposition shows them.
    var blanks: [Label] { labels.filter { $0.value.isEmpty } }

    // MARK: Parts of a path

    private static let base64Suffix = "@base64"

    private static func job(_ name: String, _ value: String) throws(PushError) -> String? {
        if name == "job" { return value }
        guard name == "job" + base64Suffix else { return nil }
        do throws(Base64URLError) {
            return try Base64URL.decode(value)
        } catch {
            throw .badPath("invalid base64 encoding in job name \(LabelText.quoted(value)): \(error)")
        }
    }

    private static func label(_ name: String, _ value: String) throws(PushError) -> Label {
        let isEncoded = name.hasSuffix(base64Suffix)
        let plain = isEncoded ? String(name.dropLast(base64Suffix.count)) : name
        guard LabelText.isLegacyLabelName(plain), !plain.hasPrefix("__") else {
            throw .badPath("improper label name \(LabelText.quoted(plain))")
        }
        guard isEncoded else { return Label(plain, value) }
        do throws(Base64URLError) {
            return Label(plain, try Base64URL.decode(value))
        } catch {
            throw .badPath(
                "invalid base64 encoding for label \(plain)=\(LabelText.quoted(value)): \(error)"
            )
        }
    }
}

extension GroupKey: Comparable {
    /// Some order that is always the same.
    package static func < (left: GroupKey, right: GroupKey) -> Bool {
        left.packed.lexicographicallyPrecedes(right.packed)
    }
}
