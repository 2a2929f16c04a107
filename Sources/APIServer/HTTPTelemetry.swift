import Model
import Synchronization
import Telemetry

/// The metrics about requests and what they bring.
final class HTTPTelemetry: Sendable {
    private let registry: Registry
    /// Found by name only once, because a request must not take the registry's lock.
    private let requestCounters = Mutex<[RequestKey: Counter]>([:])
    private let durations = Mutex<[String: Histogram]>([:])
    private let queryDuration: Histogram
    private let kpiFailures: Counter
    private let appended: [WriteSource: Counter]
    private let rejected: [WriteSource: Counter]

    /// Where samples come from.
    enum WriteSource: String, CaseIterable, Sendable {
        case remoteWrite = "remote_write"
        case `import` = "import"
    }

    private struct RequestKey: Hashable {
        var handler: String
        var statusCode: Int
    }

    init(_ registry: Registry) {
        self.registry = registry
        queryDuration = registry.histogram(
            "sextant_query_duration_seconds",
            help: "How long the evaluation of a query took."
        )
        kpiFailures = registry.counter(
            "sextant_kpi_read_failures_total",
            help: "Times that /metrics could not show the recorded KPIs."
        )
        var appended: [WriteSource: Counter] = [:]
        var rejected: [WriteSource: Counter] = [:]
        for source in WriteSource.allCases {
            let labels = Labels(["source": source.rawValue])
            appended[source] = registry.counter(
                "sextant_samples_appended_total",
                help: "Samples stored, by the way they came.",
                labels: labels
            )
            rejected[source] = registry.counter(
                "sextant_samples_rejected_total",
                help: "Samples refused, by the way they came.",
                labels: labels
            )
        }
        self.appended = appended
        self.rejected = rejected
    }

    func noteRequest(_ handler: String, statusCode: Int, took duration: Duration) {
        let counter = requestCounters.withLock { counters in
            let key = RequestKey(handler: handler, statusCode: statusCode)
            if let counter = counters[key] { return counter }
            let counter = registry.counter(
                "sextant_http_requests_total",
                help: "HTTP requests, by handler and status code.",
                labels: Labels(["handler": handler, "code": String(statusCode)])
            )
            counters[key] = counter
            return counter
        }
        counter.add()
        let histogram = durations.withLock { durations in
            if let histogram = durations[handler] { return histogram }
            let histogram = registry.histogram(
                "sextant_http_request_duration_seconds",
                help: "How long it took until a request's answer was ready, by handler.",
                labels: Labels(["handler": handler])
            )
            durations[handler] = histogram
            return histogram
        }
        histogram.observe(duration)
    }

    func noteQuery(took duration: Duration) {
        queryDuration.observe(duration)
    }

    func noteKPIFailure() {
        kpiFailures.add()
    }

    func noteWrite(_ source: WriteSource, stored: Int, rejected rejectedCount: Int) {
        appended[source]?.add(stored)
        rejected[source]?.add(rejectedCount)
    }
}
