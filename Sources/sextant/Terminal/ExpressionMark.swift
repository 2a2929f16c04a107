/// Shows under an expression which place of it a message of the server is about.
enum ExpressionMark {
    /// The message, and below it the line of the expression with a `^` under the place that the message
    /// names as `line:column`; the message alone if it names none.
    ///
    /// Columns count bytes from 1, as the Prometheus API has them.
    static func lines(_ message: String, expression: String) -> [String] {
        guard let (line, column) = place(in: message) else { return [message] }
        let lines = expression.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(line - 1), column >= 1, column <= lines[line - 1].utf8.count + 1 else {
            return [message]
        }
        let text = String(lines[line - 1])
        let before = String(decoding: text.utf8.prefix(column - 1), as: UTF8.self)
        let indent = String(before.map { $0 == "\t" ? "\t" : " " })
        return [message, "  " + SeriesText.printable(text).replacingTabs(of: text), "  " + indent + "^"]
    }

    /// The first `line:column` in front of `: parse error`, or the last one in parentheses, as warnings
    /// have it.
    private static func place(in message: String) -> (line: Int, column: Int)? {
        let words = message.split(separator: " ")
        for (index, word) in words.enumerated() where word.hasSuffix(":") {
            let next = words[(index + 1)...].first
            if next == "parse", let place = pair(word.dropLast()) { return place }
        }
        guard let last = words.last, last.hasPrefix("("), last.hasSuffix(")") else { return nil }
        return pair(last.dropFirst().dropLast())
    }

    private static func pair(_ text: Substring) -> (line: Int, column: Int)? {
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false)
        guard numbers.count == 2, let line = Int(numbers[0]), let column = Int(numbers[1]), line >= 1 else {
            return nil
        }
        return (line, column)
    }
}

extension String {
    /// This text, whose tabs were replaced, with the tabs of `original` at their places.
    fileprivate func replacingTabs(of original: String) -> String {
        String(zip(self, original).map { $1 == "\t" ? "\t" : $0 })
    }
}
