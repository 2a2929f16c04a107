import Model

/// Runs of sample values as promtool's tests write them: `1 2 _ 3`, `0+10x5`, `5-1x3`, `7x4`, `_x3`.
enum SampleText {
    /// The most samples of one run.
    private static let countLimit = 100_000

    /// The values, nil where there is no sample; nil if `text` is wrong.
    static func values(_ text: String) -> [Double?]? {
        var values: [Double?] = []
        for word in text.split(separator: " ") {
            guard let run = run(word), values.count + run.count <= countLimit else { return nil }
            values += run
        }
        return values
    }

    private static func run(_ word: Substring) -> [Double?]? {
        guard let cross = word.lastIndex(of: "x") else {
            if word == "_" { return [nil] }
            return ValueText.parse(word).map { [$0] }
        }
        guard let count = Int(word[word.index(after: cross)...]), (0...countLimit).contains(count)
        else { return nil }
        let head = word[..<cross]
        if head == "_" { return [Double?](repeating: nil, count: count) }
        // The sign between start and step is the last one that is no exponent's.
        let sign = head.indices.dropFirst().last { index in
            let before = head[head.index(before: index)]
            return (head[index] == "+" || head[index] == "-") && before != "e" && before != "E"
        }
        guard let sign else {
            return ValueText.parse(head).map { [Double?](repeating: $0, count: count + 1) }
        }
        guard let start = ValueText.parse(head[..<sign]), let step = ValueText.parse(head[sign...])
        else { return nil }
        return (0...count).map { start + Double($0) * step }
    }
}
