import Model
import PromQL
import StrictYAML

extension KPIFileReading {
    /// A metric, or nil if it is wrong.
    mutating func metric(_ node: YAMLNode) -> MetricDefinition? {
        let known = ["name", "agg", "from", "by", "labels", "unit", "first_sample", "description", "aliases"]
        let later = KPIFile.later("entity", "k", "having", "scale", "retention")
        guard let fields = reader.fields(of: node, owner: "a metric", known: known, unsupported: later)
        else { return nil }
        let name = name(fields, owner: "a metric")
        let source = source(fields)
        let labels = labels(fields)
        let unit = reader.string(fields, "unit")
        let description = reader.string(fields, "description")
        guard let name, let source else { return nil }
        return MetricDefinition(
            name: name,
            source: source,
            aggregation: aggregation(fields, source) ?? Aggregation.allowed(for: source)[0],
            labels: labels,
            firstSample: firstSample(fields, source),
            unit: unit,
            description: description,
            aliases: mentions(fields, "aliases").map(\.name),
            place: place(node)
        )
    }

    private mutating func source(_ fields: YAMLFields) -> MetricSource? {
        guard let node = fields["from"] else {
            reader.report("a metric needs from: counter, samples, gauge or promql", at: fields.node)
            return nil
        }
        let kinds = ["counter", "samples", "gauge", "promql"]
        let later = KPIFile.later("event", "value", "where", "any_of", "conversion")
        guard let from = reader.fields(of: node, owner: "from", known: kinds, unsupported: later)
        else { return nil }
        let given = kinds.filter { from[$0] != nil }
        guard given.count == 1, let kind = given.first, let textNode = from[kind] else {
            if case .mapping(let entries) = node.content, entries.allSatisfy({ kinds.contains($0.name) }) {
                reader.report("from needs exactly one of \(kinds.joined(separator: ", "))", at: node)
            }
            return nil
        }
        guard let text = reader.string(from, kind) else { return nil }
        do {
            guard kind != "promql" else {
                let expr = try Parser.parse(text)
                guard expr.valueType == .vector || expr.valueType == .scalar else {
                    reader.report("promql has to be an instant vector or a scalar", at: textNode)
                    return nil
                }
                return .promql(MetricExpression(expr))
            }
            let selector = MetricSelector(try Parser.parseSelector(text))
            switch kind {
            case "counter": return .counter(selector)
            case "samples": return .samples(selector)
            default: return .gauge(selector)
            }
        } catch {
            reader.report("\(kind) is wrong: \(error)", at: textNode)
            return nil
        }
    }

    private mutating func aggregation(_ fields: YAMLFields, _ source: MetricSource) -> Aggregation? {
        guard let node = fields["agg"], let text = reader.string(fields, "agg") else { return nil }
        let allowed = Aggregation.allowed(for: source)
        if let aggregation = Aggregation(rawValue: text), allowed.contains(aggregation) {
            return aggregation
        }
        let names = allowed.map(\.rawValue).joined(separator: ", ")
        switch text {
        case "avg":
            reader.report(
                "agg: avg cannot be merged over time; make a ratio KPI of a sum and a count, or use time_avg of "
                    + "a gauge, which weighs by time",
                at: node
            )
        case "distinct", "distinct_hll", "distinct_having", "quantile":
            reader.report("agg: \(text) is not supported", at: node)
        default:
            reader.report(
                "agg: \(LabelText.quoted(text)) does not go with \(source.kindName); known are \(names)",
                at: node
            )
        }
        return nil
    }

    private mutating func firstSample(_ fields: YAMLFields, _ source: MetricSource) -> FirstSample {
        guard let node = fields["first_sample"], let text = reader.string(fields, "first_sample")
        else { return .auto }
        guard case .counter = source else {
            reader.report("first_sample belongs to counters only", at: node)
            return .auto
        }
        guard let first = FirstSample(rawValue: text) else {
            reader.report(
                "first_sample has to be auto, zero or ignore, not \(LabelText.quoted(text))",
                at: node
            )
            return .auto
        }
        return first
    }

    private mutating func labels(_ fields: YAMLFields) -> [String] {
        if let node = fields["labels"], fields["by"] != nil {
            reader.report("labels is another name of by; only one of them may be given", at: node)
        }
        var labels: [String] = []
        for key in ["by", "labels"] {
            for mention in mentions(fields, key) {
                if mention.name.isEmpty || mention.name == Labels.metricName {
                    report("\(LabelText.quoted(mention.name)) is no label to break down by", mention.place)
                } else if VirtualName.parameters.contains(mention.name) {
                    report(
                        "the label \(mention.name) means something else in kpi{...}, so nothing can be broken down by it",
                        mention.place
                    )
                } else if labels.contains(mention.name) {
                    report("the label \(mention.name) is given twice", mention.place)
                } else {
                    labels.append(mention.name)
                }
            }
        }
        return labels
    }
}
