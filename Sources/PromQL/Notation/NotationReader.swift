import Model

/// Reads the values of a series from left to right.
struct NotationReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// Whether nothing is left.
    var isAtEnd: Bool { position == bytes.count }
    /// Whether white space comes next.
    var isAtSpace: Bool { position < bytes.count && NotationReader.isSpace(bytes[position]) }

    /// Whether `text` comes next.
    func isAt(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

    /// Takes `text` if it comes next.
    mutating func takes(_ text: String) -> Bool {
        guard isAt(text) else { return false }
        position += text.utf8.count
        return true
    }

    /// Steps over white space.
    mutating func skipSpaces() {
        while isAtSpace { position += 1 }
    }

    /// The text up to the first byte that `isEnd` picks.
    mutating func text(until isEnd: (UInt8) -> Bool) -> String {
        let start = position
        while position < bytes.count, !isEnd(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// The word up to white space or one of the closing brackets.
    mutating func word() -> String {
        text { NotationReader.isSpace($0) || $0 == UInt8(ascii: "}") || $0 == UInt8(ascii: "]") }
    }

    /// How often something is repeated.
    mutating func count() throws(NotationError) -> Int {
        let start = position
        while position < bytes.count, NotationReader.isDigit(bytes[position]) { position += 1 }
        let digits = String(decoding: bytes[start..<position], as: UTF8.self)
        guard !digits.isEmpty else { throw unexpected("the number of repetitions") }
        guard let count = Int(digits) else { throw NotationError("\(digits) repetitions are too many") }
        return count
    }

    /// A number with its sign, `NaN`, `Inf`, or `stale`.
    mutating func number() throws(NotationError) -> Double {
        let start = position
        if !takes("+") { _ = takes("-") }
        let first = position
        if position < bytes.count, NotationReader.isLetter(bytes[position]) {
            while position < bytes.count,
                NotationReader.isLetter(bytes[position]) || NotationReader.isDigit(bytes[position])
            { position += 1 }
            let word = String(decoding: bytes[first..<position], as: UTF8.self)
            if word == "stale", first == start { return StaleMarker.value }
            guard ["nan", "inf"].contains(word.lowercased()) else {
                throw NotationError("\(LabelText.quoted(word)) is no value of a series")
            }
        } else {
            digits()
            if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
                position += 1
                if !takes("+") { _ = takes("-") }
                digits()
            }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard first < position, let number = ValueText.parse(text) else {
            position = start
            throw unexpected("a value")
        }
        return number
    }

    /// The error that something else comes next than was expected.
    func unexpected(_ expected: String = "a space, a sign or x") -> NotationError {
        guard !isAtEnd else { return NotationError("the values end where \(expected) has to follow") }
        let rest = bytes[position...].prefix { !NotationReader.isSpace($0) }.prefix(40)
        let found = LabelText.quoted(String(decoding: rest, as: UTF8.self))
        return NotationError("\(found) stands at byte \(position + 1) of the values instead of \(expected)")
    }

    private mutating func digits() {
        while position < bytes.count,
            NotationReader.isDigit(bytes[position]) || bytes[position] == UInt8(ascii: ".")
        { position += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (9...13).contains(byte)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
