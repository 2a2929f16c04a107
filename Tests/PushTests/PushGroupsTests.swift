import Model
import Telemetry
import Testing

@testable import Push

@Suite struct PushGroupsTests {
    private static func series(_ name: String, _ labels: KeyValuePairs<String, String> = ["job": "j"])
        -> Labels
    {
        Labels([Label("__name__", name)] + labels.map { Label($0.key, $0.value) })
    }

    @Test("POST replaces metrics of the same names, PUT all of them, an empty POST none")
    func merges() async {
        let bench = Bench()
        #expect(await bench.push("job/j", "a{x=\"1\"} 1\na{x=\"2\"} 2\nb 3\n") == "")
        #expect(await bench.push("job/j", "# TYPE a gauge\na{x=\"3\"} 4\nc 5\n") == "")
        #expect(await bench.push("job/j", "") == "")
        #expect(await bench.push("job/j", "\n# EOF\n") == "")
        #expect(
            Bench.page(bench.push) == [
                "a{instance=\"\",job=\"j\",x=\"3\"} 4", "b{instance=\"\",job=\"j\"} 3",
                "c{instance=\"\",job=\"j\"} 5",
            ]
        )
        #expect(await bench.push("job/j", "d 1\n", .replace) == "")
        #expect(Bench.page(bench.push) == ["d{instance=\"\",job=\"j\"} 1"])
        #expect(await bench.push("job/j", "", .replace) == "")
        #expect(Bench.page(bench.push) == [])
        #expect(bench.push.groups.count == 1)
    }

    @Test("the labels of the path win over those of the body, blank ones show, an instance always does")
    func labels() async {
        let bench = Bench()
        #expect(await bench.push("job/j/i@base64/=", "a{job=\"z\",i=\"q\",instance=\"h\"} 1\n") == "")
        #expect(await bench.push("job/j", "b{i=\"q\"} 1\n") == "")
        #expect(
            Bench.page(bench.push) == [
                "a{i=\"\",instance=\"h\",job=\"j\"} 1", "b{i=\"q\",instance=\"\",job=\"j\"} 1",
            ]
        )
        #expect(bench.sink.samples(Self.series("a", ["instance": "h", "job": "j"])) == ["1000:1"])
        #expect(bench.sink.samples(Self.series("b", ["i": "q", "job": "j"])) == ["1000:1"])
    }

    @Test("values are stored at the push and again, series that go end with a marker")
    func stores() async throws {
        let bench = Bench()
        #expect(await bench.push("job/j", "a 1\nb 2\n") == "")
        bench.set(millis: 2000)
        await bench.push.repeatValues()
        bench.set(millis: 3000)
        #expect(await bench.push("job/j", "b 5\n", .replace) == "")
        bench.set(millis: 4000)
        await bench.push.repeatValues()
        try await bench.push.delete(path: "job/j")
        bench.set(millis: 5000)
        await bench.push.repeatValues()
        #expect(bench.sink.samples(Self.series("a")) == ["1000:1", "2000:1", "3000:stale"])
        #expect(bench.sink.samples(Self.series("b")) == ["1000:2", "2000:2", "3000:5", "4000:stale"])
        #expect(
            bench.sink.samples(Self.series("push_time_seconds")) == [
                "1000:1", "2000:1", "3000:3", "4000:stale",
            ]
        )
        #expect(
            bench.sink.samples(Self.series("push_failure_time_seconds")) == [
                "1000:0", "2000:0", "3000:0", "4000:stale",
            ]
        )
        #expect(bench.push.groups.isEmpty)
    }

    @Test("a series that is pushed again in the millisecond of its end goes on")
    func revives() async throws {
        let bench = Bench()
        #expect(await bench.push("job/j", "a 1\n") == "")
        try await bench.push.delete(path: "job/j")
        #expect(await bench.push("job/j", "a 2\n") == "")
        #expect(bench.sink.samples(Self.series("a")) == ["1000:2"])
    }

    @Test("a clock that was set back a little does not put an end before the samples")
    func clockSteps() async throws {
        let bench = Bench(startMillis: 100_000)
        #expect(await bench.push("job/j", "a 1\n") == "")
        bench.set(millis: 99_000)
        try await bench.push.delete(path: "job/j")
        #expect(bench.sink.samples(Self.series("a")) == ["100000:stale"])
    }

    @Test("a series that another group still has in the store does not end")
    func shared() async throws {
        let bench = Bench()
        #expect(await bench.push("job/j/i@base64/=", "a 1\n") == "")
        #expect(await bench.push("job/j", "a 1\n") == "")
        bench.set(millis: 2000)
        try await bench.push.delete(path: "job/j")
        await bench.push.repeatValues()
        #expect(bench.sink.samples(Self.series("a")) == ["1000:1", "2000:1"])
    }

    @Test("what could not be stored is stored, and ended, with the next writes")
    func retries() async throws {
        let bench = Bench()
        #expect(await bench.push("job/j", "a 1\n") == "")
        bench.sink.fail(with: .unavailable("disk full"))
        #expect(await bench.push("job/j", "b 1\n", .replace) == "storage unavailable: disk full")
        bench.set(millis: 2000)
        bench.sink.fail(with: nil)
        await bench.push.repeatValues()
        #expect(bench.sink.samples(Self.series("a")) == ["1000:1", "2000:stale"])
        #expect(bench.sink.samples(Self.series("b")) == ["2000:1"])
    }

    @Test("groups survive a restart as they were, also odd values and labels")
    func restarts() async throws {
        let bench = Bench()
        let body = """
            # HELP h A \\\\ help\\nof two lines.
            # TYPE h histogram
            h_bucket{le="1"} 1
            h_bucket{le="+Inf"} 2
            h_sum 0.1
            h_count 2
            # TYPE s summary
            s{quantile="0.5",x="\\"\\n\\\\"} NaN
            s_sum -Inf
            s_count 1e300
            u 5e-324

            """
        #expect(await bench.push("job/j/path@base64/=/q@base64/YS9i", body) == "")
        bench.set(millis: 2000)
        #expect(await bench.push("job/k", "a 1 5\n").hasSuffix("must not have timestamps"))
        let again = try await bench.restarted()
        #expect(Bench.page(again) == Bench.page(bench.push))
        #expect(Bench.page(again).count == 8)
        #expect(again.groups.map(\.record) == bench.push.groups.map(\.record))
        #expect(again.groups.map(\.failureTime?.millis) == [nil, 2000])
        bench.set(millis: 3000)
        try await again.delete(path: "job/k")
        #expect(
            bench.sink.samples(Self.series("push_time_seconds", ["job": "k"])) == ["2000:0", "3000:stale"]
        )
        #expect(try await bench.restarted().groups.count == 1)
    }

    @Test(
        "what contradicts other metrics is refused, and the group notes it",
        arguments: [
            (
                "# TYPE a counter\na 1\n",
                #"collected metric "a" { label:{name:"instance"  value:""}  label:{name:"job"  value:"k"} "#
                    + #" counter:{value:1}} is not a GAUGE"#
            ),
            (
                "b 1\nb 2\n",
                #"collected metric "b" { label:{name:"instance"  value:""}  label:{name:"job"  value:"k"} "#
                    + #" untyped:{value:2}} was collected before with the same name and label values"#
            ),
            ("own_total 1\n", "gathered metric family own_total has type UNTYPED but should have COUNTER"),
            (
                "h_count 1\n",
                #"collected metric named "h_count" collides with previously collected histogram named "h""#
            ),
            ("b 1 1000\n", "pushed metrics must not have timestamps"),
        ]
    )
    func refuses(text: String, reason: String) async {
        let bench = Bench()
        _ = bench.registry.counter("own_total", help: "")
        #expect(await bench.push("job/j", "# TYPE a gauge\na 1\n# TYPE h histogram\nh_count 1\n") == "")
        bench.set(millis: 2000)
        let told = await bench.push("job/k", "c 1\n" + text)
        #expect(told == "pushed metrics are invalid or inconsistent with existing metrics: " + reason)
        let group = bench.push.groups.last
        #expect(group?.failureTime?.millis == 2000)
        #expect(group?.pushTime == nil)
        #expect(group?.families.isEmpty == true)
        let failure = Self.series("push_failure_time_seconds", ["job": "k"])
        #expect(bench.sink.samples(failure) == ["2000:2"])
        #expect(await bench.push("job/j", "# TYPE a counter\na 1\n") == "")
    }

    @Test("two groups must not have one series")
    func refusesSameSeries() async throws {
        let bench = Bench()
        #expect(await bench.push("job/j", "a{x=\"1\"} 1\n") == "")
        #expect(await bench.push("job/j/x/1", "a 1\n").contains("was collected before"))
        try await bench.push.delete(path: "job/j")
        #expect(await bench.push("job/j/x/1", "a 1\n") == "")
    }

    @Test("a metric of the daemon's own name and type is taken, as a Pushgateway takes it")
    func takesOwnName() async {
        let bench = Bench()
        _ = bench.registry.gauge("process_start_time_seconds", help: "H.")
        let text = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 7\n"
        #expect(await bench.push("job/j", text) == "")
        var page = PushPage(bench.push.groups)
        var body: [UInt8] = []
        bench.registry.render(into: &body) { page.moveSamples(of: $0, to: &$1) }
        let shown = String(decoding: body, as: UTF8.self)
        #expect(
            shown.contains(
                "process_start_time_seconds 0\nprocess_start_time_seconds{instance=\"\",job=\"j\"} 7\n"
            )
        )
        var rest = ExpositionWriter()
        page.write(to: &rest)
        #expect(!String(decoding: rest.bytes, as: UTF8.self).contains("process_start"))
    }

    @Test("a body that cannot be read changes nothing")
    func refusesBody() async {
        let bench = Bench()
        #expect(
            await bench.push("job/j", "a 1\nb")
                == "text format parsing error in line 2: unexpected end of input stream"
        )
        #expect(bench.push.groups.isEmpty)
    }

    @Test("more groups or series than the limits are refused by name")
    func limits() async {
        let bench = Bench(limits: (1, 2))
        #expect(await bench.push("job/j", "a 1\nb 1\nc 1\n").contains("(push_series)"))
        #expect(await bench.push("job/j", "a 1\nb 1\n") == "")
        #expect(await bench.push("job/k", "a 1\n").contains("(push_groups)"))
        let long = String(repeating: "x", count: 5000)
        #expect(await bench.push("job/\(long)", "a 1\n").contains("(push_groups)"))
        let wide = Bench()
        #expect(await wide.push("job/\(long)", "a 1\n").contains("(label_value_bytes)"))
        #expect(wide.push.groups.isEmpty)
    }

    @Test("pushes are counted by how they end, groups and series are shown")
    func counts() async throws {
        let bench = Bench()
        #expect(await bench.push("job/j", "a 1\nb 1\n") == "")
        #expect(await bench.push("job", "a 1\n") != "")
        bench.sink.fail(with: .unavailable("x"))
        #expect(await bench.push("job/j", "") != "")
        var body: [UInt8] = []
        bench.registry.render(into: &body)
        let text = String(decoding: body, as: UTF8.self)
        for line in [
            #"sextant_push_requests_total{action="push",result="ok"} 1"#,
            #"sextant_push_requests_total{action="push",result="refused"} 1"#,
            #"sextant_push_requests_total{action="push",result="failed"} 1"#,
            "sextant_push_groups 1", "sextant_push_series 2",
            #"sextant_samples_appended_total{source="push"} 4"#,
        ] {
            #expect(text.contains("\n\(line)\n") || text.hasPrefix("\(line)\n"), "\(line)")
        }
    }

    @Test("pushes at once into one group all take effect, one after the other")
    func concurrent() async {
        let bench = Bench()
        await withTaskGroup(of: String.self) { tasks in
            for index in 0..<50 { tasks.addTask { await bench.push("job/j", "m\(index) \(index)\n") } }
            for await told in tasks { #expect(told == "") }
        }
        #expect(Bench.page(bench.push).count == 50)
    }

    @Test("wiping removes and ends all groups")
    func wipes() async throws {
        let bench = Bench()
        #expect(await bench.push("job/j", "a 1\n") == "")
        #expect(await bench.push("job/k", "a 1\n") == "")
        bench.set(millis: 2000)
        try await bench.push.wipe()
        #expect(bench.push.groups.isEmpty)
        #expect(bench.sink.samples(Self.series("a")) == ["1000:1", "2000:stale"])
        #expect(try await bench.restarted().groups.isEmpty)
    }
}
