import Model
import PromQL

/// What a name behind a dot stands for.
struct TemplateField {
    var value: TemplateValue
    /// Whether the field is declared as `interface {}`, which messages tell.
    var isInterface = false

    private static let timeMethods: Set<String> = [
        "Day", "Format", "Hour", "Minute", "Month", "Second", "String", "Unix", "UnixMilli", "UnixNano",
        "UTC",
        "Weekday", "Year", "YearDay",
    ]
    private static let durationMethods: Set<String> = [
        "Hours", "Microseconds", "Milliseconds", "Minutes", "Nanoseconds", "Seconds", "String",
    ]

    /// Whether `name` is a method of the value, which may have arguments.
    static func isMethod(_ name: String, of value: TemplateValue) -> Bool {
        switch value {
        case .time: timeMethods.contains(name)
        case .duration: durationMethods.contains(name)
        default: false
        }
    }

    /// The field or the key `name` of `receiver`, or what its method `name` answers.
    static func read(
        _ name: String,
        of receiver: TemplateValue,
        isInterface: Bool,
        hasArguments: Bool,
        arguments: [TemplateValue]
    ) throws(TemplateError) -> TemplateField {
        switch receiver {
        case .null: return TemplateField(value: .null)
        case .labels(let labels):
            try refuse(hasArguments, "\(name) is not a method but has arguments")
            return TemplateField(value: .text(labels[name] ?? ""))
        case .arguments(let values):
            try refuse(hasArguments, "\(name) is not a method but has arguments")
            return TemplateField(value: TemplateValue.argument(name, of: values), isInterface: true)
        case .sample(let sample) where name == "Labels" || name == "Value":
            try refuse(hasArguments, "\(name) has arguments but cannot be invoked as function")
            return TemplateField(value: name == "Labels" ? .labels(sample.labels) : .float(sample.value))
        case .data(let data):
            let value: TemplateValue
            switch name {
            case "Labels": value = .labels(data.labels)
            case "ExternalLabels": value = .labels(data.externalLabels)
            case "ExternalURL": value = .text(data.externalURL)
            case "Value": value = .float(data.value)
            default: throw missing(name, receiver, isInterface)
            }
            try refuse(hasArguments, "\(name) has arguments but cannot be invoked as function")
            return TemplateField(value: value, isInterface: name == "Value")
        case .time(let time) where timeMethods.contains(name):
            return TemplateField(value: try method(name, of: time, arguments))
        case .duration(let nanos) where durationMethods.contains(name):
            try refuse(!arguments.isEmpty, wrongCount(name, 0, arguments.count))
            return TemplateField(value: method(name, ofNanos: nanos))
        default: throw missing(name, receiver, isInterface)
        }
    }

    private static func refuse(_ condition: Bool, _ message: String) throws(TemplateError) {
        if condition { throw TemplateError(message) }
    }

    private static func missing(_ name: String, _ value: TemplateValue, _ isInterface: Bool) -> TemplateError
    {
        TemplateError("can't evaluate field \(name) in type \(isInterface ? "interface {}" : value.typeName)")
    }

    private static func wrongCount(_ name: String, _ wanted: Int, _ found: Int) -> String {
        "wrong number of args for \(name): want \(wanted) got \(found)"
    }

    private static func method(_ name: String, of time: Timestamp, _ arguments: [TemplateValue])
        throws(TemplateError) -> TemplateValue
    {
        if name == "Format" {
            try refuse(arguments.count != 1, wrongCount(name, 1, arguments.count))
            guard case .text(let layout) = arguments[0] else {
                throw TemplateError(
                    "wrong type for value; expected string; got \(arguments[0].typeName)"
                )
            }
            return .text(GoTimeText.format(time, layout: layout))
        }
        try refuse(!arguments.isEmpty, wrongCount(name, 0, arguments.count))
        let seconds = time.floored(toMillis: 1000).millis / 1000
        let date = CivilTime(unixSeconds: seconds)
        return switch name {
        case "Year": .integer(Int(date.year))
        case "Month": .text(GoTimeText.month(date.month))
        case "Day": .integer(Int(date.day))
        case "Hour": .integer(Int(date.hour))
        case "Minute": .integer(Int(date.minute))
        case "Second": .integer(Int(date.second))
        case "Weekday": .text(GoTimeText.weekday(date.dayOfWeek))
        case "YearDay": .integer(Int(date.dayOfYear))
        case "Unix": .integer(Int(seconds))
        case "UnixMilli": .integer(Int(time.millis))
        case "UnixNano": .integer(Int(time.millis.multipliedReportingOverflow(by: 1_000_000).partialValue))
        case "UTC": .time(time)
        default: .text(GoTimeText.text(time))
        }
    }

    private static func method(_ name: String, ofNanos nanos: Int64) -> TemplateValue {
        switch name {
        case "Hours": .float(Double(nanos) / 3.6e12)
        case "Minutes": .float(Double(nanos) / 6e10)
        case "Seconds": .float(Double(nanos) / 1e9)
        case "Milliseconds": .integer(Int(nanos / 1_000_000))
        case "Microseconds": .integer(Int(nanos / 1000))
        case "Nanoseconds": .integer(Int(nanos))
        default: .text(GoTimeText.duration(nanos: nanos))
        }
    }
}

extension TemplateValue {
    /// The argument `name`, such as `arg0`, of those that `args` collected.
    static func argument(_ name: String, of values: [TemplateValue]) -> TemplateValue {
        guard name.hasPrefix("arg"), let index = Int(name.dropFirst(3)), values.indices.contains(index),
            "arg\(index)" == name
        else { return .null }
        return values[index]
    }
}
