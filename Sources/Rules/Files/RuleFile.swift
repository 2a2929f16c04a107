import Model
import PromQL
import StrictYAML

/// Reads one Prometheus rule file.
///
/// Source: Prometheus's documentation of recording and alerting rules. Everything that Prometheus refuses is
/// refused; besides, a second YAML document is.
package enum RuleFile {
    /// The groups that `text`, the content of the file at the path `file`, defines.
    ///
    /// - Throws: All problems of the file at once.
    package static func parse(_ text: String, file: String) throws(YAMLFileError) -> [RuleGroup] {
        var reading = Reading(reader: StrictReader(file: file))
        let groups = reading.groups(text)
        try reading.reader.finish()
        return groups
    }
}

private struct Reading {
    var reader: StrictReader

    mutating func groups(_ text: String) -> [RuleGroup] {
        guard let root = reader.document(text),
            let fields = reader.fields(of: root, owner: "a rule file", known: ["groups"])
        else { return [] }
        var groups: [RuleGroup] = []
        var names: Set<ByteText> = []
        for node in reader.list(fields, "groups") {
            guard let group = group(node) else { continue }
            if !names.insert(ByteText(group.name)).inserted {
                reader.report(
                    "the group \(LabelText.quoted(group.name)) is already defined in this file",
                    at: node
                )
            }
            groups.append(group)
        }
        return groups
    }

    private mutating func group(_ node: YAMLNode) -> RuleGroup? {
        let known = ["name", "interval", "query_offset", "limit", "labels", "rules"]
        guard let fields = reader.fields(of: node, owner: "a rule group", known: known) else { return nil }
        let name = reader.string(fields, "name") ?? ""
        if name.isEmpty { reader.report("a rule group needs a name", at: fields["name"] ?? node) }
        let labels = reader.labels(fields, "labels")
        let intervalMillis = reader.durationMillis(fields, "interval") ?? 0
        return RuleGroup(
            file: reader.file,
            name: name,
            intervalMillis: intervalMillis > 0 ? intervalMillis : nil,
            queryOffsetMillis: reader.durationMillis(fields, "query_offset"),
            limit: reader.integer(fields, "limit") ?? 0,
            rules: reader.list(fields, "rules").compactMap { rule($0, groupLabels: labels) }
        )
    }

    private mutating func rule(_ node: YAMLNode, groupLabels: [Label]) -> Rule? {
        let known = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"]
        guard let fields = reader.fields(of: node, owner: "a rule", known: known) else { return nil }
        let kind = kind(fields)
        let expr = expression(fields)
        let labels = merged(groupLabels, reader.labels(fields, "labels"))
        guard let kind, let expr else { return nil }
        return Rule(
            kind: kind,
            expr: expr,
            query: expr.description,
            labels: labels,
            templates: templates(kind, labels, fields),
            line: node.line,
            column: node.column
        )
    }

    private mutating func kind(_ fields: YAMLFields) -> Rule.Kind? {
        let record = reader.string(fields, "record") ?? ""
        let alert = reader.string(fields, "alert") ?? ""
        let forMillis = reader.durationMillis(fields, "for") ?? 0
        let keepFiringForMillis = reader.durationMillis(fields, "keep_firing_for") ?? 0
        let annotations = annotations(fields)
        switch (record.isEmpty, alert.isEmpty) {
        case (true, true):
            reader.report("a rule needs either record or alert", at: fields.node)
            return nil
        case (false, false):
            reader.report("a rule has either record or alert, not both", at: fields["alert"] ?? fields.node)
            return nil
        case (true, false):
            return .alerting(
                AlertDefinition(
                    name: alert,
                    forMillis: forMillis,
                    keepFiringForMillis: keepFiringForMillis,
                    annotations: annotations
                )
            )
        case (false, true):
            let misplaced = [
                ("for", forMillis > 0), ("keep_firing_for", keepFiringForMillis > 0),
                ("annotations", !annotations.isEmpty),
            ]
            for (name, isSet) in misplaced where isSet {
                reader.report("\(name) belongs to alerting rules only", at: fields[name] ?? fields.node)
            }
            checkMetricName(record, at: fields["record"] ?? fields.node)
            return .recording(record: record)
        }
    }

    /// The templates of an alerting rule; what cannot be parsed is a problem.
    private mutating func templates(_ kind: Rule.Kind, _ labels: [Label], _ fields: YAMLFields)
        -> AlertTemplates?
    {
        guard case .alerting(let alert) = kind else { return nil }
        let templates = AlertTemplates(labels: labels, annotations: alert.annotations, alert: alert.name)
        for (isLabel, name, problem) in templates.problems {
            let field = isLabel ? "labels" : "annotations"
            let place = reader.texts(fields, field).first { $0.name == name }?.key
            reader.report(
                "\(isLabel ? "label" : "annotation") \(LabelText.quoted(name)): \(problem)",
                at: place ?? fields.node
            )
        }
        return templates
    }

    private mutating func checkMetricName(_ name: String, at node: YAMLNode) {
        if name.contains("{") || name.contains("}") {
            reader.report("record has to be a metric name; braces belong into expr", at: node)
        } else if name.utf8.count > Limits.default.labelValueBytes {
            reader.report("the metric name is longer than \(Limits.default.labelValueBytes) bytes", at: node)
        }
    }

    private mutating func expression(_ fields: YAMLFields) -> Expr? {
        guard let node = fields["expr"] else {
            reader.report("a rule needs expr", at: fields.node)
            return nil
        }
        guard let text = reader.string(node, "expr") else { return nil }
        guard !text.isEmpty else {
            reader.report("expr must not be empty", at: node)
            return nil
        }
        do {
            return try Parser.parse(text)
        } catch {
            reader.report("expr is no PromQL: \(error)", at: node)
            return nil
        }
    }

    private mutating func annotations(_ fields: YAMLFields) -> [Label] {
        var annotations: [Label] = []
        for text in reader.texts(fields, "annotations") {
            if text.name.isEmpty {
                reader.report("an annotation needs a name", at: text.key)
            } else {
                annotations.append(Label(text.name, text.value))
            }
        }
        return annotations.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// `own` over `inherited`, in name order.
    private func merged(_ inherited: [Label], _ own: [Label]) -> [Label] {
        let names = Set(own.map { ByteText($0.name) })
        return (inherited.filter { !names.contains(ByteText($0.name)) } + own)
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}
