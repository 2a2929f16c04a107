import Intake
import Logging
import Model
import Push
import Telemetry
import Testing

@testable import APIServer

@Suite struct PushRouteTests {
    /// Keeps nothing.
    private struct NoArchive: PushArchive {
        func pushRecords() async throws(SinkError) -> [PushRecord] { [] }
        func save(_ record: PushRecord) async throws(SinkError) {}
        func removePushRecords(labels: [[UInt8]]) async throws(SinkError) {}
    }

    private static func run(
        isAdminAPIEnabled: Bool = false,
        _ body: @Sendable (TestServer) async throws -> Void
    ) async throws {
        let store = MemoryStore()
        let push = PushGroups(
            sink: store,
            archive: NoArchive(),
            registry: Registry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { TestServer.now }
        try await TestServer.run(store) {
            $0.isAdminAPIEnabled = isAdminAPIEnabled
            $0.flags = [("listen", "here")]
        } adjust: {
            $0.push = push
        } _: {
            try await body($0)
        }
    }

    @Test("bodies come plain, in gzip or in snappy; another coding is taken for none")
    func codings() async throws {
        try await PushRouteTests.run { server in
            let text = Array("a 1\n".utf8)
            for (coding, body, status) in [
                ("gzip", Gzip.compress(text), 200), ("gzip", text, 400), ("snappy", [4, 12] + text, 200),
                ("snappy", text, 400), ("br", text, 200), ("", text, 200),
            ] {
                let reply = try await server.client.send(
                    "PUT",
                    "/metrics/job/j",
                    headers: ["Content-Encoding": coding, "Content-Type": "application/json"],
                    body: body
                )
                #expect(reply.statusCode == status, "\(coding): \(reply.text)")
            }
        }
    }

    @Test("methods and paths are those of a Pushgateway")
    func methods() async throws {
        try await PushRouteTests.run { server in
            for (method, target, status) in [
                ("GET", "/metrics/job/j", 405), ("PATCH", "/metrics/job/j/a/b", 405),
                ("OPTIONS", "/metrics/job/j", 200), ("PUT", "/metrics/job/j/a/b/c/d", 200),
                ("DELETE", "/metrics/job/j/a/b/c/d", 202), ("DELETE", "/metrics/job/j/a", 400),
                ("POST", "/metrics/job", 404), ("POST", "/metrics/job/", 400), ("POST", "/metrics", 405),
                ("POST", "/metrics/job/%zz", 400), ("POST", "/metrics/job/j/x/%ff", 400),
                ("POST", "/api/v1/status", 405), ("POST", "/api/v1/metrics", 405),
                ("POST", "/api/v1/admin/wipe", 405), ("PUT", "/api/v1/admin/wipe", 500),
            ] {
                let reply = try await server.client.send(method, target, body: [])
                #expect(reply.statusCode == status, "\(method) \(target): \(reply.text)")
                if target.hasPrefix("/metrics/job/j"), status == 405 || method == "OPTIONS" {
                    #expect(reply["Allow"] == "DELETE, OPTIONS, POST, PUT")
                }
            }
        }
    }

    @Test("groups are listed as a Pushgateway lists them, and wiped for an administrator")
    func lists() async throws {
        try await PushRouteTests.run(isAdminAPIEnabled: true) { server in
            let text = """
                # HELP h Long.
                # TYPE h histogram
                h_bucket{le="1"} 1
                h_bucket{le="+Inf"} 2
                h_sum 3
                h_count 2
                big 1234567.5

                """
            let body = Array(text.utf8)
            #expect(try await server.client.send("PUT", "/metrics/job/j", body: body).statusCode == 200)
            let time = #""time_stamp":"2023-11-14T22:13:20Z""#
            let own = #""metrics":[{"labels":{"instance":"","job":"j"},"value":"#
            let expected =
                #"{"status":"success","data":[{"labels":{"job":"j"},"last_push_successful":true,"#
                + #""big":{\#(time),"type":"UNTYPED",\#(own)"1.2345675e+06"}]},"#
                + #""h":{\#(time),"type":"HISTOGRAM","help":"Long.","metrics":[{"labels":"#
                + #"{"instance":"","job":"j"},"sum":"3","count":"2","buckets":{"1":"1","+Inf":"2"}}]},"#
                + #""push_failure_time_seconds":{\#(time),"type":"GAUGE","#
                + #""help":"\#(PushedGroup.failureTimeHelp)","#
                + #"\#(own)"0"}]},"push_time_seconds":{\#(time),"type":"GAUGE","#
                + #""help":"\#(PushedGroup.pushTimeHelp)",\#(own)"1.7e+09"}]}}]}"#
            #expect(try await server.client.get("/api/v1/metrics").text == expected)
            let status = try await server.client.get("/api/v1/status").text
            #expect(status.contains(#""version":"\#(BuildInfo.version)"},"flags":{"listen":"here"}"#))
            #expect(status.contains(#""start_time":"2023-11-14T22:13:20Z""#))
            #expect(try await server.client.send("PUT", "/api/v1/admin/wipe", body: []).statusCode == 202)
            #expect(try await server.client.get("/api/v1/metrics").text == #"{"status":"success","data":[]}"#)
            #expect(try await server.client.get("/metrics").text.contains("push_time") == false)
        }
    }
}
