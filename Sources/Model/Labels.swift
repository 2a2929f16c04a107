/// One name and value of a label set.
public struct Label: Sendable {
    /// The name, such as `job`.
    public var name: String
    /// The value, never empty inside `Labels`.
    public var value: String

    /// The label `name="value"`.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

extension Label: Hashable {
    /// Whether name and value have the same bytes.
    public static func == (left: Label, right: Label) -> Bool {
        ByteText(left.name) == ByteText(right.name) && ByteText(left.value) == ByteText(right.value)
    }

    /// Feeds the bytes of name and value to `hasher`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ByteText(name))
        hasher.combine(ByteText(value))
    }
}

/// An immutable label set: unique names in byte order, no empty value, all of it UTF-8.
///
/// It is one array of bytes: for each label `uv(name length) name uv(value length) value`, with `uv` a LEB128
/// unsigned varint. The same bytes are what the log and the segments store, so equal label sets are equal
/// bytes and hashing needs no decoding. `LabelsBuilder` makes one from labels in any order.
public struct Labels: Sendable {
    /// The packed form described above.
    public let packed: [UInt8]

    /// The label set without labels.
    public static let empty = Labels(trusted: [])

    /// Takes bytes that are known to be a packed label set; `Labels(validating:)` checks others.
    @inlinable
    public init(trusted packed: [UInt8]) {
        self.packed = packed
    }

    /// The name of the label that holds the metric's name.
    public static let metricName = "__name__"

    /// The label set of the given pairs; of a repeated name the last one counts, empty values are left out.
    public init(_ pairs: KeyValuePairs<String, String>) {
        self.init(pairs.map { Label($0.key, $0.value) })
    }

    /// The label set of the given labels; of a repeated name the last one counts, empty values are left out.
    public init(_ labels: some Sequence<Label>) {
        var builder = LabelsBuilder()
        for label in labels { builder.set(label.name, label.value) }
        self = builder.build()
    }

    /// Checks bytes from outside, such as a file; nil if they are not a packed label set.
    public init?(validating bytes: [UInt8]) {
        var position = 0
        var previous: Range<Int>?
        while position < bytes.count {
            guard let name = Labels.field(of: bytes, at: &position),
                let value = Labels.field(of: bytes, at: &position),
                !name.isEmpty, !value.isEmpty,
                String(validating: bytes[name], as: UTF8.self) != nil,
                String(validating: bytes[value], as: UTF8.self) != nil
            else { return nil }
            if let previous, !bytes[previous].lexicographicallyPrecedes(bytes[name]) { return nil }
            previous = name
        }
        packed = bytes
    }

    /// Whether there is no label.
    @inlinable
    public var isEmpty: Bool { packed.isEmpty }

    /// The value of the label `name`, or nil.
    public subscript(name: String) -> String? {
        var position = 0
        let wanted = name.utf8
        while let (label, value) = next(at: &position) {
            if label.count == wanted.count, packed[label].elementsEqual(wanted) {
                return String(decoding: packed[value], as: UTF8.self)
            }
        }
        return nil
    }

    /// The value of `__name__`, or nil.
    public var metricName: String? { self[Labels.metricName] }

    /// This label set with `name` set to `value`; an empty value removes the label.
    public func setting(_ name: String, _ value: String) -> Labels {
        var builder = LabelsBuilder(self)
        builder.set(name, value)
        return builder.build()
    }

    /// This label set without the labels whose name is in `names`.
    public func dropping(_ names: some Collection<String>) -> Labels {
        filtered { name in !names.contains { $0.utf8.elementsEqual(name) } }
    }

    /// This label set with only the labels whose name is in `names`.
    public func keeping(_ names: some Collection<String>) -> Labels {
        filtered { name in names.contains { $0.utf8.elementsEqual(name) } }
    }

    /// This label set with only the labels whose name's bytes satisfy `isIncluded`.
    public func filtered(_ isIncluded: (ArraySlice<UInt8>) -> Bool) -> Labels {
        var kept: [UInt8] = []
        kept.reserveCapacity(packed.count)
        var position = 0
        while true {
            let start = position
            guard let (name, _) = next(at: &position) else { break }
            if isIncluded(packed[name]) { kept.append(contentsOf: packed, in: start..<position) }
        }
        return Labels(trusted: kept)
    }

    /// Steps through the packed form: the byte ranges of name and value of the label at `position`, which
    /// moves behind it; nil at the end.
    ///
    /// Start at 0.
    public func next(at position: inout Int) -> (name: Range<Int>, value: Range<Int>)? {
        guard position < packed.count,
            let name = Labels.field(of: packed, at: &position),
            let value = Labels.field(of: packed, at: &position)
        else { return nil }
        return (name, value)
    }

    /// Adds one length-prefixed field, a name or a value, to packed bytes under construction.
    public static func appendField(_ bytes: some Collection<UInt8>, to packed: inout [UInt8]) {
        var length = bytes.count
        while length >= 0x80 {
            packed.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        packed.append(UInt8(truncatingIfNeeded: length))
        packed.append(contentsOf: bytes)
    }

    /// The byte range of the length-prefixed field at `position`, which moves behind it; nil if it does not
    /// fit.
    private static func field(of bytes: [UInt8], at position: inout Int) -> Range<Int>? {
        var length = 0
        var shift = 0
        while true {
            guard position < bytes.count, shift < 35 else { return nil }
            let byte = bytes[position]
            position += 1
            length |= Int(byte & 0x7f) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        guard length <= bytes.count - position else { return nil }
        defer { position += length }
        return position..<position + length
    }
}

extension Labels: Hashable {
    /// Whether the label sets are the same, byte by byte.
    @inlinable
    public static func == (left: Labels, right: Labels) -> Bool {
        left.packed == right.packed
    }

    /// Feeds the packed bytes to `hasher`.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        unsafe packed.withUnsafeBytes { bytes in unsafe hasher.combine(bytes: bytes) }
    }
}

extension Labels: Sequence {
    /// Yields the labels in name order.
    public struct Iterator: IteratorProtocol {
        private let labels: Labels
        private var position = 0

        fileprivate init(_ labels: Labels) {
            self.labels = labels
        }

        /// The next label, or nil behind the last.
        public mutating func next() -> Label? {
            guard let (name, value) = labels.next(at: &position) else { return nil }
            return Label(
                String(decoding: labels.packed[name], as: UTF8.self),
                String(decoding: labels.packed[value], as: UTF8.self)
            )
        }
    }

    /// The labels in name order.
    public func makeIterator() -> Iterator { Iterator(self) }
}

extension Labels: Comparable {
    /// Orders label by label, name before value, byte-wise; a prefix comes first (Prometheus's order of
    /// results).
    public static func < (left: Labels, right: Labels) -> Bool {
        // What both begin with says nothing: the first label that is not wholly in it decides.
        let shared = left.sharedByteCount(with: right)
        var leftPosition = 0
        var ahead = 0
        while left.next(at: &ahead) != nil, ahead <= shared { leftPosition = ahead }
        var rightPosition = leftPosition
        while true {
            guard let (rightName, rightValue) = right.next(at: &rightPosition) else { return false }
            guard let (leftName, leftValue) = left.next(at: &leftPosition) else { return true }
            let byName = order(left.packed, leftName, right.packed, rightName)
            let difference = byName != 0 ? byName : order(left.packed, leftValue, right.packed, rightValue)
            if difference != 0 { return difference < 0 }
        }
    }

    /// How many bytes both have in common from the beginning on.
    private func sharedByteCount(with other: Labels) -> Int {
        let (one, two) = (packed.span, other.packed.span)
        let count = Swift.min(one.count, two.count)
        var index = 0
        while index < count, one[index] == two[index] { index &+= 1 }
        return index
    }

    /// Below 0, 0 or above 0, as the bytes of the left range come before, equal or come behind those of the
    /// right.
    private static func order(
        _ left: [UInt8],
        _ leftRange: Range<Int>,
        _ right: [UInt8],
        _ rightRange: Range<Int>
    ) -> Int {
        for offset in 0..<Swift.min(leftRange.count, rightRange.count) {
            let (one, other) = (left[leftRange.lowerBound + offset], right[rightRange.lowerBound + offset])
            if one != other { return one < other ? -1 : 1 }
        }
        return leftRange.count - rightRange.count
    }
}

extension Labels: CustomStringConvertible {
    /// Prometheus's notation, such as `up{job="api"}`; names that are no legacy names are quoted inside the
    /// braces.
    public var description: String {
        let name = metricName ?? ""
        let plainName = LabelText.isLegacyMetricName(name)
        var parts: [String] = []
        if !name.isEmpty && !plainName { parts.append(LabelText.quoted(name)) }
        for label in self where !label.name.utf8.elementsEqual(Labels.metricName.utf8) {
            let shown = LabelText.isLegacyLabelName(label.name) ? label.name : LabelText.quoted(label.name)
            parts.append("\(shown)=\(LabelText.quoted(label.value))")
        }
        let head = plainName ? name : ""
        if parts.isEmpty { return head.isEmpty ? "{}" : head }
        return "\(head){\(parts.joined(separator: ", "))}"
    }
}

/// Collects labels in any order and packs them.
public struct LabelsBuilder: Sendable {
    private var labels: [Label] = []

    /// A builder without labels.
    public init() {}

    /// A builder that starts with the labels of `base`.
    public init(_ base: Labels) {
        labels = Array(base)
    }

    /// Sets `name` to `value`; an empty value removes the label.
    public mutating func set(_ name: String, _ value: String) {
        labels.removeAll { $0.name.utf8.elementsEqual(name.utf8) }
        if !value.isEmpty { labels.append(Label(name, value)) }
    }

    /// The value set for `name`, or nil.
    public subscript(name: String) -> String? {
        labels.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// The label set of what was collected.
    public func build() -> Labels {
        var packed: [UInt8] = []
        for label in labels.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            Labels.appendField(label.name.utf8, to: &packed)
            Labels.appendField(label.value.utf8, to: &packed)
        }
        return Labels(trusted: packed)
    }
}
