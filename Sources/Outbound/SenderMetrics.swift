import Model
import Telemetry

/// What is counted of alerts that go to one place; named as Prometheus names it but for the prefix.
struct SenderMetrics: Sendable {
    /// Alerts that arrived there.
    let sent: Counter
    /// Alerts in calls that failed; one that is sent again counts again.
    let errors: Counter
    /// Alerts that never arrived and are not tried again.
    let dropped: Counter
    /// How long calls take.
    let latency: Histogram
    /// Alerts that wait.
    let queueLength: Gauge

    /// The metrics of the place that `labels` name.
    init(labels: Labels, registry: Registry) {
        sent = registry.counter(
            "sextant_notifications_sent_total",
            help: "Alerts that arrived at an Alertmanager or a receiver.",
            labels: labels
        )
        errors = registry.counter(
            "sextant_notifications_errors_total",
            help: "Alerts in calls that failed; most are sent again.",
            labels: labels
        )
        dropped = registry.counter(
            "sextant_notifications_dropped_total",
            help: "Alerts that were given up: refused, too many, or not true any more.",
            labels: labels
        )
        latency = registry.histogram(
            "sextant_notifications_latency_seconds",
            help: "How long it takes to hand alerts over.",
            labels: labels
        )
        queueLength = registry.gauge(
            "sextant_notifications_queue_length",
            help: "Alerts that wait to be handed over.",
            labels: labels
        )
    }
}
