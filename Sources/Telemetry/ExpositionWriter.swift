import Model

/// Writes the Prometheus text exposition format, version 0.0.4.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and, for names beyond ASCII,
/// https://prometheus.io/docs/instrumenting/escaping_schemes/.
package struct ExpositionWriter: Sendable {
    /// What happens to names that the classic format cannot express.
    package enum Escaping: Sendable {
        /// Every character that is not allowed becomes `_` (the default of the format).
        case underscores
        /// Such names are written in quotes, for readers that asked for it (`escaping=allow-utf-8`).
        case allowUTF8
    }

    /// What was written so far.
    package private(set) var bytes: [UInt8] = []
    /// How names are written.
    package let escaping: Escaping

    /// A writer without text.
    package init(escaping: Escaping = .underscores) {
        self.escaping = escaping
    }

    /// The content type of what is written.
    package var contentType: String {
        switch escaping {
        case .underscores: "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
        case .allowUTF8: "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        }
    }

    /// The name under which a metric `name` is written, quotes not included.
    package func shownName(_ name: String) -> String {
        if escaping == .allowUTF8 || LabelText.isLegacyMetricName(name) { return name }
        return ExpositionWriter.underscored(name, allowsColon: true)
    }

    /// Starts the metric family `name`; an empty `help` is left out.
    package mutating func family(_ name: String, kind: MetricMetadata.Kind, help: String) {
        if !help.isEmpty {
            append("# HELP ")
            appendMetricName(name)
            append(" ")
            appendEscaped(help, escapesQuote: false)
            append("\n")
        }
        append("# TYPE ")
        appendMetricName(name)
        append(" ")
        append(ExpositionWriter.typeName(kind))
        append("\n")
    }

    /// Writes one sample of the metric `name`.
    ///
    /// - Parameters:
    ///   - name: The metric's name; a `__name__` among the labels is left out.
    ///   - labels: The labels.
    ///   - value: The value.
    ///   - time: The sample's time; none when it is the time of reading.
    package mutating func sample(_ name: String, labels: Labels, value: Double, time: Timestamp? = nil) {
        write(name, labels: labels, value: value, time: time)
    }

    /// Writes one sample of the metric `name`, also labels without a value, which a label set cannot have.
    package mutating func sample(_ name: String, labels: [Label], value: Double) {
        write(name, labels: labels, value: value, time: nil)
    }

    private mutating func write(
        _ name: String,
        labels: some Sequence<Label>,
        value: Double,
        time: Timestamp?
    ) {
        let shown = shownName(name)
        let isPlain = LabelText.isLegacyMetricName(shown)
        if isPlain { append(shown) }
        var separator = "{"
        if !isPlain {
            append("{")
            appendQuoted(shown)
            separator = ","
        }
        for label in labels where label.name != Labels.metricName {
            append(separator)
            appendLabelName(label.name)
            append("=")
            appendQuoted(label.value)
            separator = ","
        }
        if separator == "," { append("}") }
        append(" ")
        ValueText.append(value, to: &bytes)
        if let time {
            append(" ")
            if time.millis < 0 { append("-") }
            ValueText.append(integer: time.millis.magnitude, to: &bytes)
        }
        append("\n")
    }

    /// Writes the buckets, sum and count of a histogram.
    mutating func histogram(_ name: String, labels: Labels, _ histogram: Histogram) {
        let counts = histogram.cumulativeCounts
        for (bound, count) in zip(histogram.buckets + [.infinity], counts) {
            let bucket = labels.setting("le", ValueText.format(bound))
            sample("\(name)_bucket", labels: bucket, value: Double(count))
        }
        sample("\(name)_sum", labels: labels, value: histogram.sum)
        sample("\(name)_count", labels: labels, value: Double(counts.last ?? 0))
    }

    // MARK: - Names and escapes

    /// The name of a type in this format, which knows fewer of them than the API.
    private static func typeName(_ kind: MetricMetadata.Kind) -> String {
        switch kind {
        case .counter, .gauge, .histogram, .summary: kind.rawValue
        case .info, .stateset: "gauge"
        case .gaugehistogram, .unknown: "untyped"
        }
    }

    private static func underscored(_ name: String, allowsColon: Bool) -> String {
        var out = ""
        for scalar in name.unicodeScalars {
            let one = out.isEmpty ? String(scalar) : "a\(scalar)"
            let isLegal = allowsColon ? LabelText.isLegacyMetricName(one) : LabelText.isLegacyLabelName(one)
            out.unicodeScalars.append(isLegal ? scalar : "_")
        }
        return out
    }

    private mutating func appendMetricName(_ name: String) {
        let shown = shownName(name)
        if LabelText.isLegacyMetricName(shown) {
            append(shown)
        } else {
            appendQuoted(shown)
        }
    }

    private mutating func appendLabelName(_ name: String) {
        if LabelText.isLegacyLabelName(name) {
            append(name)
        } else if escaping == .underscores {
            append(ExpositionWriter.underscored(name, allowsColon: false))
        } else {
            appendQuoted(name)
        }
    }

    private mutating func appendQuoted(_ text: String) {
        append("\"")
        appendEscaped(text, escapesQuote: true)
        append("\"")
    }

    private mutating func appendEscaped(_ text: String, escapesQuote: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\"") where escapesQuote: append("\\\"")
            default: bytes.append(byte)
            }
        }
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }
}
