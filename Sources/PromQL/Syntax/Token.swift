/// A token of the query text.
struct Token: Hashable {
    /// What kind of token it is.
    enum Kind: Hashable {
        case endOfInput
        /// The text is no token; says why not. Nothing behind it is read.
        case failure(String)
        case identifier
        /// An identifier with a colon, which can only be a metric's name.
        case metricIdentifier
        case number
        case duration
        case string
        case leftParen
        case rightParen
        case leftBrace
        case rightBrace
        case leftBracket
        case rightBracket
        case comma
        case colon
        /// `=`
        case assign
        /// `=~`
        case matches
        /// `!~`
        case matchesNot
        /// `@`
        case at
        case binary(BinaryOperator)
        case aggregation(AggregationOperator)
        case keyword(Keyword)
        case queryTime(QueryTime)
        /// `min_of` or `max_of`.
        case extremum(isMaximum: Bool)
    }

    /// The words that modify something.
    enum Keyword: String, CaseIterable {
        case bool, by, without, on, ignoring, offset, anchored, smoothed, fill
        case groupLeft = "group_left"
        case groupRight = "group_right"
        case fillLeft = "fill_left"
        case fillRight = "fill_right"
    }

    /// What kind of token it is.
    var kind: Kind
    /// Where it stands.
    var span: SourceSpan

    /// The token as error messages of Prometheus name it; `text` is what stands at `span`.
    func described(as text: String) -> String {
        switch kind {
        case .endOfInput: "end of input"
        case .failure(let message): message
        case .identifier: "identifier \(QuotedText.string(text))"
        case .metricIdentifier: "metric identifier \(QuotedText.string(text))"
        case .number: "number \(QuotedText.shortened(text))"
        case .duration: "duration \(QuotedText.shortened(text))"
        case .string: "string \(QuotedText.shortened(text))"
        case .binary, .matches, .matchesNot, .at: "<op:\(text)>"
        case .aggregation: "<aggr:\(text)>"
        case .keyword: "<\(text)>"
        default: QuotedText.shortened(text)
        }
    }

    /// The words that are no plain identifiers, in lower case; any case counts in a query.
    static let words: [String: Kind] = {
        var words: [String: Kind] = [
            "and": .binary(.and), "or": .binary(.or), "unless": .binary(.unless), "atan2": .binary(.atan2),
            "inf": .number, "nan": .number,
            "min_of": .extremum(isMaximum: false), "max_of": .extremum(isMaximum: true),
        ]
        for op in AggregationOperator.allCases { words[op.rawValue] = .aggregation(op) }
        for keyword in Keyword.allCases { words[keyword.rawValue] = .keyword(keyword) }
        for time in [QueryTime.start, .end, .range, .step] { words[time.rawValue] = .queryTime(time) }
        return words
    }()

    /// The words inside `[...]`, in lower case.
    ///
    /// Prometheus 3.7 to 3.12 called `min_of` and `max_of` `min` and `max`.
    static let durationWords: [String: Kind] = [
        "step": .queryTime(.step), "range": .queryTime(.range),
        "min_of": .extremum(isMaximum: false), "max_of": .extremum(isMaximum: true),
        "min": .extremum(isMaximum: false), "max": .extremum(isMaximum: true),
    ]

    /// The length of the longest word in `words`, in bytes.
    static let longestWordBytes = words.keys.map(\.utf8.count).max() ?? 0
}
