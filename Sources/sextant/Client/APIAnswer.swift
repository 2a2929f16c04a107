import Model

/// The envelope of a successful answer.
struct APIAnswer<Content: Decodable>: Decodable {
    var data: Content
    var warnings: [String]?
    var infos: [String]?
}

/// What a query yields, and what the server has to say about it.
struct QueryResponse: Sendable {
    var result: QueryResult
    var warnings: [String] = []
    var infos: [String] = []
    /// The answer as the server sent it.
    var body: [UInt8] = []
}

/// The value of an expression.
enum QueryResult: Hashable, Sendable {
    case scalar(APIPoint)
    case string(APIPoint)
    /// Series with one point each.
    case vector([APISeries])
    /// Series with points in the order of time.
    case matrix([APISeries])

    /// The series; a scalar counts as one without labels.
    var series: [APISeries] {
        switch self {
        case .scalar(let point), .string(let point): [APISeries(labels: [:], points: [point])]
        case .vector(let series), .matrix(let series): series
        }
    }
}

/// A series of an answer.
struct APISeries: Hashable, Sendable {
    /// The labels, `__name__` included.
    var labels: [String: String]
    /// The points in the order of time.
    var points: [APIPoint]
}

/// A value and its time, the value as the server wrote it.
struct APIPoint: Hashable, Sendable, Decodable {
    var time: Timestamp
    var text: String

    /// The number; nil if the text is none.
    var value: Double? { ValueText.parse(text) }

    init(time: Timestamp, text: String) {
        self.time = time
        self.text = text
    }

    init(from decoder: any Decoder) throws {
        var pair = try decoder.unkeyedContainer()
        let millis = (try pair.decode(Double.self) * 1000).rounded()
        time = Timestamp(millis: Int64(exactly: millis) ?? (millis < 0 ? .min : .max))
        text = try pair.decode(String.self)
    }
}

/// A native histogram and its time, of which a text tells the count and the sum.
struct APIHistogramPoint: Decodable {
    var point: APIPoint

    private struct Content: Decodable {
        var count: String
        var sum: String
    }

    init(from decoder: any Decoder) throws {
        var pair = try decoder.unkeyedContainer()
        let millis = (try pair.decode(Double.self) * 1000).rounded()
        let time = Timestamp(millis: Int64(exactly: millis) ?? (millis < 0 ? .min : .max))
        let content = try pair.decode(Content.self)
        point = APIPoint(time: time, text: "{count:\(content.count), sum:\(content.sum)}")
    }
}

/// The `data` of a query's answer.
struct QueryData: Decodable {
    var result: QueryResult

    private enum Key: CodingKey { case resultType, result }

    private struct Instant: Decodable {
        var metric: [String: String]
        var value: APIPoint?
        var histogram: APIHistogramPoint?
    }

    private struct Range: Decodable {
        var metric: [String: String]
        var values: [APIPoint]?
        var histograms: [APIHistogramPoint]?

        var points: [APIPoint] {
            let all = (values ?? []) + (histograms ?? []).map(\.point)
            return histograms == nil ? all : all.sorted { $0.time < $1.time }
        }
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        switch try fields.decode(String.self, forKey: .resultType) {
        case "scalar": result = .scalar(try fields.decode(APIPoint.self, forKey: .result))
        case "string": result = .string(try fields.decode(APIPoint.self, forKey: .result))
        case "vector":
            let series = try fields.decode([Instant].self, forKey: .result)
            result = .vector(
                series.map {
                    APISeries(labels: $0.metric, points: [$0.value, $0.histogram?.point].compactMap { $0 })
                }
            )
        case "matrix":
            let series = try fields.decode([Range].self, forKey: .result)
            result = .matrix(series.map { APISeries(labels: $0.metric, points: $0.points) })
        case let other:
            throw DecodingError.dataCorruptedError(
                forKey: .resultType,
                in: fields,
                debugDescription: "\(other) is no type of a result"
            )
        }
    }
}

/// The `data` of the answer about rules.
struct RulesAnswer: Decodable {
    var groups: [RuleGroupAnswer]
}

/// A rule group as the daemon tells of it.
struct RuleGroupAnswer: Decodable, Sendable {
    var name: String
    var rules: [RuleAnswer]
}

/// A recording rule as the daemon tells of it.
struct RuleAnswer: Decodable, Sendable {
    /// The name of the series that it records.
    var name: String
    /// Its expression.
    var query: String
    /// The labels that it sets.
    var labels: [String: String]?
}

/// A past of rules as the daemon tells of it.
struct BackfillAnswer: Decodable, Sendable {
    /// What names it.
    var id: String
    /// The rules.
    var rules: [String]
    /// How many slots there are.
    var slots: Int
    /// How many of them are done.
    var done: Int
}
