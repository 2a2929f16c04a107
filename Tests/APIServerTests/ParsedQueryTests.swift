import PromQL
import Testing

@testable import APIServer

/// The trees of expressions as JSON.
@Suite("Parsed queries")
struct ParsedQueryTests {
    private static func tree(_ text: String) throws -> String {
        var json = JSONWriter()
        ParsedQueryJSON.write(try Parser.parse(text), to: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// The answers of Prometheus 3.5.3.
    @Test(
        "a tree is what Prometheus answers",
        arguments: [
            (
                #"visits{shop="x", day!~"s.*"} offset -1m @ start()"#,
                #"{"matchers":[{"name":"shop","type":"=","value":"x"},{"name":"day","type":"!~","#
                    + #""value":"s.*"},{"name":"__name__","type":"=","value":"visits"}],"name":"visits","#
                    + #""offset":-60000,"startOrEnd":"start","timestamp":null,"type":"vectorSelector"}"#
            ),
            (
                #"{"shop.visits", "day of"="monday"}[90s] @ 30.5"#,
                #"{"matchers":[{"name":"__name__","type":"=","value":"shop.visits"},{"name":"day of","#
                    + #""type":"=","value":"monday"}],"name":"","offset":0,"range":90000,"startOrEnd":null,"#
                    + #""timestamp":30500,"type":"matrixSelector"}"#
            ),
            (
                #"(visits)[1h:5m] offset 2m @ end()"#,
                #"{"expr":{"expr":{"matchers":[{"name":"__name__","type":"=","value":"visits"}],"#
                    + #""name":"visits","offset":0,"startOrEnd":null,"timestamp":null,"#
                    + #""type":"vectorSelector"},"type":"parenExpr"},"offset":120000,"range":3600000,"#
                    + #""startOrEnd":"end","step":300000,"timestamp":null,"type":"subquery"}"#
            ),
            (
                #"-sum without (shop) (+visits)"#,
                #"{"expr":{"expr":{"expr":{"matchers":[{"name":"__name__","type":"=","#
                    + #""value":"visits"}],"name":"visits","offset":0,"startOrEnd":null,"timestamp":null,"#
                    + #""type":"vectorSelector"},"op":"+","type":"unaryExpr"},"grouping":["shop"],"op":"sum","#
                    + #""param":null,"type":"aggregation","without":true},"op":"-","type":"unaryExpr"}"#
            ),
            (
                #"topk by (shop) (3, visits)"#,
                #"{"expr":{"matchers":[{"name":"__name__","type":"=","value":"visits"}],"#
                    + #""name":"visits","offset":0,"startOrEnd":null,"timestamp":null,"#
                    + #""type":"vectorSelector"},"grouping":["shop"],"op":"topk","#
                    + #""param":{"type":"numberLiteral","val":"3"},"type":"aggregation","without":false}"#
            ),
            (
                #"visits / on (shop) group_left (city) staff"#,
                #"{"bool":false,"lhs":{"matchers":[{"name":"__name__","type":"=","value":"visits"}],"#
                    + #""name":"visits","offset":0,"startOrEnd":null,"timestamp":null,"#
                    + #""type":"vectorSelector"},"matching":{"card":"many-to-one","include":["city"],"#
                    + #""labels":["shop"],"on":true},"op":"/","rhs":{"matchers":[{"name":"__name__","#
                    + #""type":"=","value":"staff"}],"name":"staff","offset":0,"startOrEnd":null,"#
                    + #""timestamp":null,"type":"vectorSelector"},"type":"binaryExpr"}"#
            ),
            (
                #"visits > bool 1e7"#,
                #"{"bool":true,"lhs":{"matchers":[{"name":"__name__","type":"=","value":"visits"}],"#
                    + #""name":"visits","offset":0,"startOrEnd":null,"timestamp":null,"#
                    + #""type":"vectorSelector"},"matching":null,"op":"\u003e","rhs":{"type":"numberLiteral","#
                    + #""val":"10000000"},"type":"binaryExpr"}"#
            ),
            (
                #"visits and ignoring (shop) staff"#,
                #"{"bool":false,"lhs":{"matchers":[{"name":"__name__","type":"=","value":"visits"}],"#
                    + #""name":"visits","offset":0,"startOrEnd":null,"timestamp":null,"#
                    + #""type":"vectorSelector"},"matching":{"card":"many-to-many","include":[],"#
                    + #""labels":["shop"],"on":false},"op":"and","rhs":{"matchers":[{"name":"__name__","#
                    + #""type":"=","value":"staff"}],"name":"staff","offset":0,"startOrEnd":null,"#
                    + #""timestamp":null,"type":"vectorSelector"},"type":"binaryExpr"}"#
            ),
            (
                #"label_join(visits, "a", "<b>", "shop") or vector(-0.5)"#,
                #"{"bool":false,"lhs":{"args":[{"matchers":[{"name":"__name__","type":"=","#
                    + #""value":"visits"}],"name":"visits","offset":0,"startOrEnd":null,"timestamp":null,"#
                    + #""type":"vectorSelector"},{"type":"stringLiteral","val":"a"},{"type":"stringLiteral","#
                    + #""val":"\u003cb\u003e"},{"type":"stringLiteral","val":"shop"}],"#
                    + #""func":{"argTypes":["vector","string","string","string"],"name":"label_join","#
                    + #""returnType":"vector","variadic":-1},"type":"call"},"#
                    + #""matching":{"card":"many-to-many","include":[],"labels":[],"on":false},"op":"or","#
                    + #""rhs":{"args":[{"type":"numberLiteral","val":"-0.5"}],"func":{"argTypes":["scalar"],"#
                    + #""name":"vector","returnType":"vector","variadic":0},"type":"call"},"#
                    + #""type":"binaryExpr"}"#
            ),
            (
                #"hour()"#,
                #"{"args":[],"func":{"argTypes":["vector"],"name":"hour","returnType":"vector","#
                    + #""variadic":1},"type":"call"}"#
            ),
            (
                #""text""#,
                #"{"type":"stringLiteral","val":"text"}"#
            ),
        ]
    )
    func tree(_ text: String, _ expected: String) throws {
        #expect(try ParsedQueryTests.tree(text) == expected)
    }

    @Test("what only some versions know has a place in the tree too")
    func newer() throws {
        #expect(try ParsedQueryTests.tree("end()").contains(#""name":"end","returnType":"scalar""#))
        #expect(try ParsedQueryTests.tree("rate(m[5m * 2] anchored)").contains(#""range":0"#))
        #expect(try ParsedQueryTests.tree(#""\xff""#) == "{\"type\":\"stringLiteral\",\"val\":\"\u{fffd}\"}")
    }

    @Test("deep trees need no deep stack")
    func deep() throws {
        let text = String(repeating: "(", count: 120) + "1" + String(repeating: ")", count: 120)
        #expect(
            try ParsedQueryTests.tree(text).hasSuffix(String(repeating: #","type":"parenExpr"}"#, count: 120))
        )
    }
}
