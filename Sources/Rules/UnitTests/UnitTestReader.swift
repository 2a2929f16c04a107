import Model
import PromQL
import StrictYAML

/// Reads files of unit tests of rules, as promtool does.
///
/// Source: Prometheus's documentation of unit testing for rules. Unknown fields are problems.
package enum UnitTestReader {
    /// What the file at `path` holds.
    ///
    /// - Throws: All problems of the file at once.
    package static func load(_ path: String) throws(YAMLFileError) -> UnitTestFile {
        try parse(TextFile.read(path), file: path)
    }

    /// What `text`, the content of the file at the path `file`, holds.
    ///
    /// - Throws: All problems of the file at once.
    package static func parse(_ text: String, file: String) throws(YAMLFileError) -> UnitTestFile {
        var reading = Reading(reader: StrictReader(file: file), file: UnitTestFile(path: file))
        reading.read(text)
        try reading.reader.finish()
        return reading.file
    }
}

private struct Reading {
    var reader: StrictReader
    var file: UnitTestFile

    mutating func read(_ text: String) {
        let known = [
            "rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "tests",
        ]
        guard let root = reader.document(text),
            let fields = reader.fields(of: root, owner: "a file of unit tests", known: known)
        else { return }
        file.rulePaths = reader.strings(fields, "rule_files").map { FilePath.resolve($0, against: file.path) }
        if let millis = reader.durationMillis(fields, "evaluation_interval"), millis > 0 {
            file.evaluationIntervalMillis = millis
        }
        file.comparesFuzzily = reader.boolean(fields, "fuzzy_compare") ?? false
        for node in reader.list(fields, "group_eval_order") {
            guard let name = reader.string(node, "group_eval_order") else { continue }
            if file.groupOrder.contains(name) {
                reader.report("group name repeated in evaluation order: \(name)", at: node)
            }
            file.groupOrder.append(name)
        }
        for node in reader.list(fields, "tests") {
            if let test = test(node) { file.tests.append(test) }
        }
    }

    private mutating func test(_ node: YAMLNode) -> UnitTest? {
        let known = [
            "name", "interval", "start_timestamp", "input_series", "alert_rule_test", "promql_expr_test",
            "external_labels", "external_url",
        ]
        guard let fields = reader.fields(of: node, owner: "a test", known: known) else { return nil }
        var test = UnitTest(place: place(node), intervalMillis: file.evaluationIntervalMillis)
        test.name = reader.string(fields, "name") ?? ""
        if let millis = reader.durationMillis(fields, "interval"), millis > 0 { test.intervalMillis = millis }
        test.externalLabels = Labels(reader.labels(fields, "external_labels"))
        test.externalURL = reader.string(fields, "external_url") ?? ""
        if let node = fields["start_timestamp"], let text = reader.string(node, "start_timestamp") {
            if let start = InstantReader.parse(text) {
                test.start = start
            } else {
                reader.report("start_timestamp has to be a time in RFC 3339 or seconds since 1970", at: node)
            }
        }
        for node in reader.list(fields, "input_series") {
            if let series = series(node) { test.series.append(series) }
        }
        for node in reader.list(fields, "alert_rule_test") {
            if let alertCase = alertCase(node) { test.alertCases.append(alertCase) }
        }
        for node in reader.list(fields, "promql_expr_test") {
            if let expressionCase = expressionCase(node) { test.expressionCases.append(expressionCase) }
        }
        return test
    }

    private mutating func series(_ node: YAMLNode) -> UnitTest.Series? {
        guard let fields = reader.fields(of: node, owner: "an input series", known: ["series", "values"]),
            let labels = metric(fields, "series")
        else { return nil }
        let text = reader.string(fields, "values") ?? ""
        do {
            return UnitTest.Series(labels: labels, values: try SeriesValues(text).values)
        } catch {
            reader.report("values: \(error)", at: fields["values"] ?? node)
            return nil
        }
    }

    private mutating func alertCase(_ node: YAMLNode) -> UnitTest.AlertCase? {
        let known = ["eval_time", "alertname", "exp_alerts"]
        guard let fields = reader.fields(of: node, owner: "a test of alerts", known: known) else {
            return nil
        }
        let name = reader.string(fields, "alertname") ?? ""
        if name.isEmpty { reader.report("a test of alerts needs alertname", at: node) }
        var alerts: [UnitTest.ExpectedAlert] = []
        for node in reader.list(fields, "exp_alerts") {
            let known = ["exp_labels", "exp_annotations"]
            guard let fields = reader.fields(of: node, owner: "an expected alert", known: known) else {
                continue
            }
            var builder = LabelsBuilder()
            for text in reader.texts(fields, "exp_labels") { builder.set(text.name, text.value) }
            builder.set("alertname", name)
            let annotations = reader.texts(fields, "exp_annotations").map { Label($0.name, $0.value) }
            alerts.append(
                UnitTest.ExpectedAlert(
                    labels: builder.build(),
                    annotations: annotations.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
                )
            )
        }
        return UnitTest.AlertCase(
            place: place(node),
            millis: reader.durationMillis(fields, "eval_time") ?? 0,
            name: name,
            alerts: alerts
        )
    }

    private mutating func expressionCase(_ node: YAMLNode) -> UnitTest.ExpressionCase? {
        let known = ["expr", "eval_time", "exp_samples"]
        guard let fields = reader.fields(of: node, owner: "a test of an expression", known: known) else {
            return nil
        }
        var samples: [UnitTest.ExpectedSample] = []
        for node in reader.list(fields, "exp_samples") {
            if let sample = sample(node) { samples.append(sample) }
        }
        return UnitTest.ExpressionCase(
            place: place(node),
            millis: reader.durationMillis(fields, "eval_time") ?? 0,
            expression: reader.string(fields, "expr") ?? "",
            samples: samples
        )
    }

    private mutating func sample(_ node: YAMLNode) -> UnitTest.ExpectedSample? {
        let known = ["labels", "value", "histogram"]
        guard let fields = reader.fields(of: node, owner: "an expected sample", known: known),
            let labels = metric(fields, "labels")
        else { return nil }
        var sample = UnitTest.ExpectedSample(labels: labels, value: 0)
        if let node = fields["value"], let text = reader.string(node, "value") {
            if let value = number(text) {
                sample.value = value
            } else {
                reader.report("value has to be a number, not \(LabelText.quoted(text))", at: node)
            }
        }
        if let node = fields["histogram"], let text = reader.string(node, "histogram") {
            do { sample.histogram = try HistogramDescription.parse(text) } catch {
                reader.report("histogram: \(error)", at: node)
            }
        }
        return sample
    }

    // MARK: - Parts

    private mutating func metric(_ fields: YAMLFields, _ name: String) -> Labels? {
        let text = reader.string(fields, name) ?? ""
        do {
            return try Parser.parseMetric(text)
        } catch {
            reader.report("\(name) is no series: \(error)", at: fields[name] ?? fields.node)
            return nil
        }
    }

    /// A number as YAML writes it.
    private func number(_ text: String) -> Double? {
        switch text.lowercased() {
        case ".inf", "+.inf": return .infinity
        case "-.inf": return -.infinity
        case ".nan": return .nan
        default: return ValueText.parse(text.replacing("_", with: ""))
        }
    }

    private func place(_ node: YAMLNode) -> UnitTest.Place {
        UnitTest.Place(line: node.line, column: node.column)
    }
}
