import Logging
import Model
import Synchronization
import Telemetry
import Testing

@testable import APIServer

/// What the log says of slow queries.
@Suite struct QueryTelemetryTests {
    /// Lines of a log.
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { lines.withLock { $0 } }

        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.add("\(event.level) \(event.message) " + fields.joined(separator: " "))
        }
    }

    private func cost(tookMillis: Int64) -> QueryTelemetry.Cost {
        QueryTelemetry.Cost(
            waited: .milliseconds(3),
            took: .milliseconds(tookMillis),
            processor: .milliseconds(40),
            sampleCount: 77,
            isFailed: false
        )
    }

    @Test("A query that takes as long as the threshold says is told of, with its cost; a shorter one is not")
    func tellsOfSlowQueries() {
        let lines = Lines()
        let registry = Registry()
        let telemetry = QueryTelemetry(registry, Logger(label: "test") { _ in Handler(lines: lines) }) { 50 }
        let origin = QueryOrigin(kind: .range, text: "rate(x[5m])") { "192.0.2.1" }
        telemetry.note(origin, cost(tookMillis: 49))
        #expect(lines.all.isEmpty)
        telemetry.note(origin, cost(tookMillis: 50))
        #expect(
            lines.all == [
                "warning slow query client=192.0.2.1 cpu_ms=40 duration_ms=50 failed=false kind=range "
                    + "query=rate(x[5m]) samples=77 waited_ms=3"
            ]
        )
        var bytes: [UInt8] = []
        registry.render(into: &bytes)
        let page = String(decoding: bytes, as: UTF8.self)
        #expect(page.contains("\nsextant_queries_slow_total 1\n"))
        #expect(page.contains("\nsextant_queries_total{kind=\"range\"} 2\n"))
    }

    @Test("A threshold of 0 means that no query is slow, and a changed one counts at once")
    func followsThreshold() {
        let lines = Lines()
        let threshold = Mutex<Int64>(0)
        let logger = Logger(label: "test") { _ in Handler(lines: lines) }
        let telemetry = QueryTelemetry(Registry(), logger) { threshold.withLock { $0 } }
        telemetry.note(QueryOrigin(), cost(tookMillis: 1_000_000))
        #expect(lines.all.isEmpty)
        threshold.withLock { $0 = 10 }
        telemetry.note(QueryOrigin(), cost(tookMillis: 11))
        #expect(lines.all.count == 1)
    }

    @Test("Of a long query the log has the beginning")
    func shortens() {
        #expect(QueryTelemetry.shortened("up") == "up")
        let long = QueryTelemetry.shortened(String(repeating: "a", count: 5000))
        #expect(long == String(repeating: "a", count: 1000) + "...")
    }

    @Test("The log of the server has what a slow query asked, in the end")
    func reachesLog() async throws {
        let lines = Lines()
        let store = MemoryStore()
        try await TestServer.run(
            store,
            logger: Logger(label: "test") { _ in Handler(lines: lines) },
            configure: { $0.slowQueryMillis = { 1 } }
        ) { server in
            // This one only ends with its time.
            let reply = try await server.client.get("/api/v1/query?query=slow&timeout=500ms")
            #expect(reply.statusCode == 503)
        }
        let line = try #require(lines.all.first { $0.contains("slow query") })
        #expect(line.contains("client=127.0.0.1"))
        #expect(line.contains("failed=true"))
        #expect(line.contains("kind=instant"))
        #expect(line.contains("query=slow "))
    }
}
