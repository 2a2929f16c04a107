import Foundation
import Model

/// The functions of Go's `text/template` itself.
enum GoFunctions {
    static let all: [String: TemplateFunction] = [
        "not": TemplateFunction([.any]) { call throws(TemplateError) in .boolean(!call.arguments[0].isTrue) },
        "len": TemplateFunction([.any], length),
        "index": TemplateFunction([.any], rest: .any, index),
        "slice": TemplateFunction([.any], rest: .any, slice),
        "print": TemplateFunction([], rest: .any) { call throws(TemplateError) in .text(print(call.arguments))
        },
        "println": TemplateFunction([], rest: .any) { call throws(TemplateError) in
            .text(call.arguments.map { $0.printed(isPointer: true) }.joined(separator: " ") + "\n")
        },
        "printf": TemplateFunction([.text], rest: .any) { call throws(TemplateError) in
            .text(GoPrintf.format(call.text(0), Array(call.arguments.dropFirst())))
        },
        "html": TemplateFunction([], rest: .any) { call throws(TemplateError) in
            .text(escapeHTML(escapable(call.arguments)))
        },
        "js": TemplateFunction([], rest: .any) { call throws(TemplateError) in
            .text(escapeScript(escapable(call.arguments)))
        },
        "urlquery": TemplateFunction([], rest: .any) { call throws(TemplateError) in
            .text(URLText.query(escapable(call.arguments)))
        },
        "call": TemplateFunction([.any], rest: .any) { call throws(TemplateError) in
            let value = call.arguments[0]
            throw TemplateError("non-function \(value.printed()) of type \(value.typeName)")
        },
        "eq": TemplateFunction([.any], rest: .any) { call throws(TemplateError) in
            guard call.arguments.count > 1 else { throw TemplateError("missing argument for comparison") }
            for other in call.arguments.dropFirst() where try isEqual(call.arguments[0], other) {
                return .boolean(true)
            }
            return .boolean(false)
        },
        "ne": TemplateFunction([.any, .any]) { call throws(TemplateError) in
            .boolean(!(try isEqual(call.arguments[0], call.arguments[1])))
        },
        "lt": TemplateFunction([.any, .any]) { call throws(TemplateError) in
            .boolean(try isLess(call.arguments[0], call.arguments[1]))
        },
        "le": TemplateFunction([.any, .any]) { call throws(TemplateError) in
            let (left, right) = (call.arguments[0], call.arguments[1])
            let isLess = try isLess(left, right)
            return .boolean(isLess ? true : try isEqual(left, right))
        },
        "gt": TemplateFunction([.any, .any]) { call throws(TemplateError) in
            let (left, right) = (call.arguments[0], call.arguments[1])
            let isLess = try isLess(left, right)
            return .boolean(isLess ? false : !(try isEqual(left, right)))
        },
        "ge": TemplateFunction([.any, .any]) { call throws(TemplateError) in
            .boolean(!(try isLess(call.arguments[0], call.arguments[1])))
        },
    ]

    /// As `fmt.Print` prints several: with spaces between two that are no texts.
    static func print(_ values: [TemplateValue]) -> String {
        var out = ""
        var wasText = true
        for (position, value) in values.enumerated() {
            let isText = if case .text = value { true } else { false }
            if position > 0, !isText, !wasText { out += " " }
            out += value.printed(isPointer: true)
            wasText = isText
        }
        return out
    }

    // MARK: - Parts of values

    private static func length(_ call: TemplateFunction.Call) throws(TemplateError) -> TemplateValue {
        switch call.arguments[0] {
        case .null: throw TemplateError("reflect: call of reflect.Value.Type on zero Value")
        case .text(let text), .html(let text): .integer(text.utf8.count)
        case .labels(let labels): .integer(Array(labels).count)
        case .arguments(let values): .integer(values.count)
        case .samples(let samples): .integer(samples.count)
        case let other: throw TemplateError("len of type \(other.typeName)")
        }
    }

    private static func index(_ call: TemplateFunction.Call) throws(TemplateError) -> TemplateValue {
        var value = call.arguments[0]
        if case .null = value { throw TemplateError("index of untyped nil") }
        for key in call.arguments.dropFirst() {
            switch value {
            case .labels(let labels):
                guard case .text(let name) = key else {
                    throw TemplateError("value has type \(key.typeName); should be string")
                }
                value = .text(labels[name] ?? "")
            case .arguments(let values):
                guard case .text(let name) = key else {
                    throw TemplateError("value has type \(key.typeName); should be string")
                }
                value = TemplateValue.argument(name, of: values)
            case .text(let text):
                let bytes = Array(text.utf8)
                value = .byte(bytes[try position(key, below: bytes.count)])
            case .samples(let samples): value = .sample(samples[try position(key, below: samples.count)])
            default: throw TemplateError("can't index item of type \(value.typeName)")
            }
        }
        return value
    }

    private static func position(_ key: TemplateValue, below count: Int) throws(TemplateError) -> Int {
        let number: Int
        switch key {
        case .integer(let integer): number = integer
        case .byte(let byte): number = Int(byte)
        case .null: throw TemplateError("cannot index slice/array with nil")
        default: throw TemplateError("cannot index slice/array with type \(key.typeName)")
        }
        guard number >= 0, number < count else { throw TemplateError("index out of range: \(number)") }
        return number
    }

    private static func slice(_ call: TemplateFunction.Call) throws(TemplateError) -> TemplateValue {
        let value = call.arguments[0]
        let count: Int
        switch value {
        case .null: throw TemplateError("slice of untyped nil")
        case .text(let text):
            guard call.arguments.count <= 3 else { throw TemplateError("cannot 3-index slice a string") }
            count = text.utf8.count
        case .samples(let samples): count = samples.count
        default: throw TemplateError("can't slice item of type \(value.typeName)")
        }
        guard call.arguments.count <= 4 else {
            throw TemplateError("too many slice indexes: \(call.arguments.count - 1)")
        }
        var ends = [0, count]
        for (place, key) in call.arguments.dropFirst().prefix(2).enumerated() {
            ends[place] = try position(key, below: count + 1)
        }
        guard ends[0] <= ends[1] else {
            throw TemplateError("invalid slice index: \(ends[0]) > \(ends[1])")
        }
        switch value {
        case .samples(let samples): return .samples(Array(samples[ends[0]..<ends[1]]))
        default:
            let bytes = Array((value.string ?? "").utf8)
            return .text(String(decoding: bytes[ends[0]..<ends[1]], as: UTF8.self))
        }
    }

    // MARK: - Comparisons

    private enum Basic {
        case boolean(Bool), integer(Int), float(Double), text(String)

        init?(_ value: TemplateValue) {
            switch value {
            case .boolean(let flag): self = .boolean(flag)
            case .integer(let number): self = .integer(number)
            case .byte(let byte): self = .integer(Int(byte))
            case .float(let number): self = .float(number)
            case .text(let text), .html(let text): self = .text(text)
            case .duration(let nanos): self = .integer(Int(nanos))
            default: return nil
            }
        }
    }

    private static func incompatible(_ left: TemplateValue, _ right: TemplateValue) -> TemplateError {
        TemplateError("incompatible types for comparison: \(left.typeName) and \(right.typeName)")
    }

    private static func isEqual(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        if case .null = left {
            if case .null = right { return true }
            return false
        }
        if case .null = right { return false }
        guard let one = Basic(left), let other = Basic(right) else {
            let odd = Basic(left) == nil ? left : right
            throw TemplateError("non-comparable type \(odd.printed()): \(odd.typeName)")
        }
        switch (one, other) {
        case (.boolean(let one), .boolean(let other)): return one == other
        case (.integer(let one), .integer(let other)): return one == other
        case (.float(let one), .float(let other)): return one == other
        case (.text(let one), .text(let other)): return ByteText(one) == ByteText(other)
        default: throw incompatible(left, right)
        }
    }

    private static func isLess(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        guard let one = Basic(left), let other = Basic(right) else {
            throw TemplateError("invalid type for comparison")
        }
        switch (one, other) {
        case (.boolean, .boolean): throw TemplateError("invalid type for comparison")
        case (.integer(let one), .integer(let other)): return one < other
        case (.float(let one), .float(let other)): return one < other
        case (.text(let one), .text(let other)): return ByteText(one) < ByteText(other)
        default: throw incompatible(left, right)
        }
    }

    // MARK: - Escapes

    private static func escapable(_ values: [TemplateValue]) -> String {
        if values.count == 1, let text = values[0].string { return text }
        return print(values)
    }

    private static func escapeHTML(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\0": out += "\u{fffd}"
            case "\"": out += "&#34;"
            case "'": out += "&#39;"
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static func escapeScript(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "'": out += "\\'"
            case "\"": out += "\\\""
            case "<", ">", "&", "=": out += unicodeEscape(scalar)
            default:
                if scalar.value < 0x20 || !scalar.isASCII && scalar.properties.generalCategory == .control {
                    out += unicodeEscape(scalar)
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out
    }

    private static func unicodeEscape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
