import Model
import PromQL
import StrictYAML

/// A file of tests: samples that go in, and the values of KPIs that have to come out.
package struct KPITestFile: Sendable {
    /// One test.
    struct Test: Sendable {
        var name: String
        var now: Int64?
        var samples: MemorySamples
        var newest: Int64
        var expectations: [Expectation]
    }

    /// What a question should be answered with.
    struct Expectation: Sendable {
        var place: Place
        var request: ReportRequest
        var subject: Subject
        /// The value of the label that is broken down by.
        var group: String?
        var values: [Double?]?
        var aggregate: Double??
        var fromFirst: [Double?]?
    }

    /// What is asked about.
    enum Subject: Hashable, Sendable {
        case kpi(String)
        case metric(String)
        case step(String, funnel: String)
    }

    /// The files with the definitions, as written: paths from this file's folder.
    package var definitionFiles: [String]
    var tests: [Test]

    /// How many expectations there are.
    package var expectationCount: Int { tests.reduce(0) { $0 + $1.expectations.count } }

    /// The tests of `text`, the file at the path `file`.
    ///
    /// - Throws: All problems of the file at once.
    package init(_ text: String, file: String) throws(YAMLFileError) {
        var reading = KPITestReading(reader: StrictReader(file: file))
        let (files, tests) = reading.content(text)
        try reading.reader.finish()
        definitionFiles = files
        self.tests = tests
    }

    /// What came out otherwise by `definitions`, a sentence with its place each; none if all is as expected.
    package func failures(_ definitions: KPIDefinitions, zones: TimeZones = .system) -> [FileProblem] {
        tests.flatMap { test in
            let now = Timestamp(millis: test.now ?? test.newest + 1)
            let service = KPIService(
                definitions: definitions,
                source: RawAggregates(source: test.samples),
                zones: zones
            ) { now }
            return test.expectations.flatMap { expectation in
                KPITestFile.failures(expectation, service).map { message in
                    FileProblem(
                        file: expectation.place.file,
                        line: expectation.place.line,
                        column: expectation.place.column,
                        message: "\(test.name): \(message)"
                    )
                }
            }
        }
    }

    // MARK: - Comparison

    private static func failures(_ expectation: Expectation, _ service: KPIService) -> [String] {
        do throws(ReportError) {
            let (values, aggregate, fromFirst) = try answer(expectation, service)
            var failures: [String] = []
            if let wanted = expectation.values, !isSame(wanted, values) {
                failures.append("values are \(shown(values)), expected were \(shown(wanted))")
            }
            if let wanted = expectation.aggregate, !isSame([wanted], [aggregate]) {
                failures.append("aggregate is \(shown(aggregate)), expected was \(shown(wanted))")
            }
            if let wanted = expectation.fromFirst, !isSame(wanted, fromFirst) {
                failures.append("from_first is \(shown(fromFirst)), expected was \(shown(wanted))")
            }
            return failures
        } catch {
            switch error {
            case .unknown(_, let message), .bad(let message), .missingConfig(let message): return [message]
            case .source(let error): return ["\(error)"]
            }
        }
    }

    private static func answer(_ expectation: Expectation, _ service: KPIService) throws(ReportError) -> (
        values: [Double?], aggregate: Double?, fromFirst: [Double?]
    ) {
        let budget = QueryBudget.unlimited()
        switch expectation.subject {
        case .kpi:
            let report = try service.report(expectation.request, budget: budget)
            guard let entry = report.entries.first(where: { $0.row.group == expectation.group }) else {
                throw .bad("there is no value \(LabelText.quoted(expectation.group ?? "")) of the label")
            }
            return (entry.row.values, entry.row.aggregate, [])
        case .metric:
            let report = try service.metricReport(expectation.request, budget: budget)
            return (report.rows.first?.values ?? [], report.rows.first?.aggregate, [])
        case .step(let name, _):
            let report = try service.funnelReport(expectation.request, budget: budget)
            guard let step = report.funnels.first?.steps.first(where: { $0.name == name }) else {
                throw .bad("the funnel has no step \(LabelText.quoted(name))")
            }
            return (step.counts.values, step.counts.aggregate, step.fromFirst.values)
        }
    }

    /// Whether all values agree within 1e-9.
    private static func isSame(_ left: [Double?], _ right: [Double?]) -> Bool {
        left.count == right.count
            && zip(left, right).allSatisfy { left, right in
                guard let left, let right else { return left == nil && right == nil }
                return left == right
                    || (left - right).magnitude <= 1e-9 * max(left.magnitude, right.magnitude)
            }
    }

    private static func shown(_ values: [Double?]) -> String {
        "[\(values.map(shown).joined(separator: ", "))]"
    }

    private static func shown(_ value: Double?) -> String { value.map(ValueText.format) ?? "null" }
}
