import Model
import Testing

@testable import APIServer
@testable import Rules

/// The table of endpoints, parameters and the exact answers to them.
@Suite struct EndpointTests {
    /// One request and its answer.
    struct Case: CustomTestStringConvertible, Sendable {
        var method: String
        var target: String
        var form: String?
        var statusCode: Int
        var body: String

        var testDescription: String { "\(method) \(target) \(form ?? "")" }

        static func get(_ target: String, _ statusCode: Int, _ body: String) -> Case {
            Case(method: "GET", target: target, statusCode: statusCode, body: body)
        }

        static func post(_ target: String, _ form: String, _ statusCode: Int, _ body: String) -> Case {
            Case(method: "POST", target: target, form: form, statusCode: statusCode, body: body)
        }

        /// A successful answer with `data` and what follows it.
        static func ok(_ target: String, _ data: String, rest: String = "") -> Case {
            .get(target, 200, #"{"status":"success","data":\#(data)\#(rest)}"#)
        }

        /// A refusal as `bad_data` with `error`, in JSON.
        static func bad(_ target: String, _ error: String) -> Case {
            .get(target, 400, #"{"status":"error","errorType":"bad_data","error":"\#(error)"}"#)
        }
    }

    /// Requests about one thing.
    struct Table: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var cases: [Case]
    }

    private static let tables = [
        Table(testDescription: "queries", cases: queries),
        Table(testDescription: "range queries", cases: ranges),
        Table(testDescription: "labels", cases: labels), Table(testDescription: "others", cases: others),
    ]

    private static let queries: [Case] = [
        .ok("/api/v1/query?query=1&time=4", #"{"resultType":"scalar","result":[4,"1"]}"#),
        .ok("/api/v1/query?query=1", #"{"resultType":"scalar","result":[1700000000,"1"]}"#),
        .ok("/api/v1/query?query=1&time=", #"{"resultType":"scalar","result":[1700000000,"1"]}"#),
        .ok("/api/v1/query?query=1e-7&time=4.5", #"{"resultType":"scalar","result":[4.500,"1e-07"]}"#),
        .ok(
            "/api/v1/query?query=Inf&time=2015-07-01T20:10:51.781Z",
            #"{"resultType":"scalar","result":[1435781451.781,"+Inf"]}"#
        ),
        .ok(
            "/api/v1/query?query=%22a%3Cb%3E%22&time=0",
            #"{"resultType":"string","result":[0,"a\u003cb\u003e"]}"#
        ),
        .ok("/api/v1/query?query=nope&time=4", #"{"resultType":"vector","result":[]}"#),
        .ok(
            "/api/v1/query?query=up%7Bjob%3D%22api%22%7D&time=100",
            #"{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"a","job":"api"},"value":[100,"1"]}]}"#
        ),
        .ok(
            "/api/v1/query?query=up&time=100&limit=1",
            #"{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"a","job":"api"},"value":[100,"1"]}]}"#,
            rest: #","warnings":["results truncated due to limit"]"#
        ),
        .ok(
            "/api/v1/query?query=up&time=401&lookback_delta=10m&limit=1",
            #"{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"a","job":"api"},"value":[401,"1"]}]}"#,
            rest: #","warnings":["results truncated due to limit"]"#
        ),
        .ok("/api/v1/query?query=up&time=401", #"{"resultType":"vector","result":[]}"#),
        .ok("/api/v1/query?query=up&time=1e300", #"{"resultType":"vector","result":[]}"#),
        .ok("/api/v1/query?query=up&time=-1e300", #"{"resultType":"vector","result":[]}"#),
        .bad(
            "/api/v1/query",
            #"invalid parameter \"query\": unknown position: parse error: no expression found in input"#
        ),
        .bad(
            "/api/v1/query?query=up%7B",
            #"invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces"#
        ),
        .bad(
            "/api/v1/query?query=1&time=x",
            #"invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp"#
        ),
        .bad(
            "/api/v1/query?query=1&timeout=x",
            #"invalid parameter \"timeout\": cannot parse \"x\" to a valid duration"#
        ),
        .bad(
            "/api/v1/query?query=1&limit=x",
            #"invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax"#
        ),
        .bad("/api/v1/query?query=1&limit=-1", #"invalid parameter \"limit\": limit must be non-negative"#),
        .bad(
            "/api/v1/query?query=1&lookback_delta=x",
            #"error parsing lookback delta duration: cannot parse \"x\" to a valid duration"#
        ),
        .bad("/api/v1/query?query=%zz", #"error parsing form values: invalid URL escape \"%zz\""#),
        .bad("/api/v1/query?query=%ff", "error parsing form values: invalid UTF-8"),
        .post(
            "/api/v1/query",
            "query=1&time=4",
            200,
            #"{"status":"success","data":{"resultType":"scalar","result":[4,"1"]}}"#
        ),
        .post(
            "/api/v1/query?query=2&time=4",
            "query=1",
            200,
            #"{"status":"success","data":{"resultType":"scalar","result":[4,"1"]}}"#
        ),
        .post(
            "/api/v1/query",
            "query=" + String(repeating: "+", count: 70_000),
            400,
            #"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 70000 bytes are more than the limit query_text_bytes (65536)"}"#
        ),
    ]

    private static let ranges: [Case] = [
        .ok(
            "/api/v1/query_range?query=1&start=1&end=2&step=1",
            #"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[2,"1"]]}]}"#
        ),
        .ok(
            "/api/v1/query_range?query=up&start=100&end=101.5&step=500ms",
            #"{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"a","job":"api"},"values":[[100,"1"],[100.500,"1"],[101,"1"],[101.500,"1"]]},{"metric":{"__name__":"up","instance":"b","job":"db"},"values":[[100,"0"],[100.500,"0"],[101,"0"],[101.500,"0"]]}]}"#
        ),
        .ok("/api/v1/query_range?query=nope&start=1&end=2&step=1", #"{"resultType":"matrix","result":[]}"#),
        .ok(
            "/api/v1/query_range?query=1&start=0&end=11000&step=11000&limit=5",
            #"{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"],[11000,"1"]]}]}"#
        ),
        .bad(
            "/api/v1/query_range?query=up",
            #"invalid parameter \"start\": cannot parse \"\" to a valid timestamp"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=x",
            #"invalid parameter \"start\": cannot parse \"x\" to a valid timestamp"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=1",
            #"invalid parameter \"end\": cannot parse \"\" to a valid timestamp"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=1&end=2",
            #"invalid parameter \"step\": cannot parse \"\" to a valid duration"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=1&end=2&step=x",
            #"invalid parameter \"step\": cannot parse \"x\" to a valid duration"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=1&end=2&step=0",
            #"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=1&end=2&step=-1",
            #"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=1&end=1&step=0.0001",
            #"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=1&end=2&step=1e300",
            #"invalid parameter \"step\": cannot parse \"1e300\" to a valid duration. It overflows int64"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=3&end=2&step=1",
            #"invalid parameter \"end\": end timestamp must not be before start time"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=0&end=11001&step=1",
            #"exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX); the limit is points_per_series"#
        ),
        .bad(
            "/api/v1/query_range?query=up&start=-1e300&end=1e300&step=1",
            #"exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX); the limit is points_per_series"#
        ),
        .bad(
            "/api/v1/query_range?query=%221%22&start=1&end=2&step=1",
            #"invalid parameter \"query\": invalid expression type \"string\" for range query, must be Scalar or instant Vector"#
        ),
    ]

    private static let labels: [Case] = [
        .bad("/api/v1/series", "no match[] parameter provided"),
        .bad(
            "/api/v1/series?match[]=up%7B",
            #"invalid parameter \"match[]\": 1:4: parse error: unexpected end of input inside braces"#
        ),
        .bad(
            "/api/v1/series?match[]=%7B%7D",
            #"invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"#
        ),
        .bad(
            "/api/v1/series?match[]=up&start=x",
            #"invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp"#
        ),
        .ok(
            "/api/v1/series?match[]=up%7Bjob%3D%22db%22%7D",
            #"[{"__name__":"up","instance":"b","job":"db"}]"#
        ),
        .ok(
            "/api/v1/series?match[]=up&match[]=zz&limit=1",
            #"[{"__name__":"up","instance":"a","job":"api"}]"#,
            rest: #","warnings":["results truncated due to limit"]"#
        ),
        .ok("/api/v1/series?match[]=nope", "[]"),
        .ok("/api/v1/series?match[]=up&start=5&end=4", "[]"),
        .ok("/api/v1/labels", #"["__name__","a.b","instance","job"]"#),
        .ok(
            "/api/v1/labels?limit=2",
            #"["__name__","a.b"]"#,
            rest: #","warnings":["results truncated due to limit"]"#
        ),
        .ok("/api/v1/labels?match[]=up", #"["__name__","instance","job"]"#),
        .ok("/api/v1/labels?start=1e300", "[]"),
        .bad(
            "/api/v1/labels?end=zz",
            #"invalid parameter \"end\": invalid time value for 'end': cannot parse \"zz\" to a valid timestamp"#
        ),
        .post(
            "/api/v1/labels",
            "match[]=up&limit=1",
            200,
            #"{"status":"success","data":["__name__"],"warnings":["results truncated due to limit"]}"#
        ),
        .ok("/api/v1/label/job/values", #"["api","db"]"#),
        .ok(
            "/api/v1/label/__name__/values?limit=1",
            #"["up"]"#,
            rest: #","warnings":["results truncated due to limit"]"#
        ),
        .ok("/api/v1/label/U__a_2e_b/values", #"["x"]"#),
        .ok("/api/v1/label/a.b/values", #"["x"]"#),
        .ok("/api/v1/label/a%2Eb/values", #"["x"]"#),
        .ok("/api/v1/label/nope/values", "[]"),
        .bad("/api/v1/label/%FF/values", #"invalid label name: \"%FF\""#),
        .get("/api/v1/label//values", 404, "404 page not found\n"),
        .get("/api/v1/label/a/b/values", 404, "404 page not found\n"),
        .post("/api/v1/label/job/values", "", 405, "Method Not Allowed\n"),
        .ok(
            "/api/v1/metadata",
            #"{"a":[{"type":"counter","unit":"","help":"A."},{"type":"gauge","unit":"","help":"Other A."}],"b":[{"type":"unknown","unit":"seconds","help":""}]}"#
        ),
        .ok(
            "/api/v1/metadata?limit=1&limit_per_metric=1",
            #"{"a":[{"type":"counter","unit":"","help":"A."}]}"#
        ),
        .ok("/api/v1/metadata?metric=b", #"{"b":[{"type":"unknown","unit":"seconds","help":""}]}"#),
        .ok("/api/v1/metadata?limit=0", "{}"),
        .bad("/api/v1/metadata?limit=x", "limit must be a number"),
        .bad("/api/v1/metadata?limit_per_metric=x", "limit_per_metric must be a number"),
        .post("/api/v1/metadata", "", 405, "Method Not Allowed\n"),
    ]

    private static let others: [Case] = [
        .ok("/api/v1/query_exemplars?query=test&start=1795250110203&end=1795250110203", "[]"),
        .post("/api/v1/query_exemplars", "query=up&start=1&end=3", 200, #"{"status":"success","data":[]}"#),
        .bad("/api/v1/query_exemplars", "unknown position: parse error: no expression found in input"),
        .bad(
            "/api/v1/query_exemplars?query=test&start=5&end=3",
            "end timestamp must not be before start timestamp"
        ),
        .ok("/api/v1/format_query?query=sum(a)by(b)", #""sum by (b) (a)""#),
        .bad(
            "/api/v1/format_query?query=sum(",
            #"invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"#
        ),
        .ok("/api/v1/parse_query?query=2", #"{"type":"numberLiteral","val":"2"}"#),
        .bad(
            "/api/v1/parse_query?query=sum(",
            #"invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"#
        ),
        .ok("/api/v1/alerts", #"{"alerts":[]}"#),
        .ok("/api/v1/alertmanagers", #"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#),
        .post("/api/v1/alerts", "", 405, "Method Not Allowed\n"),
        .post("/api/v1/status/buildinfo", "", 405, "Method Not Allowed\n"),
        .ok("/api/v1/status/config", #"{"yaml":"global: {}\n"}"#),
        .ok("/api/v1/status/flags", #"{"listen":"here"}"#),
        .get("/-/healthy", 200, "Sextant is Healthy.\n"),
        .get("/-/ready", 200, "Sextant is Ready.\n"),
        .get("/-/reload", 405, "Method Not Allowed\n"),
        .post("/-/reload", "", 200, ""),
        .post("/-/healthy", "", 405, "Method Not Allowed\n"),
        .get("/nope", 404, "404 page not found\n"),
        .get("/api/v1/nope", 404, "404 page not found\n"),
        .get("/api/v1/query/", 404, "404 page not found\n"),
        .post("/nope", "x", 404, "404 page not found\n"),
        .get("/api/v1/write", 405, "Method Not Allowed\n"),
        Case(method: "DELETE", target: "/api/v1/query", statusCode: 405, body: "Method Not Allowed\n"),
        Case(method: "OPTIONS", target: "/api/v1/query", statusCode: 405, body: "Method Not Allowed\n"),
        .post(
            "/api/v1/admin/tsdb/flush",
            "",
            500,
            #"{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#
        ),
        .post(
            "/api/v1/admin/tsdb/compact",
            "",
            500,
            #"{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#
        ),
    ]

    @Test("each endpoint answers as the table says", arguments: tables)
    func answers(_ table: Table) async throws {
        let store = MemoryStore(
            .init(metadata: [
                MetricMetadata(name: "a", kind: .counter, help: "A."),
                MetricMetadata(name: "a", kind: .gauge, help: "Other A."),
                MetricMetadata(name: "b", kind: .unknown, unit: "seconds"),
            ])
        )
        store.put(Labels(["__name__": "up", "job": "api", "instance": "a"]), [(99_000, 0.5), (100_000, 1)])
        store.put(Labels(["__name__": "up", "job": "db", "instance": "b"]), [(100_000, 0)])
        store.put(Labels(["__name__": "zz", "a.b": "x"]), [(100_000, 7)])
        try await TestServer.run(store) {
            $0.flags = [("listen", "here")]
        } _: { server in
            for one in table.cases {
                let headers =
                    one.form == nil ? [:] : ["Content-Type": "application/x-www-form-urlencoded"]
                let reply = try await server.client.send(
                    one.method,
                    one.target,
                    headers: headers,
                    body: one.form.map { Array($0.utf8) }
                )
                #expect(reply.statusCode == one.statusCode, "\(one.testDescription.prefix(200))")
                #expect(reply.text == one.body, "\(one.testDescription.prefix(200))")
                let isText = one.body.isEmpty || !one.body.hasPrefix("{")
                let type = reply["Content-Type"]
                #expect(
                    one.body.isEmpty
                        || type == (isText ? "text/plain; charset=utf-8" : "application/json"),
                    "\(one.testDescription.prefix(200))"
                )
            }
        }
    }

    @Test("every answer, also a refusal, has the security fields and no Server field")
    func sendsSecurityFields() async throws {
        try await TestServer.run { server in
            for target in ["/", "/nope", "/api/v1/query?query=1", "/api/v1/query", "/metrics", "/-/ready"] {
                let reply = try await server.client.get(target)
                #expect(reply["X-Content-Type-Options"] == "nosniff")
                #expect(reply["Content-Security-Policy"]?.hasPrefix("default-src 'none'") == true)
                #expect(reply["Referrer-Policy"] == "no-referrer")
                #expect(reply["X-Frame-Options"] == "DENY")
                #expect(reply["Server"] == nil)
                #expect(reply["Access-Control-Allow-Origin"] == nil)
            }
        }
    }

    @Test("buildinfo names a version of Prometheus and has no features")
    func showsBuild() async throws {
        try await TestServer.run { server in
            let text = try await server.client.get("/api/v1/status/buildinfo").text
            #expect(text.hasPrefix(#"{"status":"success","data":{"version":"3."#))
            #expect(!text.contains("features"))
            let runtime = try await server.client.get("/api/v1/status/runtimeinfo").text
            #expect(runtime.contains(#""startTime":"2023-11-14T22:13:20Z""#))
            #expect(runtime.contains(#""storageRetention":"forever""#))
        }
    }

    @Test("the page at / is HTML; HEAD has the head of GET and no body")
    func answersHead() async throws {
        try await TestServer.run { server in
            let page = try await server.client.get("/")
            #expect(page.statusCode == 200)
            #expect(page["Content-Type"] == "text/html; charset=utf-8")
            #expect(page.text.contains("Sextant"))
            let head = try await server.client.send("HEAD", "/")
            #expect(head.statusCode == 200)
            #expect(head["Content-Length"] == String(page.body.count))
            #expect(head.body.isEmpty)
        }
    }

    @Test("rules are shown with their state, and filtered")
    func showsRules() async throws {
        let rule = RuleStatus(
            name: "kpi:x",
            query: "a / b",
            labels: Labels(["team": "shop"]),
            health: .err,
            lastError: "no",
            lastEvaluation: TestServer.now,
            evaluationSeconds: 0.25
        )
        let fresh = RuleStatus(
            name: "kpi:y",
            query: "c",
            labels: .empty,
            health: .unknown,
            lastError: nil,
            lastEvaluation: nil,
            evaluationSeconds: 0
        )
        var pending = Alert(
            labels: Labels(["alertname": "A", "team": "shop"]),
            annotations: [Label("empty", ""), Label("text", "<1>")],
            value: 12.5,
            activeAt: Timestamp(millis: TestServer.now.millis - 250)
        )
        pending.keepFiringSince = TestServer.now
        let alert = RuleStatus(
            name: "A",
            query: "d > 1",
            labels: Labels(["severity": "page", "team": "shop"]),
            health: .ok,
            lastError: nil,
            lastEvaluation: TestServer.now,
            evaluationSeconds: 0,
            alerting: AlertingStatus(
                forMillis: 90_000,
                keepFiringForMillis: 0,
                annotations: [Label("empty", ""), Label("text", "<{{ $value }}>")],
                state: .pending,
                alerts: [pending]
            )
        )
        let groups = [
            RuleGroupStatus(
                name: "g0",
                file: "a.yml",
                intervalMillis: 1000,
                limit: 0,
                evaluationSeconds: 0,
                rules: []
            ),
            RuleGroupStatus(
                name: "g1",
                file: "a.yml",
                intervalMillis: 1500,
                limit: 0,
                lastEvaluation: TestServer.now,
                evaluationSeconds: 0.5,
                rules: [rule, fresh]
            ),
            RuleGroupStatus(
                name: "g2",
                file: "b.yml",
                intervalMillis: 60_000,
                limit: 10,
                lastEvaluation: nil,
                evaluationSeconds: 0,
                rules: [alert]
            ),
        ]
        let x =
            #"{"name":"kpi:x","query":"a / b","labels":{"team":"shop"},"health":"err","lastError":"no","evaluationTime":0.25,"lastEvaluation":"2023-11-14T22:13:20Z","type":"recording"}"#
        let y =
            #"{"name":"kpi:y","query":"c","health":"unknown","evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z","type":"recording"}"#
        func g1(_ rules: String) -> String {
            #"{"name":"g1","file":"a.yml","rules":[\#(rules)],"interval":1.5,"limit":0,"evaluationTime":0.5,"lastEvaluation":"2023-11-14T22:13:20Z"}"#
        }
        let firing =
            #"{"labels":{"alertname":"A","team":"shop"},"annotations":{"empty":"","text":"\u003c1\u003e"},"state":"pending","activeAt":"2023-11-14T22:13:19.75Z","keepFiringSince":"2023-11-14T22:13:20Z","value":"1.25e+01"}"#
        func g2(_ alerts: String) -> String {
            #"{"name":"g2","file":"b.yml","rules":[{"state":"pending","name":"A","query":"d \u003e 1","duration":90,"keepFiringFor":0,"labels":{"severity":"page","team":"shop"},"annotations":{"empty":"","text":"\u003c{{ $value }}\u003e"},"alerts":\#(alerts),"health":"ok","evaluationTime":0,"lastEvaluation":"2023-11-14T22:13:20Z","type":"alerting"}],"interval":60,"limit":10,"evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z"}"#
        }
        let expected = [
            "": "\(g1("\(x),\(y)")),\(g2("[\(firing)]"))",
            "?type=record": g1("\(x),\(y)"),
            "?type=alert&exclude_alerts=true": g2("null"),
            "?rule_name[]=kpi:y&rule_name[]=nope": g1(y),
            "?rule_group[]=g2": g2("[\(firing)]"),
            "?rule_group[]=g0": "",
            "?file[]=b.yml&file[]=c.yml": g2("[\(firing)]"),
            "?file[]=c.yml": "",
            "?match[]={severity=%22page%22,team=~%22s.*%22}&exclude_alerts=1": g2("null"),
            "?match[]={severity=%22page%22}&match[]={team=%22shop%22,severity=%22%22}&exclude_alerts=t":
                g1(x) + "," + g2("null"),
        ]
        let firstPage = g1("\(x),\(y)")
        let secondPage = g2("null")
        let mistakes = [
            "?type=x": #"invalid parameter \"type\": not supported value \"x\""#,
            "?exclude_alerts=x":
                #"invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"x\": invalid syntax"#,
            "?group_limit=0": #"invalid parameter \"group_limit\": group_limit needs to be greater than 0"#,
            "?group_limit=x":
                #"invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax"#,
            "?group_next_token=abc":
                #"invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups"#,
            "?group_limit=1&group_next_token=abc":
                #"invalid parameter \"group_next_token\": invalid group_next_token 'abc'. were rule groups changed?"#,
            "?match[]={": "parse error",
        ]
        try await TestServer.run(adjust: { $0.ruleGroups = { groups } }) { server in
            for (query, text) in expected {
                let reply = try await server.client.get("/api/v1/rules" + query)
                #expect(reply.text == #"{"status":"success","data":{"groups":[\#(text)]}}"#, "\(query)")
            }
            for (query, text) in mistakes {
                let reply = try await server.client.get("/api/v1/rules" + query)
                #expect(reply.statusCode == 400 && reply.text.contains(text), "\(query): \(reply.text)")
            }
            let page = try await server.client.get("/api/v1/rules?group_limit=1&exclude_alerts=true").text
            let token = try #require(
                page.split(separator: #""groupNextToken":""#).last?.prefix { $0 != "\"" }
            )
            #expect(
                page
                    == #"{"status":"success","data":{"groups":[\#(firstPage)],"groupNextToken":"\#(token)"}}"#
            )
            let next = try await server.client.get(
                "/api/v1/rules?group_limit=1&exclude_alerts=true&group_next_token=\(token)"
            )
            #expect(next.text == #"{"status":"success","data":{"groups":[\#(secondPage)]}}"#)
            let alerts = try await server.client.get("/api/v1/alerts").text
            #expect(alerts == #"{"status":"success","data":{"alerts":[\#(firing)]}}"#)
        }
    }

    @Test("errors of the source get the class and the code that Prometheus gives them")
    func mapsErrors() async throws {
        let cases: [(SourceError, Int, String)] = [
            (.timedOut(afterMillis: 5), 503, "timeout"), (.tooManySamples(limit: 7), 422, "execution"),
            (.tooManySeries(limit: 7), 422, "execution"), (.unavailable("bad disk"), 500, "internal"),
            (.cancelled, 499, "canceled"),
        ]
        for (error, statusCode, kind) in cases {
            try await TestServer.run(MemoryStore(.init(readError: error))) { server in
                for target in ["/api/v1/query?query=up", "/api/v1/labels"] {
                    let reply = try await server.client.get(target)
                    #expect(reply.statusCode == statusCode)
                    #expect(reply.text.contains(#""errorType":"\#(kind)""#))
                }
            }
        }
    }

    @Test("with stats the answer tells what the query cost")
    func showsStatistics() async throws {
        try await TestServer.run { server in
            let text = try await server.client.get("/api/v1/query?query=1&stats=all").text
            #expect(text.contains(#","stats":{"timings":{"evalTotalTime":"#))
            #expect(text.contains(#""samples":{"totalQueryableSamples":0,"peakSamples":"#))
        }
    }
}
