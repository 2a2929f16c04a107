import Model
import PromQL

/// A value that templates work with, as the Go value it stands for.
indirect enum TemplateValue: Sendable {
    /// Nothing: Go's nil, or the value of a key that is not there.
    case null
    case boolean(Bool)
    case integer(Int)
    /// A byte of a text.
    case byte(UInt8)
    case float(Double)
    case text(String)
    /// A text that is not escaped in HTML; templates of alerts make none.
    case html(String)
    /// `map[string]string`.
    case labels(Labels)
    /// `map[string]interface {}`, by `args`.
    case arguments([TemplateValue])
    case samples([TemplateSample])
    case sample(TemplateSample)
    /// Milliseconds since 1970.
    case time(Timestamp)
    /// Nanoseconds.
    case duration(Int64)
    /// What `.` is at first.
    case data(TemplateData)
}

/// One sample of a query's result.
struct TemplateSample: Hashable, Sendable {
    var labels: Labels
    var value: Double
}

extension TemplateSample {
    /// The samples of a query's result; a scalar is one without labels.
    static func samples(of value: QueryValue) throws(RuleError) -> [TemplateSample] {
        switch value {
        case .scalar(_, let number): [TemplateSample(labels: .empty, value: number)]
        case .vector(let samples):
            // As in Prometheus the number of a native histogram is 0.
            samples.map {
                TemplateSample(labels: $0.labels, value: $0.histogram == nil ? $0.value : 0)
            }
        default: throw .notAVector
        }
    }
}

/// What a template of an alert is about.
struct TemplateData: Hashable, Sendable {
    /// The labels of the sample that raised the alert, its name among them.
    var labels: Labels
    var externalLabels: Labels
    var externalURL: String
    var value: Double
}

extension TemplateValue {
    /// The name of the Go type.
    var typeName: String {
        switch self {
        case .null: "<nil>"
        case .boolean: "bool"
        case .integer: "int"
        case .byte: "uint8"
        case .float: "float64"
        case .text: "string"
        case .html: "template.HTML"
        case .labels: "map[string]string"
        case .arguments: "map[string]interface {}"
        case .samples: "template.queryResult"
        case .sample: "*template.sample"
        case .time: "*time.Time"
        case .duration: "*time.Duration"
        case .data:
            "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; "
                + "Value interface {} }"
        }
    }

    /// Whether `if` and `with` take it for true: not zero and not empty.
    var isTrue: Bool {
        switch self {
        case .null: false
        case .boolean(let value): value
        case .integer(let value): value != 0
        case .byte(let value): value != 0
        case .float(let value): value != 0
        case .text(let text), .html(let text): !text.isEmpty
        case .labels(let labels): !labels.isEmpty
        case .arguments(let values): !values.isEmpty
        case .samples(let samples): !samples.isEmpty
        case .sample, .time, .duration, .data: true
        }
    }

    /// The text if it is one.
    var string: String? {
        switch self {
        case .text(let text), .html(let text): text
        default: nil
        }
    }

    /// As Go's `fmt.Print` prints it; `isPointer` if a sample is printed as what it is pointed to.
    func printed(isPointer: Bool = false) -> String {
        switch self {
        case .null: "<nil>"
        case .boolean(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .byte(let value): "\(value)"
        case .float(let value): GoNumberText.general(value)
        case .text(let text), .html(let text): text
        case .labels(let labels): TemplateValue.map(labels)
        case .arguments(let values):
            "map["
                + values.enumerated().map { ("arg\($0)", $1) }.sorted { $0.0 < $1.0 }
                .map { "\($0):\($1.printed())" }.joined(separator: " ") + "]"
        case .samples(let samples):
            "[" + samples.map { TemplateValue.sample($0).printed(isPointer: true) }.joined(separator: " ")
                + "]"
        case .sample(let sample):
            "\(isPointer ? "&" : ""){\(TemplateValue.map(sample.labels)) \(GoNumberText.general(sample.value))}"
        case .time(let time): GoTimeText.text(time)
        case .duration(let nanos): GoTimeText.duration(nanos: nanos)
        case .data(let data):
            "{\(TemplateValue.map(data.labels)) \(TemplateValue.map(data.externalLabels)) "
                + "\(data.externalURL) \(GoNumberText.general(data.value))}"
        }
    }

    private static func map(_ labels: Labels) -> String {
        "map[" + labels.map { "\($0.name):\($0.value)" }.joined(separator: " ") + "]"
    }
}
