/// Sizes as configuration files have them: a number of bytes, or a whole number of KiB, MiB, GiB or TiB.
public enum ByteCountText {
    private static let units: [(name: String, byteCount: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// The number of bytes, or nil if `text` is no size or does not fit.
    public static func parse(_ text: String) -> Int? {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        let name = text.utf8.dropFirst(digits.count).drop { $0 == 0x20 }
        guard let number = Int(String(decoding: Array(digits), as: UTF8.self)) else { return nil }
        if name.isEmpty { return number }
        guard let unit = units.first(where: { $0.name.utf8.elementsEqual(name) }) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.byteCount)
        return overflow ? nil : product
    }

    /// `byteCount` in the largest unit that it is a whole number of.
    public static func format(_ byteCount: Int) -> String {
        guard byteCount > 0, let unit = units.dropLast().first(where: { byteCount % $0.byteCount == 0 })
        else {
            return String(byteCount)
        }
        return "\(byteCount / unit.byteCount)\(unit.name)"
    }
}
