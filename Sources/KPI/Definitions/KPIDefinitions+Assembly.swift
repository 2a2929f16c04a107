import Model
import StrictYAML

extension KPIDefinitions {
    /// The definitions of all files together.
    ///
    /// - Parameters:
    ///   - files: Path and text of each file; they are taken in the order of their paths.
    ///   - zones: The time zones that there are.
    /// - Returns: What the files define, in the order of declaration.
    /// - Throws: All problems of all files at once.
    package static func load(
        _ files: [(path: String, text: String)],
        zones: TimeZones = .system
    ) throws(YAMLFileError) -> KPIDefinitions {
        var problems: [FileProblem] = []
        var contents: [KPIFile] = []
        for file in files.sorted(by: { ByteText($0.path) < ByteText($1.path) }) {
            do {
                contents.append(try KPIFile.parse(file.text, file: file.path, zones: zones))
            } catch {
                problems += error.problems
            }
        }
        var assembly = Assembly(contents)
        problems += assembly.check()
        guard problems.isEmpty else { throw YAMLFileError(problems) }
        return assembly.definitions
    }
}

/// Puts the files together and checks what they say of each other.
private struct Assembly {
    private(set) var definitions = KPIDefinitions.none
    private var drafts: [KPIFile.DraftKPI]
    private var draftFunnels: [KPIFile.DraftFunnel]
    private var metrics: [MetricDefinition]
    private let metricCalendars: [KPIFile.Mention?]
    private let calendars: [(calendar: Calendar, file: Int)]
    private var problems: [FileProblem] = []

    init(_ files: [KPIFile]) {
        metrics = files.flatMap { $0.metrics.map(\.definition) }
        metricCalendars = files.flatMap { $0.metrics.map(\.calendar) }
        drafts = files.flatMap(\.kpis)
        draftFunnels = files.flatMap(\.funnels)
        calendars = files.enumerated().flatMap { index, file in file.calendars.map { ($0, index) } }
    }

    mutating func check() -> [FileProblem] {
        checkUnique(metrics.map { ($0.name, $0.place) }, kind: "metric")
        checkUnique(drafts.map { ($0.definition.name, $0.definition.place) }, kind: "KPI")
        checkUnique(draftFunnels.map { ($0.definition.name, $0.definition.place) }, kind: "funnel")
        checkAliases()
        checkMetricAliases()
        checkMetrics()
        checkNorthStar()
        drafts = drafts.map { resolved($0) }
        for (index, mention) in metricCalendars.enumerated() {
            // What is wrong with it is told once, by what needs it.
            let found = calendars.first { $0.calendar.name == mention?.name }
            if let found { metrics[index].calendar = found.calendar }
        }
        for index in draftFunnels.indices {
            draftFunnels[index].definition.calendar = calendar(draftFunnels[index].calendar)
        }
        definitions = KPIDefinitions(
            metrics: metrics,
            kpis: drafts.map(\.definition),
            funnels: draftFunnels.map(\.definition),
            calendars: calendars.map(\.calendar)
        )
        for draft in drafts { checkParts(draft) }
        checkCycles()
        return problems
    }

    // MARK: - Names

    private mutating func checkUnique(_ names: [(name: String, place: Place)], kind: String) {
        var first: [ByteText: Place] = [:]
        for (name, place) in names {
            if let other = first[ByteText(name)] {
                report("the \(kind) \(name) is already defined at \(other.file):\(other.line)", place)
            } else {
                first[ByteText(name)] = place
            }
        }
    }

    private mutating func checkMetricAliases() {
        var owners: [ByteText: String] = [:]
        for metric in metrics { owners[ByteText(metric.name)] = metric.name }
        for metric in metrics {
            for alias in metric.aliases {
                if let owner = owners[ByteText(alias)] {
                    report("the alias \(alias) is already a name of the metric \(owner)", metric.place)
                }
                owners[ByteText(alias)] = metric.name
            }
        }
    }

    private mutating func checkAliases() {
        var owners: [ByteText: String] = [:]
        for draft in drafts { owners[ByteText(draft.definition.name)] = draft.definition.name }
        for draft in drafts {
            for alias in draft.definition.aliases {
                if let owner = owners[ByteText(alias)] {
                    report("the alias \(alias) is already a name of the KPI \(owner)", draft.definition.place)
                }
                owners[ByteText(alias)] = draft.definition.name
            }
        }
    }

    private mutating func checkMetrics() {
        var first: [MetricDefinition.Identity: MetricDefinition] = [:]
        for metric in metrics {
            if let other = first[metric.identity] {
                guard other.name != metric.name else { continue }
                report(
                    "duplicate_definition: the metric \(metric.name) is the same as \(other.name) at "
                        + "\(other.place.file):\(other.place.line)",
                    metric.place
                )
            } else {
                first[metric.identity] = metric
            }
        }
    }

    private mutating func checkNorthStar() {
        let stars = drafts.map(\.definition).filter(\.isNorthStar)
        for star in stars.dropFirst() {
            report("only one KPI can be the north_star; \(stars[0].name) is it already", star.place)
        }
    }

    private mutating func checkParts(_ draft: KPIFile.DraftKPI) {
        for part in draft.parts where definitions.metric(part.name) == nil {
            guard definitions.kpi(part.name) != nil else { continue }
            report(
                "\(part.name) is a KPI; a ratio divides metrics, and one of KPIs is a derived KPI "
                    + "with an expr",
                part.place
            )
        }
    }

    private mutating func checkCycles() {
        var done: Set<ByteText> = []
        for kpi in definitions.kpis where !done.contains(ByteText(kpi.name)) {
            // The way from a KPI down, each with what of it is still to be looked at.
            var way: [(kpi: KPIDefinition, rest: [String])] = [(kpi, kpi.derivedNames)]
            while let last = way.last {
                guard let name = last.rest.first else {
                    done.insert(ByteText(last.kpi.name))
                    way.removeLast()
                    continue
                }
                way[way.count - 1].rest.removeFirst()
                guard definitions.metric(name) == nil, let next = definitions.kpi(name) else { continue }
                if let start = way.firstIndex(where: { ByteText($0.kpi.name) == ByteText(next.name) }) {
                    let names = way[start...].map(\.kpi.name) + [next.name]
                    report("derived KPIs form a cycle: \(names.joined(separator: " -> "))", next.place)
                } else if !done.contains(ByteText(next.name)) {
                    way.append((next, next.derivedNames))
                }
            }
        }
    }

    // MARK: - Calendars

    private mutating func calendar(_ mention: KPIFile.Mention?) -> Calendar {
        guard let mention else { return Calendar() }
        if let found = calendars.first(where: { ByteText($0.calendar.name) == ByteText(mention.name) }) {
            return found.calendar
        }
        let names = calendars.map(\.calendar.name)
        report(
            "calendar \(LabelText.quoted(mention.name)) is not defined"
                + Suggestion.text(for: mention.name, among: names),
            mention.place
        )
        return Calendar()
    }

    private mutating func period(_ mention: KPIFile.Mention, _ calendar: Calendar) -> Period? {
        if let period = calendar.period(named: mention.name) { return period }
        // Without its calendar nothing can be said of its periods.
        let names = calendar.periods.map(\.name)
        report(
            "period \(LabelText.quoted(mention.name)) is not known; the calendar has "
                + names.joined(separator: ", "),
            mention.place
        )
        return nil
    }

    private mutating func resolved(_ draft: KPIFile.DraftKPI) -> KPIFile.DraftKPI {
        var draft = draft
        let before = problems.count
        let calendar = calendar(draft.calendar)
        draft.definition.calendar = calendar
        guard problems.count == before else { return draft }
        draft.definition.periods = draft.periods.compactMap { period($0, calendar) }
        let own = draft.period.flatMap { period($0, calendar) }
        draft.definition.defaultPeriod = own ?? draft.definition.periods.first ?? .day
        if let mention = draft.displayPeriod, let shown = period(mention, calendar) {
            draft.definition.display.period = shown.name
        }
        if let grain = draft.grainToDate, case .cumulative(let metric, _) = draft.definition.type,
            let period = period(grain, calendar)
        {
            draft.definition.type = .cumulative(metric: metric, .toDate(period))
        }
        return draft
    }

    private mutating func report(_ message: String, _ place: Place) {
        problems.append(
            FileProblem(file: place.file, line: place.line, column: place.column, message: message)
        )
    }
}

extension KPIDefinition {
    /// The names in its formula if it is a derived one.
    fileprivate var derivedNames: [String] {
        if case .derived = type { type.names } else { [] }
    }
}
