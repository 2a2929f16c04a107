/// What is wrong with a text that should be JSON.
struct JSONFault: Error, Hashable {
    /// The offset of the byte at which it is noticed.
    var position: Int
    /// What was expected there.
    var expected: String
}

/// A value that has no others in it.
enum JSONScalar: Hashable {
    case string(String)
    /// A number as it is written.
    case number(String)
    case bool(Bool)
    case null
    /// An object or an array, which was skipped.
    case nested
}

/// Reads JSON (RFC 8259) piece by piece; whoever uses it says what may come next.
struct JSONReader {
    /// The text.
    let bytes: [UInt8]
    /// The place of the next byte.
    private(set) var position = 0
    /// How deep skipped values may be nested.
    let depthLimit: Int

    /// A reader at the beginning of `bytes`.
    init(_ bytes: [UInt8], depthLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
        // Some programs write a mark of UTF-8 first.
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }

    /// Whether only blanks are left.
    mutating func isAtEnd() -> Bool {
        skipBlanks()
        return position == bytes.count
    }

    /// Takes the character if it comes next, behind blanks.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Takes the character, which has to come next.
    mutating func need(_ character: Unicode.Scalar, _ expected: String) throws(JSONFault) {
        guard take(character) else { throw fault(expected) }
    }

    /// Whether another element comes: of an array that ends with `]`, or an object that ends with `}`.
    mutating func hasNext(end: Unicode.Scalar, isFirst: Bool) throws(JSONFault) -> Bool {
        if take(end) { return false }
        if !isFirst { try need(",", "\",\" or \"\(end)\"") }
        return true
    }

    /// The key of a field and the colon behind it.
    mutating func key() throws(JSONFault) -> String {
        skipBlanks()
        let key = try string("a key in double quotes")
        try need(":", "\":\" behind the key")
        return key
    }

    /// The value that comes next.
    mutating func scalar() throws(JSONFault) -> JSONScalar {
        skipBlanks()
        guard position < bytes.count else { throw fault("a value") }
        switch bytes[position] {
        case UInt8(ascii: "\""): return .string(try string("a text"))
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            try skipNested()
            return .nested
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    /// The line and the column of a place, both from 1; columns count bytes.
    func place(of position: Int) -> (line: Int, column: Int) {
        let before = bytes[..<min(position, bytes.count)]
        let line = before.reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
        let start = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        return (line, before.count - start + 1)
    }

    /// That something else was expected at the place of the next byte.
    func fault(_ expected: String) -> JSONFault { JSONFault(position: position, expected: expected) }

    // MARK: - Parts

    private mutating func skipBlanks() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return
            }
        }
    }

    private mutating func word(_ text: String, _ value: JSONScalar) throws(JSONFault) -> JSONScalar {
        guard bytes[position...].starts(with: text.utf8) else { throw fault("a value") }
        position += text.utf8.count
        return value
    }

    private mutating func number() throws(JSONFault) -> String {
        let start = position
        func isDigit(_ place: Int) -> Bool { place < bytes.count && (0x30...0x39).contains(bytes[place]) }
        if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
        guard isDigit(position) else { throw fault("a value") }
        let isZero = bytes[position] == 0x30
        position += 1
        if isZero, isDigit(position) { throw fault("a number without zeros before it") }
        while isDigit(position) { position += 1 }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            guard isDigit(position) else { throw fault("a digit") }
            while isDigit(position) { position += 1 }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, bytes[position] == 0x2b || bytes[position] == 0x2d { position += 1 }
            guard isDigit(position) else { throw fault("a digit") }
            while isDigit(position) { position += 1 }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func string(_ expected: String) throws(JSONFault) -> String {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw fault(expected) }
        let start = position
        position += 1
        var text: [UInt8] = []
        while true {
            guard position < bytes.count else {
                throw JSONFault(position: start, expected: "a text with an end")
            }
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw JSONFault(position: start, expected: "a text in UTF-8")
                }
                return valid
            case UInt8(ascii: "\\"):
                position += 1
                text.append(contentsOf: String(try escape()).utf8)
            case 0..<0x20: throw fault("no control character in a text")
            default:
                text.append(byte)
                position += 1
            }
        }
    }

    private mutating func escape() throws(JSONFault) -> Unicode.Scalar {
        guard position < bytes.count else { throw fault("a character behind the backslash") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let high = try unit()
            if let scalar = Unicode.Scalar(high) { return scalar }
            // The second half of a character beyond the first 65,536 follows.
            guard high < 0xdc00, bytes[position...].starts(with: [0x5c, 0x75]) else {
                throw fault("the second half of a surrogate pair")
            }
            position += 2
            let low = try unit()
            guard (0xdc00...0xdfff).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00))
            else { throw fault("the second half of a surrogate pair") }
            return scalar
        default:
            position -= 1
            throw fault("a known character behind the backslash")
        }
    }

    /// Four hexadecimal digits.
    private mutating func unit() throws(JSONFault) -> UInt32 {
        guard bytes.count - position >= 4 else { throw fault("four hexadecimal digits") }
        var unit: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw fault("four hexadecimal digits")
            }
            unit = unit << 4 | UInt32(digit)
        }
        position += 4
        return unit
    }

    /// Goes behind an object or an array.
    private mutating func skipNested() throws(JSONFault) {
        var ends: [Unicode.Scalar] = []
        var isFirst = true
        repeat {
            if let end = ends.last {
                guard try hasNext(end: end, isFirst: isFirst) else {
                    ends.removeLast()
                    isFirst = false
                    continue
                }
                if end == "}" { _ = try key() }
            }
            isFirst = false
            if take("{") {
                ends.append("}")
                isFirst = true
            } else if take("[") {
                ends.append("]")
                isFirst = true
            } else {
                _ = try scalar()
            }
            guard ends.count <= depthLimit else { throw fault("at most \(depthLimit) values in each other") }
        } while !ends.isEmpty
    }
}
