import Glibc
import Model

/// Collects the labels of one series in any order, checks them, and packs them as `Labels.packed` has it.
///
/// It is used again for the next series, so that a body costs no allocation per series.
struct LabelCollector {
    /// Where name and value of one label lie in `bytes`.
    struct Field {
        var name: Range<Int>
        var value: Range<Int>
    }

    /// What the labels are checked against.
    let limits: Limits
    /// Names and values, in the order they came; whoever adds a label appends its bytes first.
    var bytes: [UInt8] = []
    /// The labels; sorted by name once `pack` got that far.
    private(set) var fields: [Field] = []
    /// The packed label set of the last successful `pack`.
    private(set) var packed: [UInt8] = []
    private var sentCount = 0

    /// A collector without labels.
    init(limits: Limits) {
        self.limits = limits
    }

    /// Starts a new series.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        sentCount = 0
    }

    /// Adds the label whose name and value lie at these places in `bytes`.
    ///
    /// Of a series with far too many labels only the first are kept, which is enough to refuse it.
    mutating func add(name: Range<Int>, value: Range<Int>) {
        sentCount += 1
        if fields.count < mostFields { fields.append(Field(name: name, value: value)) }
    }

    /// Adds a label whose bytes lie elsewhere.
    mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard fields.count < mostFields else {
            sentCount += 1
            return
        }
        let start = bytes.count
        bytes.append(contentsOf: name)
        let middle = bytes.count
        bytes.append(contentsOf: value)
        add(name: start..<middle, value: middle..<bytes.count)
    }

    /// Starts a new series with the labels of the `TimeSeries` that `message` reads, wherever they stand.
    mutating func collect(_ message: ProtobufReader) throws(IntakeError) {
        removeAll()
        var fields = message
        while !fields.isAtEnd {
            let tag = try fields.tag()
            if tag == .bytes(1) {
                let (name, value) = try fields.message().label()
                add(name: fields.bytes(name), value: fields.bytes(value))
            } else {
                try fields.skip(tag, known: 0b10)
            }
        }
    }

    /// Checks the labels and packs them; what is wrong with them, in words that name the series, or nil.
    mutating func packOrRefusal() -> LabelRefusal? {
        do throws(LabelFault) {
            try pack()
            return nil
        } catch {
            return LabelRefusal(text: "\(seriesText): \(error.reason(self))")
        }
    }

    /// Adds the metric name that lies at `value` in `bytes` as the label `__name__`.
    mutating func addMetricName(_ value: Range<Int>) {
        let start = bytes.count
        bytes.append(contentsOf: LabelCollector.metricName)
        add(name: start..<bytes.count, value: value)
    }

    /// Checks the labels, sorts them by name, leaves out those with an empty value, and sets `packed`.
    mutating func pack() throws(LabelFault) {
        if sentCount > fields.count { throw .tooManyLabels(sentCount) }
        let isASCII = UTF8Check.isASCII(bytes)
        var filledCount = 0
        var isSorted = true
        for (index, field) in fields.enumerated() {
            if field.name.isEmpty { throw .emptyName }
            if field.name.count > limits.labelNameBytes { throw .nameTooLong(index) }
            if field.value.count > limits.labelValueBytes { throw .valueTooLong(index) }
            if !isASCII, !UTF8Check.isValid(bytes, field.name) { throw .nameNotUTF8(index) }
            if !isASCII, !UTF8Check.isValid(bytes, field.value) { throw .valueNotUTF8(index) }
            if !field.value.isEmpty { filledCount += 1 }
            if index > 0, LabelCollector.compare(bytes, fields[index - 1].name, field.name) >= 0 {
                isSorted = false
            }
        }
        if filledCount > limits.labelsPerSeries { throw .tooManyLabels(filledCount) }
        if !isSorted { try sort() }
        try checkMetricName()
        packed.removeAll(keepingCapacity: true)
        for field in fields where !field.value.isEmpty {
            appendPacked(field.name)
            appendPacked(field.value)
        }
    }

    /// The series as text for a refusal: what was sent, as far as it can be shown, cut to a bearable length.
    var seriesText: String {
        var name = ""
        var parts: [String] = []
        var byteCount = 0
        for (index, field) in fields.enumerated() {
            if name.isEmpty, isMetricName(field.name) {
                let text = shown(field.value)
                if LabelText.isLegacyMetricName(text) {
                    name = text
                    continue
                }
            }
            guard byteCount < LabelCollector.shownSeriesBytes else {
                parts.append("...")
                break
            }
            let bare = shown(field.name)
            let part =
                (LabelText.isLegacyLabelName(bare) ? bare : shownName(index))
                + "=" + LabelText.quoted(shown(field.value))
            byteCount += part.utf8.count
            parts.append(part)
        }
        return parts.isEmpty && !name.isEmpty ? name : "\(name){\(parts.joined(separator: ", "))}"
    }

    /// The name of the label at `index` in quotes, for a refusal.
    func shownName(_ index: Int) -> String {
        LabelText.quoted(shown(fields[index].name))
    }

    // MARK: Private

    private static let metricName = Array(Labels.metricName.utf8)
    private static let shownSeriesBytes = 512
    private static let shownFieldBytes = 128

    private var mostFields: Int { 4 * max(1, limits.labelsPerSeries) }

    private func shown(_ range: Range<Int>) -> String {
        let kept = range.prefix(LabelCollector.shownFieldBytes)
        let text = String(decoding: bytes[kept], as: UTF8.self)
        return kept.count < range.count ? text + "..." : text
    }

    private func isMetricName(_ range: Range<Int>) -> Bool {
        range.count == 8 && bytes[range].elementsEqual(LabelCollector.metricName)
    }

    /// Does for one name or value what `Labels.appendField` does, which is slow from another target.
    private mutating func appendPacked(_ range: Range<Int>) {
        var length = range.count
        while length >= 0x80 {
            packed.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        packed.append(UInt8(truncatingIfNeeded: length))
        bytes.withUnsafeBufferPointer { packed.append(contentsOf: UnsafeBufferPointer(rebasing: $0[range])) }
    }

    private mutating func sort() throws(LabelFault) {
        let bytes = bytes
        fields.sort { LabelCollector.compare(bytes, $0.name, $1.name) < 0 }
        for index in fields.indices.dropFirst() {
            let order = LabelCollector.compare(bytes, fields[index - 1].name, fields[index].name)
            if order == 0 { throw .duplicateName(index) }
        }
    }

    private func checkMetricName() throws(LabelFault) {
        guard let field = fields.first(where: { isMetricName($0.name) }) else { throw .missingMetricName }
        if field.value.isEmpty { throw .emptyMetricName }
    }

    /// Below 0, 0 or above 0 as the bytes at `left` come before, are, or come behind those at `right`.
    private static func compare(_ bytes: [UInt8], _ left: Range<Int>, _ right: Range<Int>) -> Int {
        bytes.withUnsafeBytes { all in
            let a = UnsafeRawBufferPointer(rebasing: all[left])
            let b = UnsafeRawBufferPointer(rebasing: all[right])
            guard let x = a.baseAddress, let y = b.baseAddress else { return a.count - b.count }
            let order = Int(memcmp(x, y, min(a.count, b.count)))
            return order == 0 ? a.count - b.count : order
        }
    }
}
