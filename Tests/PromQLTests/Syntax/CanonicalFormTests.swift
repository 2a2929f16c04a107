import Testing

@testable import PromQL

@Suite("The canonical form of expressions")
struct CanonicalFormTests {
    @Test("each expression is printed as Prometheus prints it", arguments: forms)
    func prints(text: String, printed: String) throws {
        #expect(try Parser.parse(text).description == printed)
    }

    @Test("each printed form reads back as itself", arguments: forms)
    func readsBack(text: String, printed: String) throws {
        #expect(try Parser.parse(printed).description == printed)
        let pretty = try Parser.parse(printed).prettyPrinted()
        #expect(try Parser.parse(pretty).description == printed)
    }

    static let forms: [(String, String)] = literals + selectors + ranges + durations + operators + calls

    private static let literals: [(String, String)] = [
        ("1", "1"), ("+1", "1"), ("-1", "-1"), ("--1", "1"), ("-+-5", "5"), ("-0", "-0"), ("++5", "5"),
        (".5", "0.5"), ("5.", "5"), ("1e3", "1000"), ("1E-3", "0.001"), ("1e+2", "100"),
        ("0x1F", "31"), ("0XfF", "255"), ("0x1_F", "31"), ("0xeee", "3822"),
        ("010", "8"), ("089", "89"), ("0", "0"), ("00", "0"), ("0.5", "0.5"), ("08.5", "8.5"),
        ("1_000", "1000"), ("1_000.5", "1000.5"), ("0_7", "7"),
        ("Inf", "+Inf"), ("inf", "+Inf"), ("+iNf", "+Inf"), ("-INF", "-Inf"), ("NaN", "NaN"), ("-nan", "NaN"),
        ("1e21", "1000000000000000000000"), ("1.5e22", "15000000000000000000000"), ("1e-7", "0.0000001"),
        ("-1.25e-8", "-0.0000000125"), ("123456789.125", "123456789.125"),
        ("9007199254740993", "9007199254740992"),
        ("5m", "5m"), ("1h30m", "1h30m"), ("90m", "1h30m"), ("1h30ms", "1h30ms"), ("-5m", "-5m"),
        ("1w", "1w"),
        ("8d", "8d"), ("366d", "366d"), ("1y2w3d4h5m6s7ms", "382d4h5m6s7ms"), ("0s", "0s"),
        ("4s350ms", "4s350ms"),
        (#""a""#, #""a""#), ("'a'", #""a""#), ("`a`", #""a""#), (#"'it"s'"#, #""it\"s""#),
        (#""it's""#, #""it's""#),
        (#""a\u00e9\x41\n\t\"\\\a\b\f\r\v""#, #""aéA\n\t\"\\\a\b\f\r\v""#), (#""\101\U0001F600""#, #""A😀""#),
        (#"`raw\n"x`"#, #""raw\\n\"x""#), ("`two\nlines`", #""two\nlines""#),
        (#""\u200b\u00a0\u0085\x7f\x01é€""#, #""\u200b\u00a0\u0085\x7f\x01é€""#),
        (#""\xc3\xa9\ufffd""#, #""é\ufffd""#), (#""""#, #""""#),
        (#""a\xc5z\xc3\xa9\xe2\x82""#, #""a\xc5zé\xe2\x82""#),
    ]

    private static let selectors: [(String, String)] = [
        ("foo", "foo"), ("foo{}", "foo"), ("a:b:c", "a:b:c"), (":a", ":a"), ("_x1", "_x1"),
        (#"foo{a="b"}"#, #"foo{a="b"}"#), (#"foo{a="b",}"#, #"foo{a="b"}"#),
        (#"foo { b = 'c' , a=~`d`, a != "x", z !~ "y" }"#, #"foo{a!="x",a=~"d",b="c",z!~"y"}"#),
        (#"{a="b"}"#, #"{a="b"}"#), (#"{__name__="foo"}"#, #"{__name__="foo"}"#),
        (#"{"foo"}"#, #"{__name__="foo"}"#),
        (#"{"my.metric", "a b"="c"}"#, #"{"a b"="c",__name__="my.metric"}"#),
        (#"foo{"a"="b"}"#, #"foo{a="b"}"#), (#"foo{"é"=~"x"}"#, #"foo{"é"=~"x"}"#),
        (#"foo{by="x",inf="y",sum="z",offset="o"}"#, #"foo{by="x",inf="y",offset="o",sum="z"}"#),
        (#"{a=~".+"}"#, #"{a=~".+"}"#), (#"{a!=""}"#, #"{a!=""}"#), (#"{a="",b="c"}"#, #"{a="",b="c"}"#),
        ("sum", "sum"), ("SUM", "SUM"), ("by", "by"), ("without", "without"), ("offset", "offset"),
        ("and", "and"),
        ("or", "or"), ("unless", "unless"), ("start", "start"), ("end", "end"), ("step", "step"),
        ("range", "range"),
        ("min_of", "min_of"), ("anchored", "anchored"), ("smoothed", "smoothed"), ("fill", "fill"),
        ("limitk", "limitk"), (#"sum{a="b"}"#, #"sum{a="b"}"#), (#"end{a="b"}"#, #"end{a="b"}"#),
        ("and and and", "and and and"), ("offset offset 5m", "offset offset 5m"),
        ("foo # comment", "foo"), ("foo#{", "foo"), ("# first\n foo # second\r # third", "foo"),
        ("foo{ # a\n a=\"b\" # c\n}", #"foo{a="b"}"#), (" \t\r\n foo \n", "foo"),
    ]

    private static let ranges: [(String, String)] = [
        ("foo[5m]", "foo[5m]"), ("foo [ 5m ]", "foo[5m]"), ("foo[300]", "foo[5m]"),
        ("foo[1.5]", "foo[1s500ms]"),
        (#"foo{a="b"}[90s]"#, #"foo{a="b"}[1m30s]"#), ("foo[(5m)]", "foo[5m]"), ("foo[+5m]", "foo[5m]"),
        ("foo offset 5m", "foo offset 5m"), ("foo offset -5m", "foo offset -5m"),
        ("foo offset +5m", "foo offset 5m"),
        ("foo offset 1.5", "foo offset 1s500ms"), ("foo offset 0s", "foo"),
        ("foo OFFSET 1d", "foo offset 1d"),
        ("foo offset 0s[5m]", "foo[5m]"), ("foo offset 0s offset 5m", "foo offset 5m"),
        ("foo[5m] offset 1h", "foo[5m] offset 1h"),
        ("foo @ 10", "foo @ 10.000"), ("foo @ -1.5", "foo @ -1.500"), ("foo @ +1m", "foo @ 60.000"),
        ("foo @ 1600000000.0005", "foo @ 1600000000.001"), ("foo @ -0.0004", "foo @ 0.000"),
        ("foo @ start()", "foo @ start()"), ("foo @ end ( )", "foo @ end()"),
        ("foo @ start()[5m]", "foo[5m] @ start()"),
        ("foo offset 5m @ 3", "foo @ 3.000 offset 5m"), ("foo @ 3 offset 5m", "foo @ 3.000 offset 5m"),
        ("foo[5m] offset -5m @ end()", "foo[5m] @ end() offset -5m"),
        ("foo[1h:5m]", "foo[1h:5m]"), ("foo[1h:]", "foo[1h:]"), ("foo[1h:60]", "foo[1h:1m]"),
        ("(foo)[1h:5m]", "(foo)[1h:5m]"), ("rate(foo[5m])[1h:5m]", "rate(foo[5m])[1h:5m]"),
        ("sum(foo)[1h:5m] offset 5m @ end()", "sum(foo)[1h:5m] @ end() offset 5m"),
        (
            "max_over_time(rate(foo[5m])[1h:1m] @ 5 offset 1h)",
            "max_over_time(rate(foo[5m])[1h:1m] @ 5.000 offset 1h)"
        ),
        ("foo anchored", "foo anchored"), ("foo smoothed @ 5 offset 1m", "foo @ 5.000 smoothed offset 1m"),
        ("rate(foo[5m] ANCHORED)", "rate(foo[5m] anchored)"), ("foo anchored[5m]", "foo[5m] anchored"),
        ("rate(foo[5m] offset 1m smoothed @ 9)", "rate(foo[5m] smoothed @ 9.000 offset 1m)"),
        ("up @ 2026-11-21", "up @ 2026.000 - 11 - 21"),
    ]

    private static let durations: [(String, String)] = [
        ("foo[5m*2]", "foo[5m * 2]"), ("foo[5m*2:1m+1m]", "foo[5m * 2:1m + 1m]"),
        ("foo[2^3^2]", "foo[2 ^ 3 ^ 2]"),
        ("foo[1h * 0.33335]", "foo[1h * 0.33335]"), ("foo[(5m)*2]", "foo[(5m) * 2]"),
        ("foo[((1h+5m))/2%7m]", "foo[((1h + 5m)) / 2 % 7m]"), ("foo[5m*-1]", "foo[5m * -1]"),
        ("foo[-(5m-10m)]", "foo[-(5m - 10m)]"), ("foo[+(5m)]", "foo[5m]"), ("foo[-2^2]", "foo[-2 ^ 2]"),
        ("foo[step()]", "foo[step()]"), ("foo[STEP() + 1]", "foo[step() + 1]"),
        ("foo[range():step()]", "foo[range():step()]"),
        ("foo[1m+range()]", "foo[1m + range()]"), ("foo[-step()]", "foo[-step()]"),
        ("foo[+step()]", "foo[step()]"),
        ("foo[min_of(step()+1,1h)]", "foo[min_of(step() + 1, 1h)]"),
        ("foo[max_of(3s, min_of((step()), 1s))]", "foo[max_of(3s, min_of((step()), 1s))]"),
        ("foo[min(5m, 2)]", "foo[min_of(5m, 2)]"), ("foo[5m - max(1, 2)]", "foo[5m - max_of(1, 2)]"),
        ("foo offset (1h/2)", "foo offset (1h / 2)"), ("foo offset -(1h/2)*2", "foo offset -(1h / 2) * 2"),
        ("foo offset (1h)*2", "foo offset (1h) * 2"), ("foo offset (5m)", "foo offset 5m"),
        ("foo offset -(5m)", "foo offset -5m"), ("foo offset step()*0", "foo offset step() * 0"),
        ("foo offset -step()", "foo offset -step()"), ("foo offset +step()", "foo offset step()"),
        ("foo offset -min_of(step(), 1s)^0", "foo offset -min_of(step(), 1s) ^ 0"),
        ("foo offset max(1m, 2m)", "foo offset max_of(1m, 2m)"), ("foo offset range()", "foo offset range()"),
        ("foo offset 1m+1m", "foo offset 1m + 1m"), ("foo offset -2^2", "foo offset -2s ^ 2"),
    ]

    private static let operators: [(String, String)] = [
        ("1+2*3^4-5", "1 + 2 * 3 ^ 4 - 5"), ("foo atan2 bar", "foo atan2 bar"), ("foo%2", "foo % 2"),
        ("foo and bar or baz unless qux", "foo and bar or baz unless qux"), ("foo AND bar", "foo and bar"),
        ("-foo", "-foo"), ("- - foo", "--foo"), ("+foo", "+foo"), ("-foo^2", "-foo ^ 2"),
        ("(-1)^2", "(-1) ^ 2"),
        ("2^-1^2", "2 ^ -1 ^ 2"), ("2^-1*3", "2 ^ -1 * 3"), ("1*-2", "1 * -2"), ("Inf + -NaN", "+Inf + NaN"),
        ("((foo))", "((foo))"), ("foo==bar", "foo == bar"), ("foo!=1", "foo != 1"),
        ("foo<=bar", "foo <= bar"),
        ("1 == bool 1", "1 == bool 1"), ("foo > bool 0", "foo > bool 0"),
        ("foo </ 2.5", "foo </ 2.5"), ("foo>/bar", "foo >/ bar"),
        ("foo + on(a) bar", "foo + on (a) bar"), ("foo + on() bar", "foo + on () bar"),
        ("foo + ignoring() bar", "foo + bar"), ("foo + ignoring(a,) bar", "foo + ignoring (a) bar"),
        ("foo == bool on(a, b) group_left(c,) bar", "foo == bool on (a, b) group_left (c) bar"),
        ("foo * ignoring(a) group_right bar", "foo * ignoring (a) group_right () bar"),
        ("foo * ignoring() group_left() bar", "foo * ignoring () group_left () bar"),
        ("foo * on(a) group_left (b) (c)", "foo * on (a) group_left (b) (c)"),
        (#"foo + on("a b", 'c') bar"#, #"foo + on ("a b", c) bar"#),
        (
            "foo + on(sum, by, bool, offset, atan2, and, start, on) bar",
            "foo + on (sum, by, bool, offset, atan2, and, start, on) bar"
        ),
        ("foo + fill(0) bar", "foo + fill (0) bar"), ("foo + fill (-Inf) bar", "foo + fill (-Inf) bar"),
        ("foo + fill(NaN) bar", "foo + fill (NaN) bar"), ("foo + fill(1e-5) bar", "foo + fill (1e-05) bar"),
        (
            "foo + on(a) group_left fill_left(1) fill_right(+2) bar",
            "foo + on (a) group_left () fill_left (1) fill_right (2) bar"
        ),
        ("foo + fill_right(7) fill_left(5) bar", "foo + fill_left (5) fill_right (7) bar"),
        ("foo == bool fill_right(3) bar", "foo == bool fill_right (3) bar"),
        ("fill + fill(0) fill_left", "fill + fill (0) fill_left"),
    ]

    private static let calls: [(String, String)] = [
        ("rate(foo[5m])", "rate(foo[5m])"), ("round(foo)", "round(foo)"), ("round(foo, 5)", "round(foo, 5)"),
        ("pi()", "pi()"), ("time ( )", "time()"), ("hour()", "hour()"), ("vector(1)", "vector(1)"),
        (#"label_replace(foo, "a", "$1", "b", "(.*)")"#, #"label_replace(foo, "a", "$1", "b", "(.*)")"#),
        (#"label_join(foo, "a", ",", "b", "c")"#, #"label_join(foo, "a", ",", "b", "c")"#),
        (#"sort_by_label(foo)"#, "sort_by_label(foo)"),
        (#"sort_by_label(foo, "a", "b")"#, #"sort_by_label(foo, "a", "b")"#),
        ("info(foo)", "info(foo)"), (#"info(foo, {a="b"})"#, #"info(foo, {a="b"})"#),
        ("info(foo, {})", "info(foo, {})"),
        (#"info(foo, {a=~".*"})"#, #"info(foo, {a=~".*"})"#), ("start()", "start()"),
        ("end() - start()", "end() - start()"),
        ("step() * 2", "step() * 2"), ("range()/2", "range() / 2"), ("min_of(1, 2)", "min_of(1, 2)"),
        ("max_of(time(), scalar(foo))", "max_of(time(), scalar(foo))"),
        (#"histogram_quantiles(foo, "q", 0.5, 0.9)"#, #"histogram_quantiles(foo, "q", 0.5, 0.9)"#),
        ("sum(foo)", "sum(foo)"), ("SUM(foo) BY (job)", "sum by (job) (foo)"),
        ("sum by () (foo)", "sum(foo)"),
        ("sum by (a, b,) (foo)", "sum by (a, b) (foo)"), ("sum without() (foo)", "sum without () (foo)"),
        ("sum(foo) without (a)", "sum without (a) (foo)"),
        (#"sum by ("a b", c) (foo)"#, #"sum by ("a b", c) (foo)"#),
        (
            "sum by (without, fill, smoothed, group_left) (foo)",
            "sum by (without, fill, smoothed, group_left) (foo)"
        ),
        ("topk(1, foo) by (a)", "topk by (a) (1, foo)"), ("quantile(0.9, foo)", "quantile(0.9, foo)"),
        (#"count_values("v", foo)"#, #"count_values("v", foo)"#), ("limitk(1, foo)", "limitk(1, foo)"),
        ("limit_ratio(-0.5, foo)", "limit_ratio(-0.5, foo)"),
        ("bottomk without (a) (scalar(x), foo)", "bottomk without (a) (scalar(x), foo)"),
        ("sum(sum) by (by)", "sum by (by) (sum)"), ("group(foo) / stddev(foo)", "group(foo) / stddev(foo)"),
    ]

    @Test("long expressions are split over lines as Prometheus splits them")
    func prettyPrints() throws {
        let a = String(repeating: "a", count: 60)
        let b = String(repeating: "b", count: 60)
        func check(_ text: String, _ lines: [String]) throws {
            let pretty = try Parser.parse(text).prettyPrinted()
            #expect(pretty == lines.joined(separator: "\n"))
            #expect(try Parser.parse(pretty).prettyPrinted() == pretty)
        }
        try check("sum(\(a))", ["sum(\(a))"])
        try check("\(a)+on(x)group_left \(b)", ["  \(a)", "+ on (x) group_left ()", "  \(b)"])
        try check("-\(a)^\(b)", ["-\(a)", "^", "  \(b)"])
        try check("-(\(a)+\(b))", ["-(", "    \(a)", "  +", "    \(b)", ")"])
        try check("sum by (x) (\(a)+\(b))", ["sum by (x) (", "    \(a)", "  +", "    \(b)", ")"])
        try check(
            #"count_values("x", \#(a) + \#(b))"#,
            ["count_values(", #"  "x","#, "    \(a)", "  +", "    \(b)", ")"]
        )
        try check("clamp_min(\(a), scalar(\(b)))", ["clamp_min(", "  \(a),", "  scalar(\(b))", ")"])
        try check(
            "quantile_over_time(scalar(\(a)), \(b)[5m:1m])",
            ["quantile_over_time(", "  scalar(\(a)),", "\(b)[5m:1m]", ")"]
        )
        try check(
            "max_over_time((\(a) + \(b))[5m:1m] offset 7m)",
            ["max_over_time(", "  (", "      \(a)", "    +", "      \(b)", "  )[5m:1m] offset 7m", ")"]
        )
        try check(
            "x or \(a) or \(b)",
            ["    x or \(a)".dropFirst(2).description, "or", "  \(b)"]
        )
    }
}
