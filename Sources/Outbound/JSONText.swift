import Model

/// Writes JSON of bodies that are sent.
struct JSONText {
    /// What was written so far.
    private(set) var bytes: [UInt8] = []

    /// Adds what stands between values and around them, as it is.
    mutating func raw(_ text: StaticString) {
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    /// Adds a string.
    mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): raw("\\n")
            case UInt8(ascii: "\r"): raw("\\r")
            case UInt8(ascii: "\t"): raw("\\t")
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes.append(contentsOf: ("\\u00" + (digits.utf8.count < 2 ? "0" : "") + digits).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Adds an object of strings.
    mutating func object(_ entries: some Sequence<Label>) {
        raw("{")
        var isFirst = true
        for entry in entries {
            if !isFirst { raw(",") }
            isFirst = false
            string(entry.name)
            raw(":")
            string(entry.value)
        }
        raw("}")
    }
}
