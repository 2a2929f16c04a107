import Telemetry

/// Counts what is done about the past of rules.
struct HistoryTelemetry: Sendable {
    let repairedSlots: Counter
    let changedSlots: Counter
    let failures: Counter
    let beyondHorizon: Counter
    let backfilledSlots: Counter
    let pending: Gauge
    let remaining: Gauge

    init(_ registry: Registry) {
        repairedSlots = registry.counter(
            "sextant_rule_repair_slots_total",
            help:
                "Slots of recording rules evaluated again, because samples came late or the daemon was down."
        )
        changedSlots = registry.counter(
            "sextant_rule_repair_changed_slots_total",
            help: "Slots evaluated again at which a recorded sample changed."
        )
        failures = registry.counter(
            "sextant_rule_repair_failures_total",
            help: "Times that past slots of a rule could not be evaluated."
        )
        beyondHorizon = registry.counter(
            "sextant_rule_repair_beyond_horizon_total",
            help:
                "Late series that concern slots older than the repair horizon, which stay as they were recorded."
        )
        backfilledSlots = registry.counter(
            "sextant_rule_backfill_slots_total",
            help: "Slots evaluated for pasts that are wanted, per rule."
        )
        pending = registry.gauge("sextant_rule_repairs_pending", help: "Rules with slots to evaluate again.")
        remaining = registry.gauge(
            "sextant_rule_backfill_remaining_slots",
            help: "Slots still to evaluate for pasts that are wanted, per rule."
        )
    }
}
