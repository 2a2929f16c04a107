import Model
import Synchronization
import Telemetry

/// The groups that are evaluated at present, for those who only look.
final class RunningGroups: Sendable {
    private let runners = Mutex<[RuleGroupRunner]>([])

    /// In the order of file and name.
    var all: [RuleGroupRunner] { runners.withLock { $0 } }

    func replace(by new: [RuleGroupRunner]) {
        let sorted = new.sorted { ($0.group.file, $0.group.name) < ($1.group.file, $1.group.name) }
        runners.withLock { $0 = sorted }
    }
}

extension RunningGroups {
    /// Registers the metrics of the groups, named as Prometheus names its own but for the prefix.
    func register(in registry: Registry) {
        func collect(
            _ name: String,
            _ kind: MetricMetadata.Kind,
            _ help: String,
            _ read: @escaping @Sendable (RuleGroupRunner, RuleGroupState) -> Double?
        ) {
            registry.collect(name, help: help, kind: kind) { [self] in
                all.compactMap { runner in
                    read(runner, runner.snapshot).map { (Labels(["rule_group": runner.group.key]), $0) }
                }
            }
        }
        collect("sextant_rule_evaluations_total", .counter, "Rule evaluations.") {
            Double($1.counts.evaluations)
        }
        collect("sextant_rule_evaluation_failures_total", .counter, "Rule evaluations that failed.") {
            Double($1.counts.failures)
        }
        collect("sextant_rule_group_iterations_total", .counter, "Slots of rule groups, evaluated or missed.")
        {
            Double($1.counts.iterations)
        }
        collect("sextant_rule_group_iterations_missed_total", .counter, "Slots of rule groups missed.") {
            Double($1.counts.missedIterations)
        }
        collect("sextant_rule_group_last_duration_seconds", .gauge, "How long the last evaluation took.") {
            $1.evaluationSeconds
        }
        collect(
            "sextant_rule_group_last_evaluation_timestamp_seconds",
            .gauge,
            "When the last evaluation began."
        ) { $1.lastEvaluation.map { Double($0.millis) / 1000 } }
        collect("sextant_rule_group_last_evaluation_samples", .gauge, "Samples of the last evaluation.") {
            Double($1.lastSampleCount)
        }
        collect("sextant_rule_group_interval_seconds", .gauge, "The interval of the rule group.") {
            runner,
            _ in
            Double(runner.schedule.intervalMillis) / 1000
        }
        collect("sextant_rule_group_rules", .gauge, "The number of rules of the rule group.") { runner, _ in
            Double(runner.group.rules.count)
        }
    }
}
