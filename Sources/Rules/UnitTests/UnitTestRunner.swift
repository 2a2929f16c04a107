import Logging
import Model
import PromQL

/// Runs the unit tests of a file: evaluates its rules over made-up series and compares what comes out.
///
/// Source: Prometheus's documentation of unit testing for rules; the verdicts are promtool's.
package struct UnitTestRunner: Sendable {
    private let file: UnitTestFile
    private let groups: [RuleGroup]
    private let engine: Engine

    /// A runner of the tests of `file` with the rules `groups`.
    package init(_ file: UnitTestFile, groups: [RuleGroup]) {
        self.file = file
        // Groups without a place in the order come first, as in promtool.
        let order = Dictionary(uniqueKeysWithValues: file.groupOrder.enumerated().map { ($1, $0) })
        self.groups = groups.enumerated()
            .sorted { (order[$0.element.name] ?? 0, $0.offset) < (order[$1.element.name] ?? 0, $1.offset) }
            .map(\.element)
        var options = EngineOptions()
        options.defaultSubqueryStepMillis = file.evaluationIntervalMillis
        engine = Engine(options: options)
    }

    /// What of `test` fails; nothing if it passes.
    package func run(_ test: UnitTest) async -> [UnitTestFailure] {
        let store = UnitTestStore(test)
        let runners = runners(of: test, store)
        var failures: [UnitTestFailure] = []
        var pending = test.alertCases.sorted { $0.millis < $1.millis }[...]
        let step = file.evaluationIntervalMillis
        var elapsed: Int64 = 0
        while elapsed <= test.lastMillis {
            let time = test.start.advanced(byMillis: elapsed)
            store.show(until: time)
            for runner in runners {
                await runner.iterate(at: time)
                let errors = errors(of: runner, test, elapsed)
                // What follows would be about rules that do not work.
                guard errors.isEmpty else { return failures + errors }
            }
            while let next = pending.first, next.millis < elapsed + step {
                if let failure = check(next, in: test, runners) { failures.append(failure) }
                pending = pending.dropFirst()
            }
            elapsed += step
        }
        for expressionCase in test.expressionCases {
            if let failure = check(expressionCase, in: test, store) { failures.append(failure) }
        }
        return failures
    }

    private func runners(of test: UnitTest, _ store: UnitTestStore) -> [RuleGroupRunner] {
        let context = RuleContext(
            query: engine.ruleQuery(over: store),
            sink: store,
            blocking: CallingThread(),
            clock: SystemRuleClock(),
            logger: Logger(label: "sextant.test") { _ in SwiftLogNoOpLogHandler() },
            alerts: AlertOutlet(settings: {
                AlertSettings(externalLabels: test.externalLabels, externalURL: test.externalURL)
            })
        )
        let defaults = RuleDefaults(evaluationIntervalMillis: test.intervalMillis)
        return groups.map { RuleGroupRunner($0, defaults: defaults, state: nil, context: context) }
    }

    /// The rules of a group that failed at this time.
    private func errors(of runner: RuleGroupRunner, _ test: UnitTest, _ elapsed: Int64) -> [UnitTestFailure] {
        runner.status.rules.compactMap { rule in
            guard let error = rule.lastError else { return nil }
            let time = DurationText.format(millis: elapsed)
            return UnitTestFailure(
                place: test.place,
                title: "rule \(rule.name) at \(time) fails: \(error)",
                lines: []
            )
        }
    }

    // MARK: - Alerts

    private func check(
        _ alertCase: UnitTest.AlertCase,
        in test: UnitTest,
        _ runners: [RuleGroupRunner]
    ) -> UnitTestFailure? {
        let rules = runners.flatMap { $0.status.rules }.filter { $0.name == alertCase.name }
        let firing = rules.flatMap { $0.alerting?.alerts ?? [] }.filter { $0.state == .firing }
            .map { UnitTest.ExpectedAlert(labels: $0.labels, annotations: $0.annotations) }
        let expected = alertCase.alerts.map(text).sorted()
        let got = firing.map(text).sorted()
        guard expected != got else { return nil }
        return UnitTestFailure(
            place: alertCase.place,
            title: "alert \(alertCase.name) at \(DurationText.format(millis: alertCase.millis))",
            lines: UnitTestFailure.difference(expected: expected, got: got)
        )
    }

    private func text(_ alert: UnitTest.ExpectedAlert) -> String {
        let annotations = alert.annotations.map { "\($0.name)=\(LabelText.quoted($0.value))" }
        guard !annotations.isEmpty else { return "\(alert.labels)" }
        return "\(alert.labels) annotations {\(annotations.joined(separator: ", "))}"
    }

    // MARK: - Expressions

    private func check(
        _ expressionCase: UnitTest.ExpressionCase,
        in test: UnitTest,
        _ store: UnitTestStore
    ) -> UnitTestFailure? {
        let time = DurationText.format(millis: expressionCase.millis)
        var failure = UnitTestFailure(
            place: expressionCase.place,
            title: "expr \(LabelText.quoted(expressionCase.expression)) at \(time)",
            lines: []
        )
        var got: [UnitTest.ExpectedSample]
        do {
            got = try samples(
                of: expressionCase.expression,
                at: test.start.advanced(byMillis: expressionCase.millis),
                store
            )
        } catch {
            failure.title += " fails: \(error)"
            return failure
        }
        let expected = expressionCase.samples.sorted { $0.labels < $1.labels }
        got.sort { $0.labels < $1.labels }
        if expected.count == got.count, zip(expected, got).allSatisfy(isSame) { return nil }
        failure.lines = UnitTestFailure.difference(expected: expected.map(text), got: got.map(text))
        return failure
    }

    private func samples(
        of text: String,
        at time: Timestamp,
        _ store: UnitTestStore
    ) throws -> [UnitTest.ExpectedSample] {
        let budget = QueryBudget(limits: engine.options.limits)
        let expr = try Parser.parse(text)
        switch try engine.instant(expr, text: text, at: time, source: store, budget: budget).value {
        case .scalar(_, let value): return [UnitTest.ExpectedSample(labels: .empty, value: value)]
        case .vector(let samples):
            return samples.map {
                UnitTest.ExpectedSample(
                    labels: $0.labels,
                    value: $0.histogram == nil ? $0.value : 0,
                    histogram: $0.histogram
                )
            }
        case .string, .matrix: throw RuleError.notAVector
        }
    }

    private func isSame(_ expected: UnitTest.ExpectedSample, _ got: UnitTest.ExpectedSample) -> Bool {
        guard expected.labels == got.labels, withoutReset(expected.histogram) == withoutReset(got.histogram)
        else { return false }
        if expected.value == got.value { return true }
        return file.comparesFuzzily
            && (expected.value.nextUp == got.value || expected.value.nextDown == got.value)
    }

    /// The histogram without what a store finds out about resets; whether it is a gauge stays.
    private func withoutReset(_ histogram: NativeHistogram?) -> NativeHistogram? {
        guard var histogram, histogram.counterReset != .gauge else { return histogram }
        histogram.counterReset = .unknown
        return histogram
    }

    private func text(_ sample: UnitTest.ExpectedSample) -> String {
        let value = sample.histogram.map(HistogramDescription.text) ?? ValueText.format(sample.value)
        return "\(sample.labels) \(value)"
    }
}

/// Runs work where it is called, which a program without anything else to do may.
private struct CallingThread: BlockingRunner {
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T { try body() }
}
