import Matching
import Model

/// `info(vector, {selector})`, made ready.
///
/// Source: Prometheus `promql/info.go`. Info series are those of certain metrics, by default `target_info`,
/// that say more about what a series comes from: those with the same `instance` and `job`.
struct InfoPlan {
    /// The labels by which series and info series belong together.
    static let identifyingLabels = ["instance", "job"]

    /// Where info series are looked up at each step.
    let shape: WindowShape
    /// What info series satisfy, beside the identifying labels.
    let matchers: [Matcher]
    /// The names of the labels that series get; nil: all that the info series has.
    let wantedLabels: Set<ByteText>?
    /// Whether series without an info series stay as they are: no wanted label is asked to be there.
    let keepsUnmatched: Bool
    private let nameMatchers: [CompiledMatcher]

    /// A plan for a call with `arguments`.
    init(_ arguments: FunctionArguments, shape: WindowShape, _ limits: Limits) throws(PromQLError) {
        var all: [Matcher] = []
        if arguments.exprs.count > 1 {
            guard case .selector(let selector) = arguments.exprs[1].node else { throw arguments.mismatch }
            all = selector.matchers
        }
        let names = InfoPlan.effective(all.filter(InfoPlan.isOfName))
        let data = all.filter { !InfoPlan.isOfName($0) }
        self.shape = shape
        matchers = names + data
        wantedLabels = data.isEmpty ? nil : Set(data.map { ByteText($0.name) })
        do throws(RegexError) {
            nameMatchers = try CompiledMatcher.compile(names, regexLimit: limits.regexBytes)
            keepsUnmatched =
                try CompiledMatcher.compile(data, regexLimit: limits.regexBytes).allSatisfy(\.matchesEmpty)
        } catch { throw .badData(error.description) }
    }

    /// Whether a series is an info series itself, which gets no labels.
    func isInfo(_ labels: Labels) -> Bool {
        let name = labels.metricName ?? ""
        return nameMatchers.allSatisfy { $0.matches(name) }
    }

    /// What selects the info series for series with these identifying label sets, none of them empty: one
    /// selection for each combination of labels that are there.
    func selections(for identities: some Sequence<Labels>) -> [[Matcher]] {
        var values: [[Bool]: [Set<ByteText>]] = [:]
        for identity in identities {
            let found = InfoPlan.identifyingLabels.map { identity[$0] }
            let presence = found.map { $0 != nil }
            for (index, value) in found.enumerated() {
                guard let value else { continue }
                values[presence, default: found.map { _ in [] }][index].insert(ByteText(value))
            }
        }
        return values.map { presence, values in
            matchers
                + zip(InfoPlan.identifyingLabels, values).map { name, values in
                    InfoPlan.matcher(name, values)
                }
        }
    }

    // MARK: - Matchers

    private static func isOfName(_ matcher: Matcher) -> Bool {
        matcher.name.utf8.elementsEqual(Labels.metricName.utf8)
    }

    /// What the names of info metrics satisfy: with no condition `target_info`; conditions that only exclude
    /// names are about those that end in `_info`.
    private static func effective(_ matchers: [Matcher]) -> [Matcher] {
        if matchers.isEmpty { return [Matcher(Labels.metricName, .equal, "target_info")] }
        let isPositive = matchers.contains { $0.kind == .equal || $0.kind == .regex }
        return isPositive ? matchers : [Matcher(Labels.metricName, .regex, ".+_info")] + matchers
    }

    /// That the label `name` has one of `values`, or if there are none is missing; where the values are too
    /// many for a regular expression, that it is there.
    private static func matcher(_ name: String, _ values: Set<ByteText>) -> Matcher {
        guard let first = values.first else { return Matcher(name, .equal, "") }
        guard values.count > 1 else { return Matcher(name, .equal, first.string) }
        let pattern = values.map { quoted($0.string) }.joined(separator: "|")
        return pattern.utf8.count <= 1024 ? Matcher(name, .regex, pattern) : Matcher(name, .notEqual, "")
    }

    /// A regular expression for `text` itself.
    private static func quoted(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            if "\\.+*?()|[]{}^$".unicodeScalars.contains(scalar) { out += "\\" }
            out.unicodeScalars.append(scalar)
        }
        return out
    }
}
