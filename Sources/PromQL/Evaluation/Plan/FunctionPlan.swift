import Matching
import Model

/// A function of instant vectors and scalars, made ready: what it does, and which of its arguments are
/// evaluated.
struct FunctionPlan {
    /// What it does.
    var operation: Operation
    /// The arguments that are values, in the order in which the operation takes them.
    var inputs: [Expr]
    /// The type of its value.
    var type = ValueType.vector

    /// The function `name` of a kind of its own (`FunctionKind.other`) with `arguments`.
    ///
    /// - Throws: `PromQLError` if the arguments do not fit.
    init(_ name: String, _ arguments: [Expr], _ limits: Limits) throws(PromQLError) {
        let arguments = FunctionArguments(name, arguments)
        let spans = arguments.exprs.map(\.span)
        let (operation, inputs): (Operation, [Expr])
        switch name {
        case "pi": (operation, inputs) = (.number(.pi), [])
        case "time": (operation, inputs) = (.time, [])
        case "scalar": (operation, inputs) = (.call(.scalar), try arguments.all(1...1))
        case "min_of": (operation, inputs) = (.call(.extremum(isMaximum: false)), try arguments.all(2...2))
        case "max_of": (operation, inputs) = (.call(.extremum(isMaximum: true)), try arguments.all(2...2))
        case "vector": (operation, inputs) = (.call(.vector), try arguments.all(1...1))
        case "timestamp": (operation, inputs) = (.call(.stepTimes), try arguments.all(1...1))
        case "start_timestamp": (operation, inputs) = (.call(.startTimestamps), try arguments.all(1...1))
        case "round": (operation, inputs) = (.call(.round), try arguments.all(1...2))
        case "clamp": (operation, inputs) = (.call(.clamp), try arguments.all(3...3))
        case "clamp_min": (operation, inputs) = (.call(.clampMin), try arguments.all(2...2))
        case "clamp_max": (operation, inputs) = (.call(.clampMax), try arguments.all(2...2))
        case "absent":
            inputs = try arguments.all(1...1)
            operation = .call(.absent(AbsentLabels.of(inputs.first)))
        case "sort": (operation, inputs) = (.call(.sort(descending: false)), try arguments.all(1...1))
        case "sort_desc": (operation, inputs) = (.call(.sort(descending: true)), try arguments.all(1...1))
        case "sort_by_label", "sort_by_label_desc":
            let isDescending = name == "sort_by_label_desc"
            operation = .call(.sortByLabel(try arguments.strings(from: 1), descending: isDescending))
            inputs = [try arguments.expr(0)]
        case "label_replace":
            operation = .call(.labelReplace(try arguments.labelReplacement(limits)))
            inputs = [try arguments.expr(0)]
        case "label_join":
            operation = .call(.labelJoin(try arguments.labelJoin(limits)))
            inputs = [try arguments.expr(0)]
        case "histogram_quantile":
            inputs = try arguments.all(2...2)
            operation = .call(.histogramQuantile(spans[0], spans[1]))
        case "histogram_quantiles":
            inputs = try arguments.all(3...Int.max).enumerated().filter { $0.offset != 1 }.map(\.element)
            operation = .call(.histogramQuantiles(label: try arguments.string(1), spans: spans))
        case "histogram_fraction":
            inputs = try arguments.all(3...3)
            operation = .call(.histogramFraction(spans[0], spans[2]))
        default: throw .unsupported("function \(name)() is not supported")
        }
        let isScalar = FunctionSignature.named(name)?.result == .scalar
        (self.operation, self.inputs, type) = (operation, inputs, isScalar ? .scalar : .vector)
    }
}

/// The arguments of a call, without parentheses around them; the parser has checked their number and types
/// already.
struct FunctionArguments {
    /// The arguments.
    let exprs: [Expr]
    private let function: String

    /// The arguments `exprs` of `function`.
    init(_ function: String, _ exprs: [Expr]) {
        self.function = function
        self.exprs = exprs.map(\.unwrapped)
    }

    /// All arguments, if there are as many as `count` says.
    func all(_ count: ClosedRange<Int>) throws(PromQLError) -> [Expr] {
        guard count.contains(exprs.count) else { throw mismatch }
        return exprs
    }

    /// The argument at `index`.
    func expr(_ index: Int) throws(PromQLError) -> Expr {
        guard exprs.indices.contains(index) else { throw mismatch }
        return exprs[index]
    }

    /// The text that the argument at `index` is; what is no UTF-8 in it is replaced as in JSON.
    func string(_ index: Int) throws(PromQLError) -> String {
        switch try expr(index).node {
        case .string(let text): return text
        case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
        default: throw mismatch
        }
    }

    /// The name of the label that the function makes, which is the argument at `index`.
    private func madeLabel(_ index: Int) throws(PromQLError) -> String {
        if case .bytes(let bytes) = try expr(index).node {
            let name = String(decoding: bytes, as: UTF8.self)
            throw .execution("invalid destination label name in \(function)(): \(name)")
        }
        return try string(index)
    }

    /// The texts that the arguments from `start` on are.
    func strings(from start: Int) throws(PromQLError) -> [String] {
        var texts: [String] = []
        for index in exprs.indices.dropFirst(start) { texts.append(try string(index)) }
        return texts
    }

    /// What `label_replace(vector, destination, template, source, pattern)` does.
    func labelReplacement(_ limits: Limits) throws(PromQLError) -> LabelReplacement {
        try LabelReplacement(
            destination: madeLabel(1),
            template: string(2),
            source: string(3),
            pattern: string(4),
            limits: limits
        )
    }

    /// What `label_join(vector, destination, separator, source, ...)` does.
    func labelJoin(_ limits: Limits) throws(PromQLError) -> LabelJoin {
        try LabelJoin(
            destination: madeLabel(1),
            separator: string(2),
            sources: strings(from: 3),
            limits: limits
        )
    }

    /// The error for arguments that do not fit.
    var mismatch: PromQLError {
        .badData("wrong arguments in call to function \(LabelText.quoted(function))")
    }
}
