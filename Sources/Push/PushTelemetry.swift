import Model
import Telemetry

/// The counts of pushes.
struct PushTelemetry: Sendable {
    private let appended: Counter
    private let rejected: Counter
    private let registry: Registry
    let failedWrites: Counter

    init(_ registry: Registry) {
        self.registry = registry
        let source = Labels(["source": "push"])
        appended = registry.counter(
            "sextant_samples_appended_total",
            help: "Samples stored, by the way they came.",
            labels: source
        )
        rejected = registry.counter(
            "sextant_samples_rejected_total",
            help: "Samples refused, by the way they came.",
            labels: source
        )
        failedWrites = registry.counter(
            "sextant_push_repeat_failures_total",
            help: "Times that pushed groups could not be stored again at their interval."
        )
        for action in ["push", "delete"] {
            for result in ["ok", "refused", "failed"] { _ = requests(action, result) }
        }
    }

    /// Counts a push or a delete by how it ended.
    func note(_ action: String, _ error: PushError?) {
        switch error {
        case nil: requests(action, "ok").add(1)
        case .sink: requests(action, "failed").add(1)
        default: requests(action, "refused").add(1)
        }
    }

    /// Counts what a write brought.
    func note(_ outcome: AppendOutcome) {
        appended.add(outcome.storedSampleCount)
        rejected.add(outcome.rejections.count)
    }

    private func requests(_ action: String, _ result: String) -> Counter {
        registry.counter(
            "sextant_push_requests_total",
            help: "Pushes and deletes of groups, by how they ended.",
            labels: Labels(["action": action, "result": result])
        )
    }
}
