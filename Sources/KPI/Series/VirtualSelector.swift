import Matching
import Model

/// What a selector of virtual series asks for.
struct VirtualSelector {
    /// The name of the series.
    var name: String
    /// The labels that are parameters, by name; those with an empty value are not given.
    var parameters: [String: String]
    /// The KPI or funnel that is asked for by equality.
    var exactName: String?
    /// The matchers on everything else, which the labels of the result have to satisfy.
    var matchers: [CompiledMatcher]

    /// What `matchers` ask for; nil if they do not ask for virtual series.
    ///
    /// - Throws: That a matcher cannot be used.
    init?(_ matchers: [Matcher]) throws(SourceError) {
        let named = matchers.first { $0.name == Labels.metricName && $0.kind == .equal }
        guard let named, VirtualName.isVirtual(named.value) else { return nil }
        name = named.value
        parameters = [:]
        var rest: [Matcher] = []
        for matcher in matchers where matcher.name != Labels.metricName || matcher.kind != .equal {
            guard VirtualName.parameters.contains(matcher.name), name != "kpi_info" else {
                rest.append(matcher)
                continue
            }
            guard matcher.kind == .equal else {
                throw .badMatcher(
                    "the label \(matcher.name) of \(name) says how it is computed and takes only =, "
                        + "not \(matcher.kind.rawValue)"
                )
            }
            guard !matcher.value.isEmpty else { continue }
            if let other = parameters[matcher.name], other != matcher.value {
                throw .badMatcher("the label \(matcher.name) of \(name) is given twice")
            }
            parameters[matcher.name] = matcher.value
        }
        exactName =
            rest.first { ["kpi", "funnel"].contains($0.name) && $0.kind == .equal && !$0.value.isEmpty }?
            .value
        do throws(RegexError) {
            self.matchers = try CompiledMatcher.compile(rest)
        } catch {
            throw .badMatcher(error.description)
        }
        if parameters["group"] != nil {
            throw .badMatcher(
                "group is not supported: there are no events of single users, and so no groups of them"
            )
        }
        if parameters["period"] != nil, parameters["window"] != nil {
            throw .badMatcher("period and window exclude each other")
        }
    }

    /// Whether a KPI or funnel of that name can be among the series.
    func mayBe(_ name: String, label: String) -> Bool {
        matchers.allSatisfy { $0.matcher.name != label || $0.matches(name) }
    }

    /// The KPIs that are asked for, by their names or former ones.
    ///
    /// - Throws: That one is asked for by equality that is not known.
    func kpis(of definitions: KPIDefinitions) throws(SourceError) -> [KPIDefinition] {
        guard let exactName else { return definitions.kpis.filter { mayBe($0.name, label: "kpi") } }
        guard let kpi = definitions.kpi(exactName) else {
            let names = definitions.kpis.map(\.name)
            throw .badMatcher(
                "KPI \(LabelText.quoted(exactName)) is not known"
                    + Suggestion.text(for: exactName, among: names)
            )
        }
        return [kpi]
    }

    /// Whether the labels satisfy all matchers.
    ///
    /// `name` is that of a KPI or funnel which is known to be asked for, perhaps by a former name.
    func takes(_ labels: Labels, exactly name: String?) -> Bool {
        matchers.allSatisfy { matcher in
            if let name, let exactName, matcher.matcher.kind == .equal, matcher.matcher.value == exactName,
                ["kpi", "funnel"].contains(matcher.matcher.name)
            {
                // Found by this name, it may have another one now.
                return labels[matcher.matcher.name].map { ByteText($0) == ByteText(name) } ?? false
            }
            return matcher.matches(labels)
        }
    }

    /// The parameter as a whole number.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(SourceError) -> Int? {
        guard let text = parameters[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .badMatcher(
                "\(name)=\(LabelText.quoted(text)) has to be a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)"
            )
        }
        return number
    }

    /// The state that is wanted.
    func state() throws(SourceError) -> PeriodState? {
        guard let text = parameters["state"] else { return nil }
        guard let state = PeriodState(rawValue: text) else {
            let known = PeriodState.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badMatcher("state=\(LabelText.quoted(text)) is not known; known are \(known)")
        }
        return state
    }

    /// The window that is wanted.
    func window() throws(SourceError) -> Window? {
        guard let text = parameters["window"] else { return nil }
        guard let window = Window(text) else {
            throw .badMatcher(
                "window=\(LabelText.quoted(text)) is neither elapsed time such as 7d nor local dates such as 7 days"
            )
        }
        return window
    }

    /// The calendar in the zone that is wanted.
    func calendar(_ calendar: Calendar, _ zones: TimeZones) throws(SourceError) -> Calendar {
        guard let name = parameters["tz"] else { return calendar }
        guard let zone = zones.zone(named: name) else {
            throw .badMatcher(
                "tz=\(LabelText.quoted(name)) is not a known time zone"
                    + Suggestion.text(for: name, among: zones.names)
            )
        }
        return calendar.moved(to: zone)
    }
}
