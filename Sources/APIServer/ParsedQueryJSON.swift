import Model
import PromQL

/// Writes the tree of an expression as JSON, as `/api/v1/parse_query` answers it.
///
/// Source: Prometheus `web/api/v1/translate_ast.go`; keys stand in the order of their names. It works on a
/// stack of its own, so that deep trees do no harm.
struct ParsedQueryJSON {
    private enum Piece {
        /// A whole object.
        case expr(Expr)
        case null
        case key(String)
        case field(String, Value)
        case matchers([Matcher])
        case object
        case beginArray
        case endArray
        case endObject
    }

    /// A value without parts.
    private enum Value {
        case string(String)
        case integer(Int64)
        case bool(Bool)
        case strings([String])
        case null
    }

    /// Writes `expr`.
    static func write(_ expr: Expr, to json: inout JSONWriter) {
        var pieces: [Piece] = [.expr(expr)]
        while let piece = pieces.popLast() {
            switch piece {
            case .expr(let expr):
                json.beginObject()
                pieces.append(.endObject)
                pieces.append(contentsOf: self.pieces(of: expr).reversed())
            case .null: json.null()
            case .key(let name): json.key(name)
            case .field(let name, let value): write(name, value, to: &json)
            case .matchers(let matchers): write(matchers, to: &json)
            case .object: json.beginObject()
            case .beginArray: json.beginArray()
            case .endArray: json.endArray()
            case .endObject: json.endObject()
            }
        }
    }

    private static func write(_ name: String, _ value: Value, to json: inout JSONWriter) {
        json.key(name)
        switch value {
        case .string(let text): json.string(text)
        case .integer(let number): json.integer(number)
        case .bool(let flag): json.bool(flag)
        case .strings(let texts): json.strings(texts)
        case .null: json.null()
        }
    }

    private static func write(_ matchers: [Matcher], to json: inout JSONWriter) {
        json.key("matchers")
        json.beginArray()
        for matcher in matchers {
            json.beginObject()
            write("name", .string(matcher.name), to: &json)
            write("type", .string(matcher.kind.rawValue), to: &json)
            write("value", .string(matcher.value), to: &json)
            json.endObject()
        }
        json.endArray()
    }

    // MARK: - Expressions

    private static func pieces(of expr: Expr) -> [Piece] {
        switch expr.node {
        case .number(let value, _): literal("numberLiteral", GoText.plain(value))
        case .string(let text): literal("stringLiteral", text)
        case .bytes(let bytes): literal("stringLiteral", String(decoding: bytes, as: UTF8.self))
        case .parenthesized(let inner): [.key("expr"), .expr(inner), .field("type", .string("parenExpr"))]
        case .unary(let sign, let operand):
            [
                .key("expr"), .expr(operand), .field("op", .string(sign.rawValue)),
                .field("type", .string("unaryExpr")),
            ]
        case .selector(let selector): pieces(of: selector, range: nil)
        case .matrix(let base, let range):
            if case .selector(let selector) = base.node { pieces(of: selector, range: range) } else { [] }
        case .subquery(let subquery): pieces(of: subquery)
        case .aggregate(let aggregation): pieces(of: aggregation)
        case .binary(let binary): pieces(of: binary)
        case .call(let function, let arguments): call(of: function, arguments)
        case .queryTime(let time): call(of: time.rawValue, [])
        }
    }

    private static func literal(_ type: String, _ value: String) -> [Piece] {
        [.field("type", .string(type)), .field("val", .string(value))]
    }

    private static func pieces(of selector: Selector, range: DurationExpr?) -> [Piece] {
        var matchers = selector.matchers
        // Prometheus appends the bare name to the matchers in braces.
        if selector.name != nil { matchers = Array(matchers.dropFirst() + matchers.prefix(1)) }
        var pieces: [Piece] = [
            .matchers(matchers), .field("name", .string(selector.name ?? "")),
            .field("offset", .integer(millis(selector.modifiers.offset))),
        ]
        if let range { pieces.append(.field("range", .integer(millis(range)))) }
        pieces += times(of: selector.modifiers)
        pieces.append(.field("type", .string(range == nil ? "vectorSelector" : "matrixSelector")))
        return pieces
    }

    private static func pieces(of subquery: Subquery) -> [Piece] {
        let times = times(of: subquery.modifiers)
        return [
            .key("expr"), .expr(subquery.base),
            .field("offset", .integer(millis(subquery.modifiers.offset))),
            .field("range", .integer(millis(subquery.range))), times[0],
            .field("step", .integer(millis(subquery.step))), times[1],
            .field("type", .string("subquery")),
        ]
    }

    private static func pieces(of aggregation: Aggregation) -> [Piece] {
        [
            .key("expr"), .expr(aggregation.expr), .field("grouping", .strings(aggregation.grouping)),
            .field("op", .string(aggregation.op.rawValue)), .key("param"),
            aggregation.parameter.map(Piece.expr) ?? .null, .field("type", .string("aggregation")),
            .field("without", .bool(aggregation.isWithout)),
        ]
    }

    private static func pieces(of binary: Binary) -> [Piece] {
        var pieces: [Piece] = [.field("bool", .bool(binary.returnsBool)), .key("lhs"), .expr(binary.left)]
        if let matching = binary.matching {
            pieces += [.key("matching"), .object] + self.pieces(of: matching) + [.endObject]
        } else {
            pieces.append(.field("matching", .null))
        }
        pieces += [.field("op", .string(binary.op.rawValue)), .key("rhs"), .expr(binary.right)]
        return pieces + [.field("type", .string("binaryExpr"))]
    }

    private static func pieces(of matching: VectorMatching) -> [Piece] {
        [
            .field("card", .string(matching.cardinality.rawValue)),
            .field("include", .strings(matching.include)), .field("labels", .strings(matching.labels)),
            .field("on", .bool(matching.isOn)),
        ]
    }

    private static func call(of function: String, _ arguments: [Expr]) -> [Piece] {
        let signature = FunctionSignature.named(function)
        let types = (signature?.arguments ?? []).map(\.rawValue)
        return [.key("args"), .beginArray] + arguments.map(Piece.expr) + [
            .endArray, .key("func"), .object, .field("argTypes", .strings(types)),
            .field("name", .string(function)),
            .field("returnType", .string((signature?.result ?? .none).rawValue)),
            .field("variadic", .integer(Int64(signature?.variadicCount ?? 0))), .endObject,
            .field("type", .string("call")),
        ]
    }

    /// `startOrEnd` and `timestamp`.
    private static func times(of modifiers: TimeModifiers) -> [Piece] {
        let (edge, time): (Value, Value) =
            switch modifiers.at {
            case .time(let time): (.null, .integer(time.millis))
            case .start: (.string("start"), .null)
            case .end: (.string("end"), .null)
            case nil: (.null, .null)
            }
        return [.field("startOrEnd", edge), .field("timestamp", time)]
    }

    /// A duration; 0 if there is none, or if it has to be computed.
    private static func millis(_ duration: DurationExpr?) -> Int64 {
        if case .constant(let millis, _)? = duration { return millis }
        return 0
    }
}
