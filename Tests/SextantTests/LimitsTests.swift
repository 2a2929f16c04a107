import Foundation
import Model
import Rules
import Testing

@testable import sextant

@Suite struct LimitsTests {
    private static var page: String {
        get throws {
            let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
                path: "../../docs/configuration.md"
            )
            return try String(contentsOf: file, encoding: .utf8)
        }
    }

    /// The text of the page's block of YAML that begins with `start`.
    private static func block(_ start: String) throws -> String {
        let blocks = try page.components(separatedBy: "```yaml\n").dropFirst()
        let found = try #require(blocks.first { $0.hasPrefix(start) })
        return try #require(found.components(separatedBy: "```").first)
    }

    @Test("the documented file can be read and has every limit with its default")
    func documentedFile() throws {
        let text = try LimitsTests.block("global:")
        let configuration = try ConfigFile.parse(text, file: "sextant.yml")
        var expected = Limits.default
        expected.concurrentQueries = configuration.limits.concurrentQueries
        #expect(configuration.limits == expected)
        #expect(configuration.allowedHosts == ["kpi.example.com"])
        for entry in Limits.entries { #expect(text.contains("    \(entry.name): "), "\(entry.name)") }
        _ = try RetentionFile.parse(LimitsTests.block("default:"), file: "retention.yml")
    }

    @Test("the table has every limit with its default")
    func documentedTable() throws {
        let lines = try LimitsTests.page.split(separator: "\n")
        for entry in Limits.entries {
            let line = try #require(lines.first { $0.hasPrefix("| `\(entry.name)` |") }, "\(entry.name)")
            #expect(line.contains("Restart") == !entry.isLive, "\(entry.name)")
            guard entry.name != "concurrent_queries" else { continue }
            let value = Limits.default[keyPath: entry.path]
            let text =
                switch entry.unit {
                case .bytes: ByteCountText.format(value)
                case .count: "\(value)"
                case .time: DurationText.format(millis: Int64(value))
                }
            #expect(line.contains("| `\(text)` |"), "\(line)")
        }
    }

    @Test("defaults are within what can be set, and every property is in the list once")
    func entries() {
        for entry in Limits.entries {
            #expect(entry.range.contains(Limits.default[keyPath: entry.path]), "\(entry.name)")
        }
        #expect(Set(Limits.entries.map(\.name)).count == Limits.entries.count)
        #expect(Mirror(reflecting: Limits.default).children.count == Limits.entries.count)
    }

    @Test("sizes, durations and numbers are read")
    func reads() throws {
        let text =
            "sextant: {limits: {body_bytes: 1MiB, line_bytes: 4096, idle_timeout: 1m30s, queued_queries: 0}}"
        let limits = try ConfigFile.parse(text, file: "f").limits
        #expect(limits.bodyBytes == 1 << 20)
        #expect(limits.lineBytes == 4096)
        #expect(limits.idleTimeout == 90_000)
        #expect(limits.queuedQueries == 0)
    }

    @Test(
        "wrong values are named with their place",
        arguments: [
            (
                "body_bytes: many",
                "f:1:32: body_bytes has to be a size such as 65536, 64KiB or 16MiB, not \"many\""
            ),
            (
                "body_bytes: -1",
                "f:1:32: body_bytes has to be a size such as 65536, 64KiB or 16MiB, not \"-1\""
            ),
            ("body_bytes: 1", "f:1:32: body_bytes has to be from 1KiB to 2GiB, not 1"),
            (
                "body_bytes: 9999999999TiB",
                "f:1:32: body_bytes has to be a size such as 65536, 64KiB or 16MiB, not \"9999999999TiB\""
            ),
            ("query_timeout: 0s", "f:1:35: query_timeout has to be from 1ms to 1d, not 0s"),
            (
                "query_timeout: 30",
                "f:1:35: query_timeout has to be a duration such as 30s or 1h30m, not \"30\""
            ),
            ("connections: 0", "f:1:33: connections has to be from 1 to 1000000, not 0"),
            ("connections: [1]", "f:1:33: connections has to be a whole number, not a list"),
        ]
    )
    func faults(text: String, problem: String) {
        do {
            _ = try ConfigFile.parse("sextant: {limits: {\(text)}}", file: "f")
            Issue.record("no error")
        } catch {
            #expect("\(error)" == problem)
        }
    }

    @Test("a reload changes what can be changed without a restart")
    func reload() {
        let inForce = LimitsInForce()
        var new = Limits.default
        new.bodyBytes = 4096
        new.concurrentQueries = 99
        inForce.replace(by: new)
        #expect(inForce.current.bodyBytes == 4096)
        #expect(inForce.current.concurrentQueries == Limits.default.concurrentQueries)
    }

    @Test("queries share memory, and give back what they hold when they end")
    func sharedMemory() throws {
        var limits = Limits.default
        limits.allQueriesMemoryBytes = 1600
        limits.queryMemoryBytes = 1280
        let all = SharedAmount()
        do {
            let first = QueryBudget(limits: limits, allQueries: all)
            let second = QueryBudget(limits: limits, allQueries: all)
            try first.charge(samples: 60)
            #expect(throws: SourceError.tooMuchMemory(limitName: "query_memory_bytes", limitBytes: 1280)) {
                try first.charge(samples: 21)
            }
            #expect(
                throws: SourceError.tooMuchMemory(limitName: "all_queries_memory_bytes", limitBytes: 1600)
            ) {
                try second.charge(samples: 41)
            }
            first.release(samples: 60)
            #expect(all.current == 0)
            try second.charge(samples: 30)
            #expect(all.current == 480)
        }
        #expect(all.current == 0)
    }
}
