import Model
import Testing

@testable import APIServer
@testable import Rules

@Suite("The page at /")
struct LandingPageTests {
    private static let now = TestServer.now.millis

    private static func group(_ rules: [RuleStatus]) -> RuleGroupStatus {
        RuleGroupStatus(
            name: "<b>shop</b>",
            file: "f",
            intervalMillis: 60_000,
            limit: 0,
            lastEvaluation: Timestamp(millis: now - 12_000),
            evaluationSeconds: 0.0042,
            rules: rules
        )
    }

    private static func rule(_ name: String, error: String?) -> RuleStatus {
        RuleStatus(
            name: name,
            query: "1",
            labels: .empty,
            health: error == nil ? .ok : .err,
            lastError: error,
            lastEvaluation: Timestamp(millis: now - 12_000),
            evaluationSeconds: 0.001
        )
    }

    /// Every tag of the page closes, in the right order, and no attribute has a quote missing.
    private static func unbalancedTag(_ page: String) -> String? {
        let empty: Set<Substring> = ["meta", "link", "img", "!DOCTYPE"]
        var open: [Substring] = []
        for piece in page.split(separator: "<").filter({ $0.contains(">") }) {
            guard let end = piece.firstIndex(of: ">") else { continue }
            let tag = piece[..<end]
            if tag.filter({ $0 == "\"" }).count % 2 != 0 { return String(tag) }
            let name = tag.prefix { $0 != " " }
            if name.hasPrefix("/") {
                if open.popLast() != name.dropFirst() { return String(tag) }
            } else if !empty.contains(name), !tag.hasSuffix("/") {
                open.append(name)
            }
        }
        return open.last.map(String.init)
    }

    @Test("shows the store, the KPIs with value, unit, labels, age and course, and the rule groups")
    func showsAll() async throws {
        let store = MemoryStore()
        let percents = (0..<180).map { (Self.now - 5000 - Int64(179 - $0) * 60_000, Double($0) / 10) }
        store.put(Labels(["__name__": "kpi:signup_percent_by_channel", "channel": "ads"]), percents)
        store.put(Labels(["__name__": "kpi:revenue_last_hour"]), [(Self.now - 65_000, 12_345.678)])
        store.put(Labels(["__name__": "kpi:gone"]), [(Self.now - 60_000, 1), (Self.now, StaleMarker.value)])
        store.put(Labels(["__name__": "kpi:copy", "exported_job": "a"]), [(Self.now, 1)])
        store.put(Labels(["__name__": "up"]), [(Self.now, 1)])
        let adjust: (inout APIBackend) -> Void = { backend in
            backend.ruleGroups = { [Self.group([Self.rule("kpi:a", error: nil)])] }
            backend.figures = {
                var figures = StoreFigures()
                figures.seriesCount = 12_345
                figures.segmentBytes = 3 << 20
                figures.samplesPerSecond = 98.76
                return figures
            }
        }
        try await TestServer.run(
            store,
            configure: { $0.flags = [("durability", "interval")] },
            adjust: adjust
        ) {
            server in
            let page = try await server.client.get("/").text
            #expect(Self.unbalancedTag(page) == nil)
            #expect(page.contains("<b class=\"good\">Ready</b>"))
            #expect(page.contains("<dd>12\u{202F}345<small>"))
            #expect(page.contains("<dd>98.8<small>samples per second"))
            #expect(page.contains("<dd>3\u{202F}MiB<small>"))
            #expect(page.contains("<dd>interval<small>synced once a second"))
            #expect(page.contains("<dd>forever<small>by default"))
            #expect(
                page.contains(
                    "title=\"12345.678\">12\u{202F}346<span class=\"unit\"></span></div><div class=\"age\">1m 5s ago</div>"
                )
            )
            #expect(page.contains(">17.90<span class=\"unit\">%</span></div><div class=\"age\">5s ago</div>"))
            #expect(page.contains("<bdi>channel=ads</bdi>"))
            #expect(page.contains("query=kpi%3Asignup_percent_by_channel%7Bchannel%3D%22ads%22%7D\""))
            #expect(page.contains("<small>last 3 hours</small>"))
            #expect(!page.contains("gone") && !page.contains("copy"))
            #expect(page.components(separated: "<svg ") == 2)
            #expect(page.contains("<td>&lt;b&gt;shop&lt;/b&gt;</td><td><span class=\"good\">ok</span></td>"))
            #expect(page.contains("<td class=\"n\">12s ago</td>"))
        }
    }

    @Test("nothing that comes from outside is markup, and nothing on the page needs a looser policy")
    func escapes() async throws {
        let hostile = "</bdi><script>alert(1)</script>\"'&\u{1}"
        let store = MemoryStore()
        store.put(
            Labels(["__name__": "kpi:\"><img src=x>", "a<b": hostile]),
            [(Self.now - 1000, .infinity), (Self.now, .nan)]
        )
        let rules = [Self.rule(hostile, error: hostile)]
        try await TestServer.run(
            store,
            configure: { $0.flags = [("durability", hostile)] },
            adjust: { $0.ruleGroups = { [Self.group(rules)] } },
            { server in
                let reply = try await server.client.get("/")
                let page = reply.text
                #expect(Self.unbalancedTag(page) == nil)
                #expect(!page.contains("<script") && !page.contains("<img src=x"))
                #expect(
                    !page.contains(" style=") && !page.contains("<style") && !page.contains(" onload")
                )
                #expect(!page.contains("\u{1}"))
                let escaped = "&lt;/bdi&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\u{FFFD}"
                #expect(page.contains("<bdi>a&lt;b=\(escaped)</bdi>"))
                #expect(page.contains("<span class=\"bad\">1 failing</span>"))
                #expect(page.contains("<dd>\(escaped)<small>"))
                #expect(page.contains(">NaN<span"))
                #expect(reply["Content-Security-Policy"] == LandingPage.policy)
                #expect(!LandingPage.policy.contains("unsafe"))
                #expect(reply["Cache-Control"] == "no-store")
                // Every address on the page is the daemon's own.
                #expect(!page.contains("=\"http") && !page.contains("=\"//"))
            }
        )
    }

    @Test("shows so many KPIs and counts the rest")
    func capsKPIs() async throws {
        let store = MemoryStore()
        for index in 0..<60 {
            store.put(Labels(["__name__": "kpi:many", "shop": "\(index)"]), [(Self.now, Double(index))])
        }
        try await TestServer.run(store) { server in
            let page = try await server.client.get("/").text
            #expect(page.components(separated: "<svg ") == LandingKPIs.itemLimit)
            #expect(page.contains("and \(60 - LandingKPIs.itemLimit) more on"))
        }
    }

    @Test("works before the store is open, without KPIs, when they cannot be read, and after a failed reload")
    func otherStates() async throws {
        try await TestServer.run(isOpen: false) { server in
            let page = try await server.client.get("/")
            #expect(page.statusCode == 200)
            #expect(Self.unbalancedTag(page.text) == nil)
            #expect(page.text.contains("<b class=\"warn\">Starting</b>"))
            #expect(page.text.contains("replays the write-ahead log"))
            #expect(try await server.client.get("/style.css").statusCode == 200)
            #expect(try await server.client.get("/-/ready").statusCode == 503)
        }
        try await TestServer.run { server in
            let page = try await server.client.get("/").text
            #expect(page.contains("There are no rules."))
        }
        try await TestServer.run(MemoryStore(.init(readError: .unavailable("<disk> gone")))) { server in
            let page = try await server.client.get("/")
            #expect(page.statusCode == 200)
            #expect(page.text.contains("The KPIs cannot be read:</b> &lt;disk&gt; gone"))
        }
        let adjust: (inout APIBackend) -> Void = { backend in
            let status = backend.status
            backend.status = {
                var failed = status()
                failed.configurationError = "rules.yml:1:1: <wrong>"
                return failed
            }
        }
        try await TestServer.run(adjust: adjust) { server in
            let page = try await server.client.get("/").text
            #expect(page.contains("The last reload failed."))
        }
    }

    @Test("has its style and icon from the daemon, with a type and HEAD")
    func servesAssets() async throws {
        try await TestServer.run { server in
            for (path, type) in [
                ("/style.css?v=1", "text/css; charset=utf-8"), ("/icon.svg", "image/svg+xml"),
            ] {
                let reply = try await server.client.get(path)
                #expect(reply.statusCode == 200)
                #expect(reply["Content-Type"] == type)
                #expect(reply["Content-Security-Policy"]?.hasPrefix("default-src 'none'; frame") == true)
                #expect(!reply.text.contains("url(") && !reply.text.contains("@import"))
                let head = try await server.client.send("HEAD", path)
                #expect(head["Content-Length"] == String(reply.body.count))
                #expect(head.body.isEmpty)
            }
        }
    }

    @Test(
        "rounds numbers for people",
        arguments: [
            (0.0, "0"), (-0.0, "0"), (0.012345, "0.0123"), (0.5, "0.50"), (2.345678, "2.35"), (48.23, "48.2"),
            (999.96, "1\u{202F}000.0"), (1284.4, "1\u{202F}284"), (-7.0, "\u{2212}7"),
            (1_000_000, "1.00\u{202F}M"),
            (3.214e9, "3.21\u{202F}G"), (1e300, "1e+300"), (1.23456e-9, "1.23e-09"), (.infinity, "+Inf"),
            (.nan, "NaN"), (Double.greatestFiniteMagnitude, "1.79e+308"),
        ]
    )
    func roundsNumbers(value: Double, text: String) {
        #expect(FigureText.number(value) == text)
    }

    @Test("takes units from names and spells sizes and spans")
    func units() {
        #expect(FigureText.kpi(5, name: "kpi:x_percent") == ("5.00", "%"))
        #expect(FigureText.kpi(5, name: "kpi:x_percent_by_channel") == ("5.00", "%"))
        #expect(FigureText.kpi(5, name: "kpi:revenue_last_hour") == ("5", ""))
        #expect(FigureText.kpi(.nan, name: "kpi:x_percent") == ("NaN", "%"))
        #expect(FigureText.kpi(1536, name: "kpi:x_bytes") == ("1.50\u{202F}KiB", ""))
        #expect(FigureText.kpi(1.5, name: "kpi:x_seconds") == ("1.50", "s"))
        #expect(FigureText.bytes(0) == "0\u{202F}B")
        #expect(FigureText.span(millis: 0) == "0s")
        #expect(FigureText.span(millis: 3_600_000) == "1h")
        #expect(FigureText.span(millis: 90_061_000) == "1d 1h")
        #expect(FigureText.span(millis: -5) == "0s")
    }

    @Test("a sparkline has few points, joins near ones, and draws a lone one as a dot")
    func sparklines() {
        let minute: Int64 = 60_000
        let times = (0..<1440).map { Int64($0) * minute }
        let column = SampleColumn(timestamps: times, values: times.map { Double($0 % 7) })
        let range = TimeRange(Timestamp(millis: 0), Timestamp(millis: 1440 * minute))
        let day = Sparkline(column, spanMillis: minute).svg(over: range, gapMillis: minute, label: "x")
        let line = day.split(separator: "<path ").first { $0.contains("class=\"line\"") } ?? ""
        #expect(line.filter { $0 == "L" }.count == Sparkline.pointCount - 1)
        #expect(line.filter { $0 == "M" }.count == 1)
        let gap = Sparkline(
            SampleColumn(timestamps: [0, minute, 900 * minute], values: [1, .nan, 1e308]),
            spanMillis: minute
        )
        #expect(gap.points.count == 2)
        let drawn = gap.svg(over: range, gapMillis: minute, label: "x")
        #expect(drawn.contains("d=\"M4 36h0M"))
        let extremes = SampleColumn(
            timestamps: [0, minute],
            values: [-.greatestFiniteMagnitude, .greatestFiniteMagnitude]
        )
        let far = Sparkline(extremes, spanMillis: minute).svg(over: range, gapMillis: minute, label: "x")
        #expect(!far.contains("NaN") && !far.contains("Inf"))
    }
}

extension String {
    /// How often `part` occurs.
    fileprivate func components(separated part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
