import Model
import PromQL

/// The series in which the values of a `promql` metric are kept, one sample per 5-minute bucket and label set
/// at the bucket's last millisecond.
///
/// Beside the series of values there is one that says which buckets have been computed (`KeptMark`): where it
/// has a sample and the others have none, the expression has no value.
struct KeptSeries: Hashable, Sendable {
    /// The name of all of these series; samples that come from outside cannot have it.
    static let name = "kpi_metric_value"
    private static let metricLabel = "metric"
    private static let definitionLabel = "definition"
    private static let markLabel = "computed"
    private static let ownLabels = [Labels.metricName, metricLabel, definitionLabel, markLabel]
    /// What the values depend on beside the definition; another number makes all kept ones be of no use.
    private static let formatNumber = 1

    /// The labels of the series that says which buckets have been computed; they name the rest, too.
    let mark: Labels

    /// The series of a metric whose expression is evaluated with these options.
    init(_ metric: MetricDefinition, _ options: EngineOptions) {
        var texts = ["\(KeptSeries.formatNumber)", metric.source.text, metric.aggregation.rawValue]
        texts += ["\(options.lookbackMillis)"] + metric.identity.labels
        if case .promql(let expression) = metric.source, expression.expr.hasDefaultStep {
            texts.append("\(options.defaultSubqueryStepMillis)")
        }
        mark = Labels([
            Labels.metricName: KeptSeries.name,
            KeptSeries.metricLabel: metric.name,
            KeptSeries.definitionLabel: KeptSeries.fingerprint(of: texts),
            KeptSeries.markLabel: "true",
        ])
    }

    /// The series that a stored series with marks belongs to; nil if it is none.
    init?(mark: Labels) {
        guard mark.metricName == KeptSeries.name, mark[KeptSeries.markLabel] == "true" else { return nil }
        self.mark = mark
    }

    /// Selects all series with marks.
    static var allMarks: [Matcher] {
        [Matcher(Labels.metricName, .equal, name), Matcher(markLabel, .equal, "true")]
    }

    /// Selects the series with marks.
    var markMatchers: [Matcher] { matchers(mark: "true") }

    /// Selects the series with values.
    var valueMatchers: [Matcher] { matchers(mark: "") }

    private func matchers(mark text: String) -> [Matcher] {
        [KeptSeries.metricLabel, KeptSeries.definitionLabel].map { Matcher($0, .equal, mark[$0] ?? "") }
            + [
                Matcher(Labels.metricName, .equal, KeptSeries.name),
                Matcher(KeptSeries.markLabel, .equal, text),
            ]
    }

    /// The labels of the series with the values of a group.
    func labels(of group: [Label]) -> Labels {
        var builder = LabelsBuilder(mark.dropping([KeptSeries.markLabel]))
        for label in group { builder.set(KeptSeries.storedName(label.name), label.value) }
        return builder.build()
    }

    /// What a label of the expression's result is called in the store.
    static func storedName(_ label: String) -> String {
        let isTaken = ownLabels.contains(label) || label.hasPrefix(VirtualName.exportedPrefix)
        return isTaken ? VirtualName.exportedPrefix + label : label
    }

    /// A number of texts, in hexadecimal digits.
    ///
    /// Source: FNV-1a with 64 bits.
    private static func fingerprint(of texts: [String]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for text in texts {
            for byte in Array(text.utf8) + [0xff] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// What is known of one bucket of a `promql` metric, as it is written into a sample.
struct KeptMark: Hashable, Sendable {
    /// Whether a sample has come, or gone, since the bucket was computed that its value may depend on.
    var isDoubted = false
    /// Whether the expression gave native histograms, which are no numbers.
    var hasHistograms = false
    /// Whether the bucket begins behind the newest sample of the series that the expression reads.
    var isBeyond = false

    init(isDoubted: Bool = false, hasHistograms: Bool = false, isBeyond: Bool = false) {
        self.isDoubted = isDoubted
        self.hasHistograms = hasHistograms
        self.isBeyond = isBeyond
    }

    /// The mark that a sample's value says; nil if it says that nothing is known.
    init?(_ value: Double) {
        guard let number = Int(exactly: value.magnitude), (1...4).contains(number) else { return nil }
        self.init(isDoubted: value < 0, hasHistograms: (number - 1) & 1 != 0, isBeyond: (number - 1) & 2 != 0)
    }

    /// The sample's value.
    var value: Double {
        let number = 1 + (hasHistograms ? 1 : 0) + (isBeyond ? 2 : 0)
        return Double(isDoubted ? -number : number)
    }
}

extension Expr {
    /// Whether there is a subquery without a step in it.
    fileprivate var hasDefaultStep: Bool {
        var open = [self]
        while let expr = open.popLast() {
            if case .subquery(let subquery) = expr.node, subquery.step == nil { return true }
            open += expr.parts
        }
        return false
    }
}
