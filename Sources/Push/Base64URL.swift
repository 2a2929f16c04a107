/// Why a text is no base64 of UTF-8.
enum Base64URLError: Error, CustomStringConvertible {
    /// What stands at this place does not belong there.
    case illegal(at: Int)
    /// The bytes are no UTF-8.
    case notUTF8

    var description: String {
        switch self {
        case .illegal(let place): "illegal base64 data at input byte \(place)"
        case .notUTF8: "the bytes are not valid UTF-8"
        }
    }
}

/// Base64 with the alphabet for addresses (RFC 4648, section 5).
package enum Base64URL {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    )

    /// The text that `encoded` stands for; the padding may be there or not.
    static func decode(_ encoded: String) throws(Base64URLError) -> String {
        var digits = Array(encoded.utf8)[...]
        while digits.last == UInt8(ascii: "=") { digits.removeLast() }
        var bytes: [UInt8] = []
        var (bits, bitCount): (UInt32, Int) = (0, 0)
        for (place, digit) in digits.enumerated() {
            guard let value = alphabet.firstIndex(of: digit) else { throw .illegal(at: place) }
            bits = (bits << 6 | UInt32(value)) & 0xffff
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        }
        guard digits.count % 4 != 1 else { throw .illegal(at: digits.count - 1) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
        return text
    }

    /// `text` without padding; an empty text is `=`, because a part of a path must not be empty.
    package static func encode(_ text: String) -> String {
        var digits: [UInt8] = []
        var (bits, bitCount): (UInt32, Int) = (0, 0)
        for byte in text.utf8 {
            bits = (bits << 8 | UInt32(byte)) & 0xffff
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                digits.append(alphabet[Int(bits >> UInt32(bitCount) & 63)])
            }
        }
        if bitCount > 0 { digits.append(alphabet[Int(bits << UInt32(6 - bitCount) & 63)]) }
        return digits.isEmpty ? "=" : String(decoding: digits, as: UTF8.self)
    }
}
