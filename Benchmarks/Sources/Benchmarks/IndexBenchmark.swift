import Glibc
import Logging
import Model
import Storage
import Telemetry

/// How long selectors take over a segment with very many series.
///
/// The first time reads of the index what the selector needs; later ones find it in memory.
enum IndexBenchmark: Benchmark {
    static let name = "index"
    static let summary =
        "selectors over a segment with a million series; the first time from the file, then again"

    private static let podCount = 20_000
    private static let metricCount = 50

    private static let selectors: [(text: String, matchers: [Matcher])] = [
        ("one series", [Matcher("__name__", .equal, "metric_7"), Matcher("pod", .equal, "pod-00815")]),
        ("name", [Matcher("__name__", .equal, "metric_7")]),
        ("all but one name", [Matcher("__name__", .notEqual, "metric_7")]),
        (
            "set of values",
            [Matcher("__name__", .equal, "metric_7"), Matcher("pod", .regex, "pod-00815|pod-04711")]
        ),
        ("prefix", [Matcher("__name__", .equal, "metric_7"), Matcher("pod", .regex, "pod-001.*")]),
        (
            "any expression",
            [Matcher("__name__", .equal, "metric_7"), Matcher("pod", .regex, ".*[02]7")]
        ),
    ]

    static func run() async throws -> [Figure] {
        let directory = "\(temporaryDirectory())/sextant-benchmark-\(getpid())"
        defer { remove(directory) }
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        func open() throws -> Store {
            var options = StoreOptions { Timestamp(millis: 1_767_312_000_000) }
            options.durability = .os
            return try Store(directory: directory, options: options, registry: Registry(), logger: logger)
        }
        let writer = try open()
        for metric in 0..<metricCount {
            var batch = SampleBatch()
            for pod in 0..<podCount {
                let number = String(pod)
                batch.append(
                    Labels([
                        "__name__": "metric_\(metric)", "namespace": "shop-\(pod % 17)",
                        "pod": "pod-" + String(repeating: "0", count: 5 - number.count) + number,
                    ]),
                    Timestamp(millis: 1_767_225_600_000),
                    Double(pod)
                )
            }
            _ = try await writer.append(batch)
        }
        try await writer.flush()
        writer.close()

        let store = try open()
        defer { store.close() }
        var figures: [Figure] = []
        for (text, matchers) in selectors {
            figures += try measure(text) {
                try store.select(SelectRequest(matchers: matchers, range: .all), budget: .unlimited()).count
            }
        }
        figures += try measure("label values") {
            try store.labelValues("pod", LabelRequest(), budget: .unlimited()).items.count
        }
        return figures
    }

    private static func measure(_ text: String, _ work: () throws -> Int) throws -> [Figure] {
        let (first, count) = try CPUTime.measure(work)
        var again = Double.infinity
        for _ in 0..<5 { again = min(again, try CPUTime.measure(work).seconds) }
        return [
            Figure(title: "\(text): \(count) found, first", value: first * 1000, unit: "ms CPU"),
            Figure(title: "\(text): \(count) found, again", value: again * 1000, unit: "ms CPU"),
        ]
    }

    private static func temporaryDirectory() -> String {
        guard let path = unsafe getenv("TMPDIR") else { return "/tmp" }
        return unsafe String(cString: path)
    }

    private static func remove(_ path: String) {
        for name in (try? PosixFileSystem().list(path)) ?? [] { remove("\(path)/\(name)") }
        // Left-over files in a temporary directory do no harm.
        _ = unsafe Glibc.remove(path)
    }
}
