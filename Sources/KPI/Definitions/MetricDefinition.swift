import Model
import PromQL

/// Where something was written.
package struct Place: Hashable, Sendable {
    /// The file's path as it was given.
    package var file: String
    /// The line, from 1.
    package var line: Int
    /// The column, from 1.
    package var column: Int

    /// A place in a file.
    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }
}

/// What a metric is made of.
package enum MetricSource: Hashable, Sendable {
    /// The increases of counters.
    case counter(MetricSelector)
    /// Samples that are increments themselves.
    case samples(MetricSelector)
    /// States that hold until the next sample.
    case gauge(MetricSelector)
    /// An expression, evaluated for each 5-minute bucket.
    case promql(MetricExpression)

    /// The name of the kind in the files.
    package var kindName: String {
        switch self {
        case .counter: "counter"
        case .samples: "samples"
        case .gauge: "gauge"
        case .promql: "promql"
        }
    }

    /// The selector or the expression in canonical form.
    package var text: String {
        switch self {
        case .counter(let selector), .samples(let selector), .gauge(let selector): selector.text
        case .promql(let expression): expression.text
        }
    }

    /// The selectors whose series it reads.
    package var selectors: [MetricSelector] {
        switch self {
        case .counter(let selector), .samples(let selector), .gauge(let selector): [selector]
        case .promql(let expression): expression.selectors
        }
    }
}

/// A series selector in canonical form.
package struct MetricSelector: Hashable, Sendable {
    /// The matchers, ordered by name, kind and value.
    package let matchers: [Matcher]
    /// Prometheus's notation.
    package let text: String
    /// Whether native histograms count as data; they do for expressions, which may work them out.
    package let takesHistograms: Bool

    /// The selector of these matchers in any order.
    package init(_ matchers: [Matcher], takesHistograms: Bool = false) {
        self.takesHistograms = takesHistograms
        self.matchers = matchers.sorted {
            ($0.name, $0.kind.rawValue, $0.value) < ($1.name, $1.kind.rawValue, $1.value)
        }
        var name = ""
        var conditions: [String] = []
        for matcher in self.matchers {
            if name.isEmpty, matcher.kind == .equal, matcher.name == Labels.metricName,
                LabelText.isLegacyMetricName(matcher.value)
            {
                name = matcher.value
                continue
            }
            let shown =
                LabelText.isLegacyLabelName(matcher.name) ? matcher.name : LabelText.quoted(matcher.name)
            conditions.append("\(shown)\(matcher.kind.rawValue)\(LabelText.quoted(matcher.value))")
        }
        text =
            name + (conditions.isEmpty && !name.isEmpty ? "" : "{\(conditions.joined(separator: ","))}")
    }
}

/// A PromQL expression in canonical form.
package struct MetricExpression: Hashable, Sendable {
    /// The parsed expression.
    package let expr: Expr
    /// The canonical text.
    package let text: String
    /// The selectors in it.
    package let selectors: [MetricSelector]
    /// How far behind the time of its evaluation it reads, in milliseconds; nil if it reads the same times
    /// whenever it is evaluated.
    package let leadMillis: Int64?

    /// The metric of `expr`.
    package init(_ expr: Expr) {
        self.expr = expr
        text = expr.description
        var selectors: [MetricSelector] = []
        expr.forEachSelector { selector, _ in
            selectors.append(MetricSelector(selector.matchers, takesHistograms: true))
        }
        self.selectors = selectors
        leadMillis = expr.leadMillis
    }

    /// Whether both have the same canonical text.
    package static func == (left: MetricExpression, right: MetricExpression) -> Bool {
        ByteText(left.text) == ByteText(right.text)
    }

    /// Feeds the canonical text to `hasher`.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(ByteText(text))
    }
}

/// How the samples of a metric become one value of a range.
package enum Aggregation: String, Hashable, Sendable, CaseIterable {
    case sum, count, min, max, first, last
    /// The mean of a state over time.
    case timeAverage = "time_avg"

    /// Those that a kind of source has, the default first.
    static func allowed(for source: MetricSource) -> [Aggregation] {
        switch source {
        case .counter: [.sum]
        case .samples: [.sum, .count, .min, .max]
        case .gauge: [.last, .first, .min, .max, .timeAverage]
        case .promql: [.sum, .min, .max]
        }
    }

    /// Whether a complete range without samples has the value 0.
    package var isZeroWhenEmpty: Bool { self == .sum || self == .count }
}

/// How the first sample that a counter ever has counts.
package enum FirstSample: String, Hashable, Sendable, CaseIterable {
    /// In full if the series was born while the metric was collected, else not at all.
    case auto
    /// In full.
    case zero
    /// Not at all.
    case ignore
}

/// A metric: a mergeable aggregate per 5-minute bucket.
package struct MetricDefinition: Hashable, Sendable {
    /// Its name, unique among metrics.
    package var name: String
    /// What it is made of.
    package var source: MetricSource
    /// How it is aggregated.
    package var aggregation: Aggregation
    /// The labels by which it can be broken down, as declared.
    package var labels: [String]
    /// How the first sample of a counter counts.
    package var firstSample: FirstSample
    /// The unit, as declared.
    package var unit: String?
    /// What it is, for people.
    package var description: String?
    /// Names that it, or a column of a table with its values, had before.
    package var aliases: [String] = []
    /// The calendar by which its own values are answered.
    package var calendar = Calendar()
    /// Where it was written.
    package var place: Place

    /// What decides its values: two metrics that agree in it are the same.
    package struct Identity: Hashable, Sendable {
        var source: MetricSource
        var aggregation: Aggregation
        var labels: [String]
        var firstSample: FirstSample

        /// How far behind the end of a range its value depends on samples, in milliseconds; nil if any
        /// sample may change it.
        var leadMillis: Int64? {
            if case .promql(let expression) = source { expression.leadMillis } else { 0 }
        }
    }

    /// How far behind the end of a range its value depends on samples; nil if any sample may change it.
    var leadMillis: Int64? { identity.leadMillis }

    /// What decides its values.
    package var identity: Identity {
        Identity(
            source: source,
            aggregation: aggregation,
            labels: labels.sorted(),
            firstSample: firstSample
        )
    }
}
