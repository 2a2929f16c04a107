import Logging
import Model
import Telemetry

/// Where a query comes from, for those who watch the daemon.
struct QueryOrigin: Sendable {
    /// What is asked, as a label of metrics.
    enum Kind: String, CaseIterable, Sendable {
        case instant, range, series, labels, kpi, other
    }

    /// What is asked.
    var kind = Kind.other
    /// The expression or selectors.
    var text = ""
    /// The client's address.
    var client: @Sendable () -> String = { "" }
}

/// What queries cost, on `/metrics` and, for slow ones, in the log.
final class QueryTelemetry: Sendable {
    /// What one query cost.
    struct Cost: Sendable {
        /// How long it waited for others.
        var waited: Duration
        /// How long it ran.
        var took: Duration
        /// The processor time of all its threads.
        var processor: Duration
        /// The samples that it read.
        var sampleCount: Int
        /// Whether it failed.
        var isFailed: Bool
    }

    /// The most of a query's text that a line of the log has, in bytes.
    private static let loggedTextBytes = 1000

    private let counts: [QueryOrigin.Kind: Counter]
    private let failures: Counter
    private let samples: Counter
    private let processor: FloatCounter
    private let waits: Histogram
    private let slowCount: Counter
    private let logger: Logger
    private let slowMillis: @Sendable () -> Int64

    /// Telemetry in `registry`; queries that take at least `slowMillis` go to `logger`, none if that is 0.
    init(_ registry: Registry, _ logger: Logger, slowMillis: @escaping @Sendable () -> Int64) {
        self.logger = logger
        self.slowMillis = slowMillis
        var counts: [QueryOrigin.Kind: Counter] = [:]
        for kind in QueryOrigin.Kind.allCases {
            counts[kind] = registry.counter(
                "sextant_queries_total",
                help: "Queries that ran, by what they asked.",
                labels: Labels(["kind": kind.rawValue])
            )
        }
        self.counts = counts
        failures = registry.counter("sextant_queries_failed_total", help: "Queries that ended in an error.")
        samples = registry.counter("sextant_query_samples_total", help: "Samples that queries read.")
        processor = registry.floatCounter(
            "sextant_query_cpu_seconds_total",
            help: "Processor time of queries, of threads that helped too."
        )
        waits = registry.histogram(
            "sextant_query_wait_seconds",
            help: "How long queries waited for others and for a thread."
        )
        slowCount = registry.counter("sextant_queries_slow_total", help: "Queries that the log calls slow.")
    }

    /// Notes a query that ran.
    func note(_ origin: QueryOrigin, _ cost: Cost) {
        counts[origin.kind]?.add()
        if cost.isFailed { failures.add() }
        samples.add(cost.sampleCount)
        processor.add(seconds: cost.processor.seconds)
        waits.observe(cost.waited)
        let slowMillis = slowMillis()
        guard slowMillis > 0, cost.took >= .milliseconds(slowMillis) else { return }
        slowCount.add()
        logger.warning(
            "slow query",
            metadata: [
                "client": "\(origin.client())",
                "cpu_ms": "\(QueryTelemetry.millis(cost.processor))",
                "duration_ms": "\(QueryTelemetry.millis(cost.took))",
                "failed": "\(cost.isFailed)",
                "kind": "\(origin.kind.rawValue)",
                "query": "\(QueryTelemetry.shortened(origin.text))",
                "samples": "\(cost.sampleCount)",
                "waited_ms": "\(QueryTelemetry.millis(cost.waited))",
            ]
        )
    }

    /// The text as far as the log shows it.
    static func shortened(_ text: String) -> String {
        guard text.utf8.count > loggedTextBytes else { return text }
        return String(decoding: text.utf8.prefix(loggedTextBytes), as: UTF8.self) + "..."
    }

    private static func millis(_ duration: Duration) -> Int { Int(duration.seconds * 1000) }
}
