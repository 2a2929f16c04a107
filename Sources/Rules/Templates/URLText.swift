/// Parts of URLs.
enum URLText {
    /// `text` escaped for a query, as Go's `url.QueryEscape` does it: a space becomes a plus.
    static func query(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "~"):
                out.append(byte)
            case UInt8(ascii: " "): out.append(UInt8(ascii: "+"))
            default: out += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The path and query under which Prometheus's page shows `expression`, as a table or as a graph.
    static func expressionPath(_ expression: String, isTable: Bool) -> String {
        "/graph?g0.expr=\(query(expression))&g0.tab=\(isTable ? 1 : 0)"
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}
