import Model

/// Numbers rounded for people: about three digits that mean something.
enum FigureText {
    /// Between groups of three digits: narrow, and no place to break a line.
    private static let groupSpace = "\u{202F}"

    /// `value` with a fraction that fits its size, such as `0.0123`, `2.35`, `48.2`, `1 284` or `3.21 M`.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return ValueText.format(value) }
        let magnitude = value.magnitude
        switch magnitude {
        case 0: return "0"
        case ..<1e-4: return scientific(value)
        case ..<1e6:
            if magnitude.rounded() == magnitude { return fixed(value, digits: 0) }
            if magnitude < 0.1 { return fixed(value, digits: magnitude < 0.01 ? 5 : 4) }
            return fixed(value, digits: magnitude < 10 ? 2 : magnitude < 1000 ? 1 : 0)
        case ..<1e15:
            let scales: [(Double, String)] = [(1e12, "T"), (1e9, "G"), (1e6, "M")]
            for (size, letter) in scales where magnitude >= size {
                return fixed(value / size, digits: 2) + groupSpace + letter
            }
            return scientific(value)
        default: return scientific(value)
        }
    }

    /// A count, whole below a million.
    static func count(_ count: Int) -> String { number(Double(count)) }

    /// A size in units of 1024 bytes, such as `12.5 MiB`.
    static func bytes(_ count: Double) -> String {
        guard count.isFinite else { return ValueText.format(count) }
        var rest = count
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        while rest.magnitude >= 1024, unit < units.count - 1 {
            rest /= 1024
            unit += 1
        }
        return number(unit == 0 ? rest : (rest * 100).rounded() / 100) + groupSpace + units[unit]
    }

    /// A time span in its two largest units, such as `3d 4h`, `12m 5s` or `0s`.
    static func span(millis: Int64) -> String {
        let seconds = max(0, millis) / 1000
        let parts: [(Int64, String)] = [
            (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
        ]
        guard let first = parts.firstIndex(where: { $0.0 > 0 }) else { return "0s" }
        let shown = parts[first...].prefix(2).filter { $0.0 > 0 }
        return shown.map { "\($0.0)\($0.1)" }.joined(separator: " ")
    }

    /// The value of the KPI `name`, with the unit that the name tells.
    static func kpi(_ value: Double, name: String) -> (number: String, unit: String) {
        // What follows `_by_` are the labels that the figure is split by.
        var parts = name.split(separator: "_")
        if let by = parts.firstIndex(of: "by") { parts.removeSubrange(by...) }
        switch parts.last {
        case "percent": return (value.isFinite ? percent(value) : number(value), "%")
        case "seconds": return (number(value), "s")
        case "bytes": return (bytes(value), "")
        default: return (number(value), "")
        }
    }

    /// Percentages below each other are read best with the same number of digits behind the point.
    private static func percent(_ value: Double) -> String {
        value.magnitude < 1e6 ? fixed(value, digits: 2) : number(value)
    }

    /// `value`, of a magnitude below 1e9, with so many digits behind the point and grouped ones before it.
    private static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        guard let scaled = UInt64(exactly: (value.magnitude * scale).rounded()) else {
            return scientific(value)
        }
        let (whole, fraction) = scaled.quotientAndRemainder(dividingBy: UInt64(scale))
        var text = grouped(String(whole))
        if digits > 0 {
            let tail = String(fraction)
            text += "." + String(repeating: "0", count: digits - tail.count) + tail
        }
        return (value < 0 && scaled > 0 ? "\u{2212}" : "") + text
    }

    private static func grouped(_ digits: String) -> String {
        var out = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { out += groupSpace }
            out.append(digit)
        }
        return out
    }

    private static func scientific(_ value: Double) -> String {
        // Three digits: the mantissa cut behind the second one of its fraction.
        let text = ValueText.formatScientific(value)
        guard let exponent = text.lastIndex(of: "e") else { return text }
        return String(text[..<exponent].prefix(value < 0 ? 5 : 4)) + text[exponent...]
    }
}
