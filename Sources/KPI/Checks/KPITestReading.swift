import Model
import PromQL
import StrictYAML

/// The reading of one file of tests.
struct KPITestReading {
    var reader: StrictReader

    mutating func content(_ text: String) -> (files: [String], tests: [KPITestFile.Test]) {
        guard let root = reader.document(text),
            let fields = reader.fields(
                of: root,
                owner: "a KPI test file",
                known: ["definition_files", "tests"]
            )
        else {
            reader.reportEmpty("holds no tests")
            return ([], [])
        }
        let files = reader.list(fields, "definition_files").compactMap {
            reader.string($0, "definition_files")
        }
        if files.isEmpty { reader.report("definition_files has to name at least one file", at: root) }
        let nodes = reader.list(fields, "tests")
        return (files, nodes.enumerated().compactMap { test($0.element, number: $0.offset + 1) })
    }

    private mutating func test(_ node: YAMLNode, number: Int) -> KPITestFile.Test? {
        let known = ["name", "now", "start", "interval", "samples", "expect"]
        guard let fields = reader.fields(of: node, owner: "a test", known: known) else { return nil }
        var test = KPITestFile.Test(
            name: reader.string(fields, "name") ?? "test \(number)",
            now: instant(fields, "now"),
            samples: MemorySamples(),
            newest: 0,
            expectations: []
        )
        let start = instant(fields, "start") ?? 0
        let interval = reader.durationMillis(fields, "interval") ?? 60_000
        if interval <= 0 { reader.report("interval has to be more than 0", at: fields["interval"] ?? node) }
        for node in reader.list(fields, "samples") {
            guard let (labels, column) = series(node, start: start, interval: max(1, interval)) else {
                continue
            }
            test.newest = max(test.newest, column.timestamps.last ?? 0)
            test.samples.add(labels, column)
        }
        test.expectations = reader.list(fields, "expect").compactMap { expectation($0) }
        return test
    }

    private mutating func series(_ node: YAMLNode, start: Int64, interval: Int64) -> (Labels, SampleColumn)? {
        guard
            let fields = reader.fields(
                of: node,
                owner: "a series",
                known: ["series", "values", "start", "interval"]
            )
        else { return nil }
        let start = instant(fields, "start") ?? start
        let interval = reader.durationMillis(fields, "interval").map { max(1, $0) } ?? interval
        guard let text = reader.string(fields, "series"), let node = fields["series"],
            let valueText = reader.string(fields, "values"), let valueNode = fields["values"]
        else {
            reader.report("a series needs series and values", at: node)
            return nil
        }
        guard let matchers = try? Parser.parseSelector(text), matchers.allSatisfy({ $0.kind == .equal })
        else {
            reader.report("\(LabelText.quoted(text)) is no series, such as x_total{a=\"b\"}", at: node)
            return nil
        }
        guard let values = SampleText.values(valueText) else {
            reader.report(
                "\(LabelText.quoted(valueText)) are no values, such as 1 2 _ 4 or 0+10x5",
                at: valueNode
            )
            return nil
        }
        var column = SampleColumn()
        for (index, value) in values.enumerated() {
            guard let value else { continue }
            column.append(millis: start + Int64(index) * interval, value: value)
        }
        return (Labels(matchers.map { Label($0.name, $0.value) }), column)
    }

    private mutating func expectation(_ node: YAMLNode) -> KPITestFile.Expectation? {
        let known = [
            "kpi", "metric", "funnel", "step", "period", "timezone", "window", "by", "label", "from", "to",
            "values", "aggregate", "from_first",
        ]
        guard let fields = reader.fields(of: node, owner: "an expectation", known: known) else { return nil }
        var request = ReportRequest()
        request.period = reader.string(fields, "period")
        request.timezone = reader.string(fields, "timezone")
        request.window = reader.string(fields, "window")
        request.label = reader.string(fields, "by")
        request.startText = reader.string(fields, "from")
        request.endText = reader.string(fields, "to")
        let subject: KPITestFile.Subject
        let names = ["kpi", "metric", "funnel"].compactMap { key in
            reader.string(fields, key).map { (key, $0) }
        }
        guard names.count == 1, let (kind, name) = names.first else {
            reader.report("an expectation is about a kpi, a metric or a funnel", at: node)
            return nil
        }
        request.names = [name]
        switch kind {
        case "kpi": subject = .kpi(name)
        case "metric": subject = .metric(name)
        default:
            guard let step = reader.string(fields, "step") else {
                reader.report("an expectation about a funnel needs a step", at: node)
                return nil
            }
            subject = .step(step, funnel: name)
        }
        let values = numbers(fields, "values")
        let fromFirst = numbers(fields, "from_first")
        var aggregate: Double??
        if let node = fields["aggregate"] { aggregate = .some(number(node, "aggregate")) }
        return KPITestFile.Expectation(
            place: Place(file: reader.file, line: node.line, column: node.column),
            request: request,
            subject: subject,
            group: reader.string(fields, "label"),
            values: values,
            aggregate: aggregate,
            fromFirst: fromFirst
        )
    }

    // MARK: - Values

    private mutating func numbers(_ fields: YAMLFields, _ key: String) -> [Double?]? {
        guard fields[key] != nil else { return nil }
        return reader.list(fields, key).map { number($0, key) }
    }

    private mutating func number(_ node: YAMLNode, _ key: String) -> Double? {
        if node.isNull { return nil }
        guard let text = reader.string(node, key) else { return nil }
        guard let number = ValueText.parse(text) else {
            reader.report("\(key) has to be a number or null, not \(LabelText.quoted(text))", at: node)
            return nil
        }
        return number
    }

    private mutating func instant(_ fields: YAMLFields, _ key: String) -> Int64? {
        guard let node = fields[key], let text = reader.string(fields, key) else { return nil }
        guard let millis = InstantText.millis(text, in: .utc) else {
            reader.report(
                "\(key) has to be a time such as 2026-03-02T10:00:00Z, not \(LabelText.quoted(text))",
                at: node
            )
            return nil
        }
        return millis
    }
}
