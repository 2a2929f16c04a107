import Model

/// Numbers and times as Go's `fmt` and `strconv` print them in Prometheus's messages and labels.
package enum GoText {
    /// `value` as `%g` and `%v` print it: the shortest digits that read back, with an exponent below 1e-4 and
    /// from 1e6 on.
    static func general(_ value: Double) -> String {
        guard value.isFinite else { return ValueText.format(value) }
        return general(Decimal(value), exponentLimit: 6)
    }

    /// `value` as `%.Ng` prints it, with at most `digitCount` digits.
    static func general(_ value: Double, digitCount: Int) -> String {
        guard value.isFinite else { return ValueText.format(value) }
        var decimal = Decimal(value)
        decimal.round(to: digitCount)
        return general(decimal, exponentLimit: digitCount)
    }

    /// `value` as `%f` prints it, with six decimals.
    static func fixed(_ value: Double) -> String {
        guard value.isFinite else { return ValueText.format(value) }
        var decimal = Decimal(value)
        decimal.round(to: decimal.pointAt + 6)
        let text = plain(decimal)
        let decimalCount = max(0, decimal.digits.count - decimal.pointAt)
        let padding = String(repeating: "0", count: max(0, 6 - decimalCount))
        return text + (decimalCount == 0 ? "." : "") + padding
    }

    /// `value` as `strconv.FormatFloat(value, 'f', -1, 64)` prints it: never with an exponent.
    package static func plain(_ value: Double) -> String {
        guard value.isFinite else { return ValueText.format(value) }
        return plain(Decimal(value))
    }

    /// A time as RFC 3339 prints it in UTC, in whole seconds.
    static func time(millis: Int64) -> String {
        let date = CivilTime(unixSeconds: Timestamp(millis: millis).floored(toMillis: 1000).millis / 1000)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(date.year)-\(two(date.month))-\(two(date.day))"
        return "\(day)T\(two(date.hour)):\(two(date.minute)):\(two(date.second))Z"
    }

    /// A label set as Prometheus's messages print it: the metric's name is a label among the others.
    static func labels(_ labels: Labels) -> String {
        let parts = labels.map { label in
            let name = LabelText.isLegacyLabelName(label.name) ? label.name : LabelText.quoted(label.name)
            return "\(name)=\(LabelText.quoted(label.value))"
        }
        return "{\(parts.joined(separator: ", "))}"
    }

    // MARK: - Decimal digits

    /// A finite number as decimal digits: `digits` with the point before the digit `pointAt`.
    private struct Decimal {
        var isNegative: Bool
        var digits: [UInt8] = []
        var pointAt = 0

        init(_ value: Double) {
            isNegative = value.sign == .minus
            guard value != 0 else { return }
            var rest = Array(value.magnitude.description.utf8)[...]
            var exponent = 0
            var point: Int?
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "."): point = digits.count
                case UInt8(ascii: "e"):
                    exponent = Int(String(decoding: rest, as: UTF8.self)) ?? 0
                    rest = []
                default: digits.append(byte - UInt8(ascii: "0"))
                }
            }
            pointAt = (point ?? digits.count) + exponent
            let leadingZeros = digits.prefix { $0 == 0 }.count
            digits.removeFirst(leadingZeros)
            pointAt -= leadingZeros
            trimZeros()
        }

        /// Keeps `count` digits, rounding the last one half up.
        mutating func round(to count: Int) {
            guard digits.count > count else { return }
            guard count >= 0 else {
                digits = []
                return trimZeros()
            }
            let roundsUp = digits[count] >= 5
            digits.removeLast(digits.count - count)
            if roundsUp {
                var position = count - 1
                while position >= 0, digits[position] == 9 {
                    digits[position] = 0
                    position -= 1
                }
                if position >= 0 {
                    digits[position] += 1
                } else {
                    digits.insert(1, at: 0)
                    pointAt += 1
                }
            }
            trimZeros()
        }

        /// The digit at `position`, counted from the first one; 0 outside of them.
        func digit(at position: Int) -> UInt8 {
            digits.indices.contains(position) ? digits[position] : 0
        }

        private mutating func trimZeros() {
            while digits.last == 0 { digits.removeLast() }
            if digits.isEmpty { pointAt = 0 }
        }
    }

    private static func general(_ decimal: Decimal, exponentLimit: Int) -> String {
        let exponent = decimal.digits.isEmpty ? 0 : decimal.pointAt - 1
        guard exponent < -4 || exponent >= exponentLimit else { return plain(decimal) }
        var out = decimal.isNegative ? "-" : ""
        for (index, digit) in decimal.digits.enumerated() {
            if index == 1 { out += "." }
            out += "\(digit)"
        }
        let magnitude = exponent.magnitude
        return out + (exponent < 0 ? "e-" : "e+") + (magnitude < 10 ? "0" : "") + "\(magnitude)"
    }

    private static func plain(_ decimal: Decimal) -> String {
        var out = decimal.isNegative ? "-" : ""
        for position in 0..<max(decimal.pointAt, 1) {
            out += "\(decimal.digit(at: decimal.pointAt > 0 ? position : -1))"
        }
        guard decimal.digits.count > decimal.pointAt else { return out }
        out += "."
        for position in decimal.pointAt..<decimal.digits.count { out += "\(decimal.digit(at: position))" }
        return out
    }
}
