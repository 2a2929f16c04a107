import Testing

@testable import PromQL

@Suite("Parse errors")
struct ParseErrorTests {
    @Test(
        "each error has Prometheus's text and position",
        arguments: tokens + syntax + ranges + durations + types
    )
    func reports(text: String, message: String) {
        #expect(throws: ParseError.self) { try Parser.parse(text) }
        do {
            _ = try Parser.parse(text)
        } catch {
            #expect(error.description == message)
            #expect(error.span.start >= 0 && error.span.start <= error.span.end)
        }
    }

    private static let tokens: [(String, String)] = [
        ("", "unknown position: parse error: no expression found in input"),
        (" \n", "1:1: parse error: no expression found in input"),
        ("# only", "1:1: parse error: no expression found in input"),
        ("foo\n+ ", "2:3: parse error: unexpected end of input"),
        ("foo\r\n bar", #"2:2: parse error: unexpected identifier "bar""#),
        ("#x\n#y\n  (", "3:4: parse error: unclosed left parenthesis"),
        ("(foo", "1:5: parse error: unclosed left parenthesis"),
        ("foo)", "1:5: parse error: unexpected right parenthesis ')'"),
        ("]", "1:1: parse error: unexpected right bracket ']'"),
        ("}", "1:1: parse error: unexpected character: '}'"),
        ("foo & bar", "1:5: parse error: unexpected character: '&'"),
        ("foo € bar", "1:5: parse error: unexpected character: '€'"),
        ("\u{a0}foo", #"1:1: parse error: unexpected character: '\u00a0'"#),
        (#"foo\"#, #"1:4: parse error: unexpected character: '\\'"#),
        ("foo =~ bar", "1:5: parse error: unexpected character after '=': '~'"),
        ("foo ! bar", "1:5: parse error: unexpected character after '!': ' '"),
        ("foo !", "1:5: parse error: unexpected character after '!': '\u{fffd}'"),
        (#""abc"#, "1:1: parse error: unterminated quoted string"),
        ("\"a\nb\"", "1:1: parse error: unterminated quoted string"),
        ("`abc", "1:1: parse error: unterminated raw string"),
        (#""a\qb""#, "1:1: parse error: unknown escape sequence U+0071 'q'"),
        ("\"a\\\nb\"", "1:1: parse error: unknown escape sequence U+000A"),
        (#""a\'b""#, "1:1: parse error: unknown escape sequence U+0027 '''"),
        (#""a\xgg""#, "1:1: parse error: illegal character U+0067 'g' in escape sequence"),
        (#""\u12""#, #"1:1: parse error: illegal character U+0022 '"' in escape sequence"#),
        (#""\777""#, "1:1: parse error: escape sequence is an invalid Unicode code point"),
        (#""\ud800""#, "1:1: parse error: escape sequence is an invalid Unicode code point"),
        (#""a\"#, "1:1: parse error: escape sequence not terminated"),
        ("\"a\u{fffd}\"", "1:1: parse error: invalid UTF-8 rune"),
        (#"foo{a="\xff"}"#, #"1:7: parse error: invalid UTF-8 in string "\xff""#),
        ("1_", #"1:1: parse error: bad number or duration syntax: "1_""#),
        ("1__0", #"1:1: parse error: bad number or duration syntax: "1__""#),
        ("5.5.5", #"1:1: parse error: bad number or duration syntax: "5.5.""#),
        (
            ".5.5",
            #"1:1: parse error: error parsing number: strconv.ParseFloat: parsing ".5.5": invalid syntax"#
        ),
        ("foo[-5m", "1:8: parse error: unclosed left bracket"),
        ("foo[5m/0", "1:9: parse error: unclosed left bracket"),
        ("1ee5", #"1:1: parse error: bad number or duration syntax: "1ee""#),
        ("5mx", #"1:1: parse error: bad number or duration syntax: "5mx""#),
        (
            "1e400",
            "1:1: parse error: error parsing number: strconv.ParseFloat: "
                + #"parsing "1e400": value out of range"#
        ),
        (
            "0xFFFFFFFFFFFFFFFFF",
            "1:1: parse error: error parsing number: strconv.ParseFloat: "
                + #"parsing "0xFFFFFFFFFFFFFFFFF": invalid syntax"#
        ),
        ("1.5h", #"1:1: parse error: unknown unit "." in duration "1.5h""#),
        (".5m", #"1:1: parse error: not a valid duration string: ".5m""#),
        ("1_ ", #"1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1_": invalid syntax"#),
        (#"{a=~=~"b"}"#, "1:5: parse error: unexpected <op:=~> in label matching, expected string"),
        ("1 </ >/ 2", "1:6: parse error: unexpected <op:>/>"),
        ("5hs", #"1:1: parse error: unknown unit "hs" in duration "5hs""#),
        ("5m5h", #"1:1: parse error: not a valid duration string: "5m5h""#),
        ("300y", "1:1: parse error: duration out of range"),
    ]

    private static let syntax: [(String, String)] = [
        ("1 +", "1:4: parse error: unexpected end of input"),
        ("()", #"1:2: parse error: unexpected ")""#),
        ("[", #"1:1: parse error: unexpected "[""#),
        ("foo=bar", #"1:4: parse error: unexpected "=""#),
        ("foo bar", #"1:5: parse error: unexpected identifier "bar""#),
        ("foo 5", #"1:5: parse error: unexpected number "5""#),
        ("foo 5m", #"1:5: parse error: unexpected duration "5m""#),
        ("foo a:b", #"1:5: parse error: unexpected metric identifier "a:b""#),
        ("foo 12345678901234", #"1:5: parse error: unexpected number "1234567890"..."#),
        (#"foo "abcdefghijklmnop""#, #"1:5: parse error: unexpected string "\"abcdefghi"..."#),
        (#""é" foo"#, #"1:6: parse error: unexpected identifier "foo""#),
        ("foo SUM", "1:5: parse error: unexpected <aggr:SUM>"),
        ("foo by", "1:5: parse error: unexpected <by>"), ("bool", "1:1: parse error: unexpected <bool>"),
        ("on", "1:1: parse error: unexpected <on>"), ("foo start", #"1:5: parse error: unexpected "start""#),
        ("atan2", "1:1: parse error: unexpected <op:atan2>"), ("@", "1:1: parse error: unexpected <op:@>"),
        ("a:b(1)", #"1:4: parse error: unexpected "(""#),
        ("foo(,)", #"1:5: parse error: unexpected ",""#),
        ("abs(a,)", "1:6: parse error: trailing commas not allowed in function call args"),
        ("abs(a,*)", "1:6: parse error: trailing commas not allowed in function call args"),
        (#"sum(foo, "x"#, "1:10: parse error: unterminated quoted string"),
        ("sum(foo bar)", #"1:9: parse error: unexpected identifier "bar" in aggregation"#),
        ("sum(a + )", #"1:9: parse error: unexpected ")" in aggregation"#),
        ("sum(abs(a b))", #"1:11: parse error: unexpected identifier "b" in aggregation"#),
        ("sum(foo) bar", #"1:10: parse error: unexpected identifier "bar""#),
        ("sum by (a) (foo) by (b)", "1:18: parse error: unexpected <by>"),
        ("sum by (job) foo", #"1:14: parse error: unexpected identifier "foo" in aggregation"#),
        ("sum foo", #"1:5: parse error: unexpected identifier "foo""#),
        ("sum by", #"1:7: parse error: unexpected end of input in grouping opts, expected "(""#),
        (
            "sum by job (foo)",
            #"1:8: parse error: unexpected identifier "job" in grouping opts, expected "(""#
        ),
        ("sum by (1) (foo)", #"1:9: parse error: unexpected number "1" in grouping opts, expected label"#),
        (
            "sum by (a b) (foo)",
            #"1:11: parse error: unexpected identifier "b" in grouping opts, expected "," or ")""#
        ),
        (#"sum by ("") (foo)"#, #"1:9: parse error: invalid label name for grouping: """#),
        ("a + group_left(x) b", "1:5: parse error: unexpected <group_left>"),
        ("a + on x b", #"1:8: parse error: unexpected identifier "x" in grouping opts, expected "(""#),
        ("a * on(x) group_left, b", #"1:21: parse error: unexpected "," in grouping opts, expected "(""#),
        ("a + fill(b) c", #"1:10: parse error: unexpected identifier "b""#),
        ("fill(1)", #"1:5: parse error: unexpected "(""#),
        ("foo{", "1:5: parse error: unexpected end of input inside braces"),
        ("foo{a}", #"1:6: parse error: unexpected "}" in label matching, expected label matching operator"#),
        ("foo{a=b}", #"1:7: parse error: unexpected identifier "b" in label matching, expected string"#),
        (
            #"foo{a="b" c="d"}"#,
            #"1:11: parse error: unexpected identifier "c" in label matching, expected "," or "}""#
        ),
        ("foo{,}", #"1:5: parse error: unexpected "," in label matching, expected identifier or "}""#),
        (
            #"foo{a="b",,}"#,
            #"1:11: parse error: unexpected "," in label matching, expected identifier or "}""#
        ),
        (#"foo{1="b"}"#, "1:5: parse error: unexpected character inside braces: '1'"),
        ("foo{a!b}", "1:6: parse error: unexpected character after '!' inside braces: 'b'"),
        ("foo{{", "1:5: parse error: unexpected left brace '{'"),
        ("holt_winters(foo[5m])", #"1:1: parse error: unknown function with name "holt_winters""#),
        ("RATE(foo[5m])", #"1:1: parse error: unknown function with name "RATE""#),
        (#"foo(1) "x"#, #"1:1: parse error: unknown function with name "foo""#),
        (#"sum(foo, bar) "x"#, "1:15: parse error: unterminated quoted string"),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        (
            "topk(foo)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"
        ),
        (
            "topk(1,foo,2)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 3"
        ),
    ]

    private static let selectorForms = "number, duration, step(), or range()"

    private static let ranges: [(String, String)] = [
        ("foo[", "1:5: parse error: unexpected end of input in duration expression"),
        ("foo[5m", "1:7: parse error: unclosed left bracket"),
        (
            "foo[]",
            #"1:5: parse error: unexpected "]" in subquery or range selector, expected \#(selectorForms)"#
        ),
        (
            "foo[5m+]",
            #"1:8: parse error: unexpected "]" in subquery or range selector, expected \#(selectorForms)"#
        ),
        (
            "foo[5m 6m]",
            #"1:8: parse error: unexpected duration "6m" in subquery or range, expected ":" or "]""#
        ),
        ("foo[5m:1m 2m]", #"1:11: parse error: unexpected duration "2m" in subquery selector, expected "]""#),
        (
            "foo[5m:+]",
            #"1:9: parse error: unexpected "]" in subquery selector, "#
                + #"expected number, duration, step(), range(), or "]""#
        ),
        ("foo[:5m]", "1:6: parse error: unexpected colon before duration in duration expression"),
        ("foo[bar]", "1:5: parse error: unexpected character in duration expression: 'b'"),
        ("foo[5m bar]", "1:8: parse error: unexpected character: 'b', expected ':'"),
        ("foo[5m:1m:1m]", "1:10: parse error: unexpected colon ':'"),
        ("foo[5m][5m]", "1:8: parse error: ranges only allowed for vector selectors"),
        ("5[5m]", "1:2: parse error: ranges only allowed for vector selectors"),
        ("(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors"),
        ("foo offset 5m[5m]", "1:14: parse error: no offset modifiers allowed before range"),
        ("foo @ 10[5m]", "1:9: parse error: no @ modifiers allowed before range"),
        ("foo[0s]", "1:5: parse error: duration must be greater than 0"),
        ("foo[-5m]", "1:5: parse error: duration must be greater than 0"),
        ("foo[-(5m)]", "1:5: parse error: duration must be greater than 0"),
        ("foo[5m:0s]", "1:8: parse error: duration must be greater than 0"),
        ("foo[0.0001]", "1:5: parse error: duration must be greater than 0"),
        ("foo[1e30]", "1:5: parse error: duration out of range"),
        ("foo offset", "1:11: parse error: unexpected end of input in offset, expected \(selectorForms)"),
        (
            "foo offset bar",
            #"1:12: parse error: unexpected identifier "bar" in offset, expected \#(selectorForms)"#
        ),
        ("foo offset sum", "1:12: parse error: unexpected <aggr:sum> in offset, expected \(selectorForms)"),
        ("foo offset max", "1:12: parse error: unexpected <aggr:max> in offset, expected \(selectorForms)"),
        (
            "foo offset (1h + bar)",
            #"1:18: parse error: unexpected identifier "bar" in offset, expected \#(selectorForms)"#
        ),
        ("foo offset 5m offset 6m", "1:1: parse error: offset may not be set multiple times"),
        (
            "5 offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector "
                + "or range vector selector or a subquery"
        ),
        (
            "sum(foo) offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector "
                + "or range vector selector or a subquery"
        ),
        ("foo @", "1:6: parse error: unexpected end of input in @, expected timestamp"),
        ("foo @ bar", #"1:7: parse error: unexpected identifier "bar" in @, expected timestamp"#),
        ("foo @ start", "1:12: parse error: unexpected end of input in @, expected timestamp"),
        ("foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        ("foo @ start() @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        ("foo @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        ("foo @ -NaN", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"),
        (
            "foo @ 1e20",
            "1:1: parse error: timestamp out of bounds for @ modifier: 100000000000000000000.000000"
        ),
        (
            "5 @ 3",
            "1:1: parse error: @ modifier must be preceded by an instant vector selector "
                + "or range vector selector or a subquery"
        ),
        (
            "foo anchored smoothed",
            "1:1: parse error: anchored and smoothed modifiers cannot be used together"
        ),
        ("foo[5m:] smoothed", "1:1: parse error: smoothed modifier is not supported for subqueries"),
        ("sum(foo) anchored", "1:1: parse error: anchored modifier not implemented"),
    ]

    private static let durations: [(String, String)] = [
        ("foo[5m/0]", "1:7: parse error: division by zero"),
        ("foo[5m%(0)]", "1:7: parse error: modulo by zero"),
        ("foo[5m5h]", #"1:5: parse error: not a valid duration string: "5m5h""#),
        ("foo[1.5h]", #"1:5: parse error: unknown unit "." in duration "1.5h""#),
        (
            "foo[min_of(5m)]",
            #"1:14: parse error: unexpected ")" in subquery or range selector, expected \#(selectorForms)"#
        ),
        (
            "foo[step]",
            #"1:9: parse error: unexpected "]" in subquery or range selector, expected \#(selectorForms)"#
        ),
    ]

    private static let types: [(String, String)] = [
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("1 # x\n == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        ("1 and 1", #"1:1: parse error: set operator "and" not allowed in binary scalar expression"#),
        ("foo OR 1", #"1:1: parse error: set operator "or" not allowed in binary scalar expression"#),
        (
            "foo + on(a) group_left(a) bar",
            #"1:5: parse error: label "a" must not occur in ON and GROUP clause at once"#
        ),
        ("foo and on(a) group_left(b) bar", #"1:1: parse error: no grouping allowed for "and" operation"#),
        ("foo or on(a) group_right bar", #"1:1: parse error: no grouping allowed for "or" operation"#),
        ("foo + on(a) 1", "1:1: parse error: vector matching only allowed between instant vectors"),
        (
            "foo + fill(1) 1",
            "1:1: parse error: filling in missing series only allowed between instant vectors"
        ),
        ("foo and fill(1) bar", "1:1: parse error: filling in missing series not allowed for set operators"),
        (
            "foo[5m]+1",
            "1:1: parse error: binary expression must contain only scalar and instant vector types"
        ),
        (#"1+"a""#, "1:3: parse error: binary expression must contain only scalar and instant vector types"),
        (
            #"-"a""#,
            "1:1: parse error: unary expression only allowed on expressions of type scalar "
                + #"or instant vector, got "string""#
        ),
        (
            "-foo[5m]",
            "1:1: parse error: unary expression only allowed on expressions of type scalar "
                + #"or instant vector, got "range vector""#
        ),
        (
            "rate(foo)",
            #"1:6: parse error: expected type range vector in call to function "rate", got instant vector"#
        ),
        ("abs(1)", #"1:5: parse error: expected type instant vector in call to function "abs", got scalar"#),
        ("rate(foo[5m],1)", #"1:1: parse error: expected 1 argument(s) in call to "rate", got 2"#),
        ("rate()", #"1:1: parse error: expected 1 argument(s) in call to "rate", got 0"#),
        ("time(1)", #"1:1: parse error: expected 0 argument(s) in call to "time", got 1"#),
        ("start(1)", #"1:1: parse error: expected 0 argument(s) in call to "start", got 1"#),
        ("round()", #"1:1: parse error: expected at least 1 argument(s) in call to "round", got 0"#),
        ("round(a,1,1)", #"1:1: parse error: expected at most 2 argument(s) in call to "round", got 3"#),
        (
            "label_join(a)",
            #"1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 1"#
        ),
        (
            #"sort_by_label(a, "b", 1)"#,
            #"1:23: parse error: expected type string in call to function "sort_by_label", got scalar"#
        ),
        ("rate(abs(1), 2)", #"1:1: parse error: expected 1 argument(s) in call to "rate", got 2"#),
        ("info(foo, bar)", "1:11: parse error: expected label selectors only, got vector selector instead"),
        ("info(foo, (bar))", "1:11: parse error: expected label selectors only"),
        (
            "info(foo, 1)",
            #"1:1: parse error: expected type instant vector in call to function "info", got scalar"#
        ),
        ("info({}, {})", "1:6: parse error: vector selector must contain at least one non-empty matcher"),
        ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        (
            "topk(foo,1)",
            "1:10: parse error: expected type instant vector in aggregation expression, got scalar"
        ),
        (
            "topk(foo,bar)",
            "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"
        ),
        (
            "count_values(1,foo)",
            "1:14: parse error: expected type string in aggregation parameter, got scalar"
        ),
        (
            "topk(abs(1), sum(2))",
            "1:18: parse error: expected type instant vector in aggregation expression, got scalar"
        ),
        ("foo[5m:][5m:]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"),
        ("1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        (#"{a=""}"#, "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        (#"{a=~".*"}"#, "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        (#"{a!~"x+"}"#, "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        (#"{""}"#, "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        (#"foo{"bar"}"#, #"1:1: parse error: metric name must not be set twice: "foo" or "bar""#),
        (#"foo{__name__=~"b"}"#, #"1:1: parse error: metric name must not be set twice: "foo" or "b""#),
        (
            #"foo + bar{a="x",b=~"("}"#,
            #"1:17: parse error: error parsing regexp: missing ): ( in "(""#
        ),
        ("abs(1) + foo bar", #"1:14: parse error: unexpected identifier "bar""#),
    ]

    @Test(
        "a series selector is a selector and nothing else",
        arguments: [
            ("", "unknown position: parse error: unexpected end of input"),
            ("{}", "match[] must contain at least one non-empty matcher"),
            (#"{a=~"x|"}"#, "match[] must contain at least one non-empty matcher"),
            ("foo offset 5m", "1:5: parse error: unexpected <offset>"),
            ("foo[5m]", #"1:4: parse error: unexpected "[""#),
            ("foo bar", #"1:5: parse error: unexpected identifier "bar""#),
            ("1", #"1:1: parse error: unexpected number "1""#),
            ("(foo)", #"1:1: parse error: unexpected "(""#),
            ("rate(foo)", #"1:5: parse error: unexpected "(""#),
            ("bool", "1:1: parse error: unexpected <bool>"),
            (#"foo{a="b""#, "1:10: parse error: unexpected end of input inside braces"),
        ]
    )
    func reportsInSelectors(text: String, message: String) {
        do {
            _ = try Parser.parseSelector(text)
            Issue.record("expected an error")
        } catch {
            #expect(error.description == message)
        }
    }
}
