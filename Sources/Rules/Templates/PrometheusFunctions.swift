import Foundation
import Matching
import Model

/// The functions that Prometheus adds to those of Go.
enum PrometheusFunctions {
    static let all: [String: TemplateFunction] = [
        "query": TemplateFunction([.text], query),
        "first": TemplateFunction([.samples]) { call throws(TemplateError) in
            guard case .samples(let samples) = call.arguments[0], let first = samples.first else {
                throw TemplateError("first() called on vector with no elements")
            }
            return .sample(first)
        },
        "label": TemplateFunction([.text, .sample]) { call throws(TemplateError) in
            .text(try sample(call.arguments[1]).labels[call.text(0)] ?? "")
        },
        "value": TemplateFunction([.sample]) { call throws(TemplateError) in
            .float(try sample(call.arguments[0]).value)
        },
        "strvalue": TemplateFunction([.sample]) { call throws(TemplateError) in
            .text(try sample(call.arguments[0]).labels["__value__"] ?? "")
        },
        "sortByLabel": TemplateFunction([.text, .samples]) { call throws(TemplateError) in
            guard case .samples(let samples) = call.arguments[1] else { return call.arguments[1] }
            let name = call.text(0)
            let keyed = samples.enumerated().map { (ByteText($1.labels[name] ?? ""), $0, $1) }
            return .samples(keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2))
        },
        "args": TemplateFunction([], rest: .any) { call throws(TemplateError) in .arguments(call.arguments) },
        "safeHtml": TemplateFunction([.text]) { call throws(TemplateError) in .html(call.text(0)) },

        "match": TemplateFunction([.text, .text]) { call throws(TemplateError) in
            .boolean(try TemplatePattern(call.text(0)).matches(call.text(1)))
        },
        "reReplaceAll": TemplateFunction([.text, .text, .text]) { call throws(TemplateError) in
            let pattern: TemplatePattern
            do {
                pattern = try TemplatePattern(call.text(0))
            } catch {
                let shown = call.text(0).contains("`") ? GoQuoting.quote(call.text(0)) : "`\(call.text(0))`"
                throw TemplateError("regexp: Compile(\(shown)): \(error)")
            }
            return .text(try pattern.replace(in: call.text(2), by: call.text(1)))
        },
        "title": TemplateFunction([.text]) { call throws(TemplateError) in
            .text(LetterCase.title(call.text(0)))
        },
        "toUpper": TemplateFunction([.text]) { call throws(TemplateError) in
            .text(LetterCase.upper(call.text(0)))
        },
        "toLower": TemplateFunction([.text]) { call throws(TemplateError) in
            .text(LetterCase.lower(call.text(0)))
        },
        "stripPort": TemplateFunction([.text]) { call throws(TemplateError) in
            .text(HostText.strippingPort(call.text(0)))
        },
        "stripDomain": TemplateFunction([.text]) { call throws(TemplateError) in
            .text(HostText.strippingDomain(call.text(0)))
        },

        "urlQueryEscape": TemplateFunction([.text]) { call throws(TemplateError) in
            .text(URLText.query(call.text(0)))
        },
        "graphLink": TemplateFunction([.text]) { call throws(TemplateError) in
            .text(URLText.expressionPath(call.text(0), isTable: false))
        },
        "tableLink": TemplateFunction([.text]) { call throws(TemplateError) in
            .text(URLText.expressionPath(call.text(0), isTable: true))
        },
        "externalURL": TemplateFunction([]) { call throws(TemplateError) in .text(call.setting.externalURL) },
        "pathPrefix": TemplateFunction([]) { call throws(TemplateError) in .text(call.setting.pathPrefix) },

        "humanize": number(HumanText.decimal),
        "humanize1024": number(HumanText.binary),
        "humanizeDuration": number(HumanText.duration),
        "humanizePercentage": number { GoNumberText.short($0 * 100) + "%" },
        "humanizeTimestamp": TemplateFunction([.any]) { call throws(TemplateError) in
            let seconds = try float(call.arguments[0])
            guard seconds.isFinite else { return .text(GoNumberText.short(seconds)) }
            return .text(GoTimeText.text(try time(seconds)))
        },
        "toTime": TemplateFunction([.any]) { call throws(TemplateError) in
            .time(try time(float(call.arguments[0])))
        },
        "toDuration": TemplateFunction([.any]) { call throws(TemplateError) in
            .duration(try nanos(float(call.arguments[0]), "duration"))
        },
        "now": TemplateFunction([]) { call throws(TemplateError) in
            .float(Double(call.setting.time.millis) / 1000)
        },
        "parseDuration": TemplateFunction([.text]) { call throws(TemplateError) in
            let text = call.text(0)
            guard !text.isEmpty else { throw TemplateError("empty duration string") }
            guard let millis = DurationText.parse(text) else {
                throw TemplateError("not a valid duration string: \(GoQuoting.quote(text))")
            }
            return .float(Double(millis) / 1000)
        },
    ]

    // MARK: - Arguments

    /// A function from a number to a text.
    private static func number(_ format: @escaping @Sendable (Double) -> String) -> TemplateFunction {
        TemplateFunction([.any]) { call throws(TemplateError) in .text(format(try float(call.arguments[0]))) }
    }

    private static func float(_ value: TemplateValue) throws(TemplateError) -> Double {
        switch value {
        case .float(let number): return number
        case .integer(let number): return Double(number)
        case .duration(let nanos): return Double(nanos) / 1e9
        case .text(let text):
            guard let number = ValueText.parse(text) else {
                throw TemplateError("strconv.ParseFloat: parsing \(GoQuoting.quote(text)): invalid syntax")
            }
            return number
        default: throw TemplateError("can't convert \(value.typeName) to float")
        }
    }

    private static func sample(_ value: TemplateValue) throws(TemplateError) -> TemplateSample {
        guard case .sample(let sample) = value else {
            throw TemplateError("runtime error: invalid memory address or nil pointer dereference")
        }
        return sample
    }

    private static func query(_ call: TemplateFunction.Call) throws(TemplateError) -> TemplateValue {
        do {
            return .samples(try call.setting.query(call.text(0)))
        } catch {
            throw TemplateError("\(error)")
        }
    }

    private static func time(_ seconds: Double) throws(TemplateError) -> Timestamp {
        Timestamp(millis: Int64((Double(try nanos(seconds, "timestamp")) / 1e6).rounded(.down)))
    }

    private static func nanos(_ seconds: Double, _ what: String) throws(TemplateError) -> Int64 {
        guard seconds.isFinite else { throw TemplateError("value is NaN or Inf") }
        guard let nanos = Int64(exactly: (seconds * 1e9).rounded(.towardZero)) else {
            throw TemplateError(
                "\(GoNumberText.general(seconds)) cannot be represented as a nanoseconds \(what) "
                    + "since it overflows int64"
            )
        }
        return nanos
    }
}
