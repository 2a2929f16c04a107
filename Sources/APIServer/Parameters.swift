import Model

/// The parameters of a request, from the form in its body and from its address.
///
/// Source: the URL standard's application/x-www-form-urlencoded. Unlike there, a broken escape or text that
/// is no UTF-8 is an error, because a query that was cut or mangled must not be answered as if it were right.
struct Parameters: Sendable {
    private var pairs: [(name: String, value: String)] = []

    /// No parameters.
    init() {}

    /// Adds the parameters of `text`, such as `query=up&time=4`; those added first count first.
    mutating func add(form text: some Sequence<UInt8>) throws(APIError) {
        let bytes = Array(text)
        var start = 0
        while start < bytes.count {
            var end = start
            var equals: Int?
            while end < bytes.count, bytes[end] != UInt8(ascii: "&") {
                if equals == nil, bytes[end] == UInt8(ascii: "=") { equals = end }
                end += 1
            }
            if end > start {
                let name = try Parameters.decode(bytes[start..<(equals ?? end)])
                let value = try equals.map { equals throws(APIError) in
                    try Parameters.decode(bytes[equals + 1..<end])
                }
                pairs.append((name, value ?? ""))
            }
            start = end + 1
        }
    }

    /// The first value of `name`, empty if there is none.
    subscript(name: String) -> String {
        pairs.first { $0.name == name }?.value ?? ""
    }

    /// All values of `name`.
    func all(_ name: String) -> [String] {
        pairs.filter { $0.name == name }.map(\.value)
    }

    /// The text that an escaped part of an address stands for; `+` is a blank unless `isPath`.
    static func decode(_ escaped: some Collection<UInt8>, isPath: Bool = false) throws(APIError) -> String {
        let source = Array(escaped)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        var place = 0
        while place < source.count {
            let byte = source[place]
            place += 1
            switch byte {
            case UInt8(ascii: "+") where !isPath: bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                let digits = source[place..<min(place + 2, source.count)]
                guard digits.count == 2, let high = hexValue(digits.first), let low = hexValue(digits.last)
                else {
                    let shown = String(decoding: [byte] + digits, as: UTF8.self)
                    throw .badData("error parsing form values: invalid URL escape \(LabelText.quoted(shown))")
                }
                place += 2
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .badData("error parsing form values: invalid UTF-8")
        }
        return text
    }

    private static func hexValue(_ digit: UInt8?) -> UInt8? {
        switch digit {
        case let digit? where digit >= 0x30 && digit <= 0x39: digit - 0x30
        case let digit? where digit >= 0x41 && digit <= 0x46: digit - 0x41 + 10
        case let digit? where digit >= 0x61 && digit <= 0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
