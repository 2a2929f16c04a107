import Matching
import Model

/// A function of instant vectors and scalars, with those of its arguments that are no values.
enum FunctionCall {
    /// A function of each value alone.
    case element(ElementFunction)
    /// A part of the date; without an input of the step's time.
    case date(DateFunction)
    case round
    case clamp
    case clampMin
    case clampMax
    case scalar
    case vector
    /// `timestamp()` of something that is no selector: the time of the step.
    case stepTimes
    /// The labels that `absent()` gives its result.
    case absent(Labels)
    case sort(descending: Bool)
    case sortByLabel([String], descending: Bool)
    case labelReplace(LabelReplacement)
    case labelJoin(LabelJoin)
    /// The places of the quantile and of the vector.
    case histogramQuantile(SourceSpan, SourceSpan)
    /// The label for the quantile, and the places of all arguments.
    case histogramQuantiles(label: String, spans: [SourceSpan])
    /// The places of the lower bound and of the vector.
    case histogramFraction(SourceSpan, SourceSpan)
    /// `min_of` and `max_of`: the smaller or the larger of two scalars.
    case extremum(isMaximum: Bool)
    /// A function of native histograms alone; other samples are ignored.
    case histogram(HistogramFunction)
    /// `start_timestamp`; samples have no start timestamps here, so it has no result.
    case startTimestamps
}

/// What the planner needs to know of a function.
enum FunctionKind {
    /// A function over a range.
    case window(RangeFunction)
    case element(ElementFunction)
    case date(DateFunction)
    case histogram(HistogramFunction)
    /// `info`, which reads series of its own.
    case info
    /// One of its own kind, planned by name.
    case other

    /// The function `name`; nil if it is not evaluated.
    static func named(_ name: String) -> FunctionKind? {
        if let function = RangeFunction(rawValue: name) { return .window(function) }
        if let function = ElementFunction(rawValue: name) { return .element(function) }
        if let function = DateFunction(rawValue: name) { return .date(function) }
        if let function = HistogramFunction(rawValue: name) { return .histogram(function) }
        if name == "info" { return .info }
        return others.contains(name) ? .other : nil
    }

    private static let others: Set<String> = [
        "absent", "clamp", "clamp_max", "clamp_min", "histogram_fraction", "histogram_quantile",
        "histogram_quantiles", "label_join", "label_replace", "max_of", "min_of", "pi", "round", "scalar",
        "sort", "sort_by_label", "sort_by_label_desc", "sort_desc", "start_timestamp", "time", "timestamp",
        "vector",
    ]

    /// The functions whose value changes from step to step even where their arguments do not.
    static func dependsOnStep(_ name: String) -> Bool {
        DateFunction(rawValue: name) != nil || ["predict_linear", "time", "timestamp"].contains(name)
    }
}
