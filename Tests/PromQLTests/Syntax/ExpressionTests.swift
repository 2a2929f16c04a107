import Model
import Testing

@testable import PromQL

@Suite("Expressions")
struct ExpressionTests {
    @Test(
        "operators bind as in Prometheus",
        arguments: [
            ("1 + 2 * 3", "(1 + (2 * 3))"), ("1 - 2 - 3", "((1 - 2) - 3)"), ("2 ^ 3 ^ 2", "(2 ^ (3 ^ 2))"),
            ("-2 ^ 2", "(-(2 ^ 2))"), ("-a * b", "((-a) * b)"), ("2 ^ -1 * 3", "((2 ^ -1) * 3)"),
            ("2 ^ -a ^ b", "(2 ^ (-(a ^ b)))"), ("a or b and c", "(a or (b and c))"),
            ("a and b unless c", "((a and b) unless c)"),
            ("a == b + 1", "(a == (b + 1))"), ("a < b == c", "((a < b) == c)"),
            ("a + b </ c", "((a + b) </ c)"),
            ("a % b atan2 c", "((a % b) atan2 c)"), ("- - a", "(-(-a))"),
            ("a * -b ^ c + d", "((a * (-(b ^ c))) + d)"),
            ("a or b == bool c * d ^ e", "(a or (b == (c * (d ^ e))))"),
            ("a ^ b offset 1m", "(a ^ b offset 1m)"),
        ]
    )
    func precedence(text: String, shape: String) throws {
        #expect(shape == ExpressionTests.shape(of: try Parser.parse(text)))
    }

    private static func shape(of expr: Expr) -> String {
        switch expr.node {
        case .binary(let binary):
            "(\(shape(of: binary.left)) \(binary.op.rawValue) \(shape(of: binary.right)))"
        case .unary(let sign, let operand): "(\(sign.rawValue)\(shape(of: operand)))"
        default: expr.description
        }
    }

    @Test(
        "an offset without parentheses ends behind its first value",
        arguments: [
            ("foo offset 1m + 1m", true), ("foo offset -2 ^ 2", true), ("foo offset step() * 2", true),
            ("foo offset -(1m) * 2", true), ("foo offset min_of(1, 2) * 2", true),
            ("foo offset (1m) * 2", false),
        ]
    )
    func offsetEnds(text: String, isBinary: Bool) throws {
        if case .binary = try Parser.parse(text).node {
            #expect(isBinary)
        } else {
            #expect(!isBinary)
        }
    }

    @Test(
        "each expression knows its type",
        arguments: [
            ("1", ValueType.scalar), ("5m", .scalar), (#""a""#, .string), ("foo", .vector),
            ("foo[5m]", .matrix),
            ("foo[5m:]", .matrix), ("1 + 2 * 3", .scalar), ("1 + -(2 * foo)", .vector), ("-(-(1))", .scalar),
            ("time()", .scalar), ("start() + step()", .scalar), ("scalar(foo) > bool 1", .scalar),
            ("vector(1)", .vector),
            ("sum(foo)", .vector), ("foo or bar", .vector), ("rate(foo[5m])", .vector),
            ("min_of(1, 2)", .scalar),
        ]
    )
    func valueType(text: String, type: ValueType) throws {
        #expect(try Parser.parse(text).valueType == type)
    }

    @Test(
        "spans cover what was written",
        arguments: [
            (" foo ", 1, 4), (" -foo[5m] offset 5m ", 1, 19), ("(foo ) ", 0, 6), ("sum(foo) + 1", 0, 12),
            (" sum (foo) by (a) ", 1, 17), ("- 5 ", 0, 3), ("foo @ start ( ) ", 0, 15),
            ("rate(foo[5m] ) ", 0, 14), (#"foo{a="b" } "#, 0, 11),
        ]
    )
    func spans(text: String, start: Int, end: Int) {
        do {
            let span = try Parser.parse(text.replacing("-foo[5m]", with: "+foo    ")).span
            #expect(span == SourceSpan(start, end))
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test("selectors keep what they were written with")
    func selectors() throws {
        let expr = try Parser.parse(#"rate(foo{a="b",c!~"d"}[5m] anchored offset -1m @ 7.5)"#)
        guard case .call("rate", let arguments) = expr.node,
            case .matrix(let base, let range) = arguments[0].node,
            case .selector(let selector) = base.node
        else {
            Issue.record("unexpected tree")
            return
        }
        #expect(
            selector.matchers == [
                Matcher("__name__", .equal, "foo"), Matcher("a", .equal, "b"), Matcher("c", .notRegex, "d"),
            ]
        )
        #expect(!selector.matchesAnySeries)
        #expect(selector.name == "foo")
        #expect(selector.rangeExtension == .anchored)
        #expect(selector.modifiers.at == .time(Timestamp(millis: 7500)))
        guard case .constant(300_000, isNumber: false) = range,
            case .constant(-60_000, isNumber: false) = selector.modifiers.offset
        else {
            Issue.record("unexpected durations")
            return
        }
    }

    @Test("numbers in computed durations keep their fractions")
    func durationNumbers() throws {
        guard
            case .matrix(
                _,
                .binary(.multiply, .constant(millis: 3_600_000, isNumber: false), .number(0.33335))
            ) =
                try Parser.parse("foo[1h * 0.33335]").node
        else {
            Issue.record("unexpected tree")
            return
        }
        guard case .matrix(_, .constant(millis: 1500, isNumber: true)) = try Parser.parse("foo[1.5]").node
        else {
            Issue.record("unexpected tree")
            return
        }
    }

    @Test("only operators between vectors have a matching")
    func matching() throws {
        func matching(_ text: String) throws -> VectorMatching? {
            guard case .binary(let binary) = try Parser.parse(text).node else { return nil }
            return binary.matching
        }
        #expect(try matching("foo + 1") == nil)
        #expect(try matching("1 + 1") == nil)
        #expect(try matching("foo + bar")?.cardinality == .oneToOne)
        #expect(try matching("foo and bar")?.cardinality == .manyToMany)
        let grouped = try matching("foo * on (a, b) group_right (c) fill_left (2) bar")
        #expect(grouped?.cardinality == .oneToMany)
        #expect(grouped?.isOn == true)
        #expect(grouped?.labels == ["a", "b"])
        #expect(grouped?.include == ["c"])
        #expect(grouped?.fillLeft == 2)
        #expect(grouped?.fillRight == nil)
        #expect(try matching("foo + fill (3) bar")?.fillRight == 3)
    }

    @Test("every selector is visited, from left to right")
    func visiting() throws {
        var names: [String] = []
        let expr = try Parser.parse(
            "topk(scalar(a), b[5m:]) + -(c * on () sum by (x) (rate(d[1m]))) or info(e, {f=\"g\"})"
                .replacing("b[5m:]", with: "max_over_time(b[5m:])")
        )
        expr.forEachSelector { selector, _ in names.append(selector.name ?? "{}") }
        #expect(names == ["a", "b", "c", "d", "e", "{}"])
    }

    @Test("a series selector yields its matchers")
    func seriesSelector() throws {
        #expect(try Parser.parseSelector("foo") == [Matcher("__name__", .equal, "foo")])
        #expect(try Parser.parseSelector(" sum ") == [Matcher("__name__", .equal, "sum")])
        #expect(
            try Parser.parseSelector(#"{"a.b", c=~"d+"} # x"#) == [
                Matcher("__name__", .equal, "a.b"), Matcher("c", .regex, "d+"),
            ]
        )
        #expect(try Parser.parseSelector(#"{__name__="a",__name__="b"}"#).count == 2)
    }

    @Test("the table of functions is sound")
    func functions() throws {
        #expect(FunctionSignature.all.count == FunctionSignature.byName.count)
        #expect(FunctionSignature.all.filter { !$0.isExperimental }.count == 74)
        for signature in FunctionSignature.all {
            #expect(signature.result == .vector || signature.result == .scalar)
            #expect(signature.variadicCount == 0 || !signature.arguments.isEmpty)
            let arguments = signature.arguments.map { type in
                switch type {
                case .scalar: "1"
                case .string: "\"a\""
                case .matrix: "foo[5m]"
                default: signature.name == "info" ? "{a=\"b\"}" : "foo"
                }
            }
            let text = "\(signature.name)(\(arguments.joined(separator: ", ")))"
            #expect(try Parser.parse(text).description == text)
            #expect(try Parser.parse(text).valueType == signature.result)
        }
    }
}
