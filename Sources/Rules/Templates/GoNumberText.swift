import Foundation
import Model

/// Numbers as Go's `fmt` prints them; digits are those of the exact value.
enum GoNumberText {
    /// The most digits behind the point, and the widest field: what Go allows is 10^6.
    static let widthLimit = 10_000

    /// As `%v` prints it: the shortest digits that read back, with an exponent below 1e-4 and from 1e6 on.
    static func general(_ value: Double) -> String {
        guard value.isFinite else { return ValueText.format(value) }
        let magnitude = value.magnitude
        let isPlain = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e6)
        return isPlain ? plain(value) : ValueText.formatScientific(value)
    }

    /// By a verb of `printf`, one of `eEfFgG`, with so many digits; nil for the shortest that read back.
    static func format(_ value: Double, verb: Character, digitCount: Int?) -> String {
        guard value.isFinite else { return ValueText.format(value) }
        guard let digitCount else {
            let shortest =
                switch verb {
                case "e", "E": ValueText.formatScientific(value)
                case "f", "F": plain(value)
                default: general(value)
                }
            return verb.isUppercase ? shortest.uppercased() : shortest
        }
        let letter = verb == "F" ? "f" : String(verb)
        return String(format: "%.\(min(digitCount, widthLimit))\(letter)", value)
    }

    /// In four significant digits, as the functions that humanize do.
    static func short(_ value: Double) -> String { format(value, verb: "g", digitCount: 4) }

    /// Without exponent, in the shortest digits that read back.
    private static func plain(_ value: Double) -> String {
        let scientific = ValueText.formatScientific(value.magnitude)
        let parts = scientific.split(separator: "e")
        guard parts.count == 2, let exponent = Int(parts[1]) else { return scientific }
        let digits = Array(parts[0].utf8.filter { $0 != UInt8(ascii: ".") })
        let pointAt = exponent + 1
        var out: [UInt8] = value.sign == .minus ? [UInt8(ascii: "-")] : []
        let zero = UInt8(ascii: "0")
        if pointAt <= 0 {
            out += [zero, UInt8(ascii: ".")] + Array(repeating: zero, count: -pointAt) + digits
        } else if pointAt >= digits.count {
            out += digits + Array(repeating: zero, count: pointAt - digits.count)
        } else {
            out += digits[..<pointAt] + [UInt8(ascii: ".")] + digits[pointAt...]
        }
        return String(decoding: out, as: UTF8.self)
    }
}
