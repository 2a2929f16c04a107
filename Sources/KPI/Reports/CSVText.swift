/// Comma-separated values as RFC 4180 has them.
package enum CSVText {
    /// `text` as one field, in quotes where that is needed.
    package static func field(_ text: String) -> String {
        let special: Set<UInt8> = [0x22, 0x2c, 0x0a, 0x0d]
        guard text.utf8.contains(where: special.contains) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    /// The rows of `text`; nil if a quoted field does not end.
    package static func rows(_ text: String) -> [[String]]? {
        var rows: [[String]] = []
        var row: [String] = []
        var field: [UInt8] = []
        var rest = Array(text.utf8)[...]
        var isQuoted = false
        func take(_ field: inout [UInt8], into row: inout [String]) {
            row.append(String(decoding: field, as: UTF8.self))
            field = []
        }
        while let byte = rest.popFirst() {
            if isQuoted {
                if byte != 0x22 {
                    field.append(byte)
                } else if rest.first == 0x22 {
                    field.append(byte)
                    rest = rest.dropFirst()
                } else {
                    isQuoted = false
                }
                continue
            }
            switch byte {
            case 0x22: isQuoted = true
            case 0x2c: take(&field, into: &row)
            case 0x0d where rest.first == 0x0a: break
            case 0x0a:
                take(&field, into: &row)
                rows.append(row)
                row = []
            default: field.append(byte)
            }
        }
        guard !isQuoted else { return nil }
        if !field.isEmpty || !row.isEmpty {
            take(&field, into: &row)
            rows.append(row)
        }
        return rows
    }
}
