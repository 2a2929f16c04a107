/// A JSON document as it was written: members in their order, numbers as their text.
indirect enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSON])
    case object([Member])

    /// A name and value of an object.
    struct Member: Hashable, Sendable {
        let name: String
        let value: JSON
    }

    /// What is wrong with a text that should be JSON.
    struct SyntaxError: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads one document; nothing but white space may follow it.
    init(parsing bytes: [UInt8]) throws {
        var parser = JSONParser(bytes: bytes)
        self = try parser.document()
    }

    /// The value of an object's member, or nil.
    subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The elements of an array; none for anything else.
    var elements: [JSON] {
        if case .array(let elements) = self { elements } else { [] }
    }

    /// The members of an object; none for anything else.
    var members: [Member] {
        if case .object(let members) = self { members } else { [] }
    }

    /// The content of a string, or nil.
    var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The text of a number, or nil.
    var number: String? {
        if case .number(let text) = self { text } else { nil }
    }
}

/// A strict recursive-descent reader of RFC 8259.
private struct JSONParser {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws -> JSON {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw error("something behind the document") }
        return value
    }

    private mutating func value(depth: Int) throws -> JSON {
        guard depth < 64 else { throw error("nested too deeply") }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws -> JSON {
        var members: [JSON.Member] = []
        position += 1
        skipSpace()
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            let name = try string()
            skipSpace()
            guard take(":") else { throw error("no colon") }
            guard !members.contains(where: { $0.name == name }) else { throw error("\(name) twice") }
            members.append(JSON.Member(name: name, value: try value(depth: depth + 1)))
            skipSpace()
        } while take(",")
        guard take("}") else { throw error("an object without end") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws -> JSON {
        var elements: [JSON] = []
        position += 1
        skipSpace()
        if take("]") { return .array([]) }
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw error("an array without end") }
        return .array(elements)
    }

    private mutating func string() throws -> String {
        guard take("\"") else { throw error("no string") }
        var text = ""
        var start = position
        while let byte = peek {
            if byte == UInt8(ascii: "\"") {
                text += try utf8(start..<position)
                position += 1
                return text
            }
            guard byte >= 0x20 else { throw error("a control character in a string") }
            position += 1
            if byte == UInt8(ascii: "\\") {
                text += try utf8(start..<position - 1)
                text.unicodeScalars.append(try escape())
                start = position
            }
        }
        throw error("a string without end")
    }

    private func utf8(_ range: Range<Int>) throws -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else { throw error("invalid UTF-8") }
        return text
    }

    private mutating func escape() throws -> Unicode.Scalar {
        guard let byte = peek else { throw error("a string without end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw error("an unknown escape")
        }
        var code = try hexadecimalUnit()
        if (0xd800..<0xdc00).contains(code), take("\\"), take("u") {
            let low = try hexadecimalUnit()
            guard (0xdc00..<0xe000).contains(low) else { throw error("half a surrogate pair") }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimalUnit() throws -> UInt32 {
        guard position + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw error("no four hexadecimal digits") }
        position += 4
        return code
    }

    private mutating func number() throws -> JSON {
        let start = position
        _ = take("-")
        let isZero = take("0")
        if !isZero { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() throws {
        let start = position
        while let byte = peek, (0x30...0x39).contains(byte) { position += 1 }
        guard position > start else { throw error("no value") }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws -> JSON {
        let text = Array("\(word)".utf8)
        guard bytes[position...].starts(with: text) else { throw error("no value") }
        position += text.count
        return value
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private func error(_ what: String) -> JSON.SyntaxError {
        let around = bytes[max(0, position - 40)..<min(bytes.count, position + 40)]
        return JSON.SyntaxError(
            description: "byte \(position): \(what), near \(String(decoding: around, as: UTF8.self))"
        )
    }
}
