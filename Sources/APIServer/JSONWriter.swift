import Model
import PromQL

/// Writes JSON straight into bytes, as Go's encoder writes it.
///
/// It puts the commas; the caller keeps the order of begin and end. In strings `<`, `>`, `&` and the two
/// Unicode line separators are escaped too, so that an answer shown as HTML by mistake does no harm.
package struct JSONWriter: Sendable {
    /// What was written so far.
    package private(set) var bytes: [UInt8] = []

    private var needsComma = false

    /// A writer without text.
    package init() {}

    /// Hands over what was written since the last call; the writer goes on behind it.
    package mutating func takeBytes() -> [UInt8] {
        defer { bytes.removeAll() }
        return bytes
    }

    /// Starts an object.
    package mutating func beginObject() { open("{") }
    /// Ends an object.
    package mutating func endObject() { close("}") }
    /// Starts an array.
    package mutating func beginArray() { open("[") }
    /// Ends an array.
    package mutating func endArray() { close("]") }

    /// Writes the key of an object's next value.
    package mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a string.
    package mutating func string(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        if JSONWriter.isPlain(text.utf8.span) {
            bytes.append(contentsOf: text.utf8)
        } else {
            appendEscaped(text.utf8.span)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes an integer.
    package mutating func integer(_ value: Int64) {
        separate()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        ValueText.append(integer: value.magnitude, to: &bytes)
    }

    /// Writes a finite number, such as a duration in seconds; one that is not finite becomes 0.
    package mutating func number(_ value: Double) {
        separate()
        ValueText.append(value.isFinite ? value : 0, to: &bytes)
    }

    /// Writes a number; nil, and what is not finite, become `null`.
    package mutating func numberOrNull(_ value: Double?) {
        guard let value, value.isFinite else {
            separate()
            bytes.append(contentsOf: "null".utf8)
            return
        }
        number(value)
    }

    /// Writes a time as seconds since the epoch that always have a fraction, such as `1616889600.0`.
    package mutating func decimalSeconds(_ time: Timestamp) {
        seconds(time)
        if time.millis % 1000 == 0 { bytes.append(contentsOf: ".0".utf8) }
    }

    /// Writes a number or its name (`NaN`, `+Inf`, `-Inf`) as a string, as sample values are.
    package mutating func valueString(_ value: Double) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        ValueText.append(value, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a time as seconds since the epoch.
    package mutating func seconds(_ time: Timestamp) {
        separate()
        ValueText.append(time, to: &bytes)
    }

    /// Writes a sample of a number, whose time is at `place` of `times`.
    mutating func sample(_ times: TimeTexts, _ place: Int, _ value: Double) {
        let start = bytes.count
        times.append(place, to: &bytes)
        if !needsComma { bytes.remove(at: start) }
        ValueText.append(value, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// Writes `true` or `false`.
    package mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// Writes `null`.
    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Writes a label set as an object.
    package mutating func labels(_ labels: Labels) {
        beginObject()
        let packed = labels.packed.span
        var position = 0
        while let (name, value) = labels.next(at: &position) {
            separate()
            bytes.append(UInt8(ascii: "\""))
            append(labels.packed, name, packed)
            bytes.append(UInt8(ascii: "\""))
            bytes.append(UInt8(ascii: ":"))
            bytes.append(UInt8(ascii: "\""))
            append(labels.packed, value, packed)
            bytes.append(UInt8(ascii: "\""))
        }
        endObject()
    }

    /// Writes an array of elements that are JSON already, each behind a comma.
    package mutating func array(ofWritten elements: [UInt8]) {
        beginArray()
        if !elements.isEmpty { bytes.append(contentsOf: elements, in: 1..<elements.count) }
        endArray()
    }

    /// Writes an array of strings.
    package mutating func strings(_ items: some Sequence<String>) {
        beginArray()
        for item in items { string(item) }
        endArray()
    }

    // MARK: - Parts

    private mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// Appends the bytes in `range` of `text`, whose span is `span`.
    private mutating func append(_ text: [UInt8], _ range: Range<Int>, _ span: Span<UInt8>) {
        let part = span.extracting(range)
        if JSONWriter.isPlain(part) {
            bytes.append(contentsOf: text, in: range)
        } else {
            appendEscaped(part)
        }
    }

    /// Whether nothing of the text needs an escape.
    private static func isPlain(_ text: Span<UInt8>) -> Bool {
        // Without a jump in the loop, which is nearly always walked to the end.
        var isSpecial = false
        for index in text.indices {
            let byte = text[index]
            let isQuoted = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20
            let isMarkup = byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "&")
            // The last bytes of the line separators.
            isSpecial = isSpecial || isQuoted || isMarkup || byte & 0xfe == 0xa8
        }
        return !isSpecial
    }

    private mutating func appendEscaped(_ text: Span<UInt8>) {
        for index in text.indices {
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(JSONWriter.hexDigit(byte >> 4))
                bytes.append(JSONWriter.hexDigit(byte & 15))
            case 0xa8 where JSONWriter.isAfterE280(text, index): replaceLineSeparator("\\u2028")
            case 0xa9 where JSONWriter.isAfterE280(text, index): replaceLineSeparator("\\u2029")
            default: bytes.append(byte)
            }
        }
    }

    /// Puts the escape where the first two bytes of U+2028 or U+2029 were written.
    private mutating func replaceLineSeparator(_ escape: String) {
        bytes.removeLast(2)
        bytes.append(contentsOf: escape.utf8)
    }

    private static func isAfterE280(_ text: Span<UInt8>, _ index: Int) -> Bool {
        index >= 2 && text[index - 1] == 0x80 && text[index - 2] == 0xe2
    }

    private static func hexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }
}
