import Model

/// A label's or an annotation's value of an alerting rule, parsed once.
struct AlertTemplate: Sendable {
    /// What Prometheus puts in front of each template, so that positions in messages are the same.
    private static let definitions =
        "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
        + "{{$externalURL := .ExternalURL}}{{$value := .Value}}"

    private enum Content {
        /// There is nothing to expand.
        case text(String)
        case templates([String: [TemplateNode]], name: String, source: String)
        /// It cannot be parsed; the sentence says why.
        case wrong(TemplateError)
    }

    private let content: Content

    /// Parses `text` for the alert `name`; a mistake shows when it is expanded.
    init(_ text: String, alert name: String) {
        guard text.contains("{{") else {
            content = .text(text)
            return
        }
        let title = "__alert_" + name
        let source = AlertTemplate.definitions + text
        do {
            let templates = try TemplateParser.parse(
                source,
                name: title,
                isFunction: TemplateFunction.exists
            )
            content = .templates(templates, name: title, source: source)
        } catch {
            content = .wrong(error)
        }
    }

    /// Why the text cannot be parsed; nil if it can.
    var problem: TemplateError? {
        if case .wrong(let error) = content { error } else { nil }
    }

    /// The text for an alert; a failure shows in the text, as in Prometheus.
    func expand(_ data: TemplateData, _ setting: TemplateSetting) -> String {
        switch content {
        case .text(let text): return text
        case .wrong(let error):
            return "<error expanding template: error parsing template: \(error)>"
        case .templates(let templates, let name, let source):
            do {
                return try TemplateExecutor.run(
                    templates,
                    name: name,
                    source: source,
                    data: .data(data),
                    setting: setting
                )
            } catch {
                return "<error expanding template: error executing template \(name): \(error)>"
            }
        }
    }
}
