import Model

/// A function that templates may call.
struct TemplateFunction: Sendable {
    /// What an argument has to be.
    enum Parameter: Sendable {
        case text
        case any
        case sample
        case samples

        /// The name of the Go type.
        var typeName: String {
            switch self {
            case .text: "string"
            case .any: "interface {}"
            case .sample: "*template.sample"
            case .samples: "template.queryResult"
            }
        }

        /// Whether `value` is such; nil only where Go takes it.
        func accepts(_ value: TemplateValue) -> Bool {
            switch (self, value) {
            case (.any, _), (.text, .text), (.sample, .sample), (.samples, .samples), (.samples, .null),
                (.sample, .null):
                true
            default: false
            }
        }
    }

    /// What a function may ask of whom it is called by.
    struct Call {
        /// The arguments, as many and of the kinds that were declared.
        var arguments: [TemplateValue]
        /// Where and when the template is expanded.
        var setting: TemplateSetting

        /// The text at `index`, which was declared as one.
        func text(_ index: Int) -> String { arguments[index].string ?? "" }
    }

    /// What it does; it throws the message alone.
    typealias Body = @Sendable (Call) throws(TemplateError) -> TemplateValue

    var parameters: [Parameter]
    /// What all further arguments have to be; nil if there may be none.
    var rest: Parameter?
    var body: Body

    init(_ parameters: [Parameter], rest: Parameter? = nil, _ body: @escaping Body) {
        self.parameters = parameters
        self.rest = rest
        self.body = body
    }

    /// The function of that name.
    static func named(_ name: String) -> TemplateFunction? {
        GoFunctions.all[name] ?? PrometheusFunctions.all[name]
    }

    /// Whether there is such a function; `and`, `or` and `tmpl` are done by the executor.
    static func exists(_ name: String) -> Bool {
        name == "and" || name == "or" || name == "tmpl" || named(name) != nil
    }
}

/// Where and when a template is expanded.
struct TemplateSetting: Sendable {
    /// Evaluates an expression at the time of the expansion.
    var query: @Sendable (String) throws -> [TemplateSample]
    var time: Timestamp
    /// The daemon's address as others see it.
    var externalURL: String
    /// The path of that address.
    var pathPrefix: String
}
