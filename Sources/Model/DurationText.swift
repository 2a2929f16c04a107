/// Durations as Prometheus writes them, such as `90d` or `1h30m`.
///
/// Source: Prometheus `model.ParseDuration`: units y w d h m s ms, each at most once, in this order; a year
/// has 365 days. `0` needs no unit.
public enum DurationText {
    private static let units: [(name: String, millis: Int64)] = [
        ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000),
        ("s", 1000), ("ms", 1),
    ]

    /// The duration in milliseconds, or nil if `text` is none or does not fit.
    public static func parse(_ text: some StringProtocol) -> Int64? {
        if text == "0" { return 0 }
        var total: Int64 = 0
        var nextUnit = 0
        var rest = Array(text.utf8)[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { $0 < 0x30 || $0 > 0x39 }
            rest = rest.dropFirst(letters.count)
            guard !digits.isEmpty, let amount = Int64(String(decoding: digits, as: UTF8.self)),
                let unit = units[nextUnit...].firstIndex(where: { $0.name.utf8.elementsEqual(letters) })
            else { return nil }
            nextUnit = unit + 1
            let (product, tooLarge) = amount.multipliedReportingOverflow(by: units[unit].millis)
            let (sum, overflow) = total.addingReportingOverflow(product)
            guard !tooLarge, !overflow, sum <= Int64.max / 1_000_000 else { return nil }
            total = sum
        }
        return total
    }

    /// `millis` as text that `parse` reads back, in few units (`90d`, not `12w6d`); `0s` for zero.
    public static func format(millis: Int64) -> String {
        guard millis != 0 else { return "0s" }
        var rest = millis.magnitude
        var out = millis < 0 ? "-" : ""
        for unit in units {
            let size = UInt64(unit.millis)
            if (unit.name == "y" || unit.name == "w") && rest % size != 0 { continue }
            let amount = rest / size
            guard amount > 0 else { continue }
            out += "\(amount)\(unit.name)"
            rest -= amount * size
        }
        return out
    }
}
