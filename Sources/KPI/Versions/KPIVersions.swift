import Model

/// What decides the numbers of a KPI: names for people, owners and targets do not.
struct KPIIdentity: Hashable, Sendable {
    private let type: KPIType
    private let unit: String?
    private let zone: TimeZoneRules
    private let weekStart: Int
    private let fiscalStart: Calendar.FiscalStart?
    private let cycles: [Calendar.Cycle]
    private let defaultPeriod: Period
    private let latenessMillis: Int64
    private let metrics: [ByteText: MetricDefinition.Identity]
    private let inner: [ByteText: KPIType]
    private let innerUnits: [ByteText: String?]

    init(_ kpi: KPIDefinition, in definitions: KPIDefinitions) {
        type = kpi.type
        unit = kpi.unit
        zone = kpi.calendar.zone
        weekStart = kpi.calendar.weekStart
        fiscalStart = kpi.calendar.fiscalStart
        cycles = kpi.calendar.cycles
        defaultPeriod = kpi.defaultPeriod
        latenessMillis = kpi.latenessMillis
        var metrics: [ByteText: MetricDefinition.Identity] = [:]
        for name in definitions.metricNames(behind: kpi) {
            metrics[ByteText(name)] = definitions.metric(name)?.identity
        }
        var inner: [ByteText: KPIType] = [:]
        var innerUnits: [ByteText: String?] = [:]
        for other in definitions.innerKPIs(of: kpi) {
            inner[ByteText(other.name)] = other.type
            innerUnits[ByteText(other.name)] = other.unit
        }
        self.metrics = metrics
        self.inner = inner
        self.innerUnits = innerUnits
    }
}

/// One definition that a KPI has or had.
package struct KPIVersion: Sendable {
    /// Its number, from 1.
    package var number: Int
    /// When it came into force.
    package var since: Timestamp
    /// The KPI with all metrics and KPIs behind it, as they were defined then.
    package var definitions: KPIDefinitions
    /// The KPI.
    package var kpi: KPIDefinition
}

/// The definitions in force and those that were.
package struct KPIVersions: Sendable {
    /// The definitions in force.
    package private(set) var current: KPIDefinitions
    private var versions: [ByteText: [KPIVersion]] = [:]

    /// The definitions that come into force first; `past` are versions that earlier runs knew.
    package init(_ definitions: KPIDefinitions, at time: Timestamp, past: [KPIVersion] = []) {
        current = .none
        for version in past.sorted(by: { $0.number < $1.number }) {
            versions[ByteText(version.kpi.name), default: []].append(version)
        }
        replace(by: definitions, at: time)
    }

    /// Puts other definitions into force; a KPI whose numbers change by that gets a new version.
    package mutating func replace(by definitions: KPIDefinitions, at time: Timestamp) {
        current = definitions
        for kpi in definitions.kpis {
            let key = ByteText(kpi.name)
            let known = versions[key] ?? []
            let part = definitions.part(behind: kpi)
            if let last = known.last {
                guard KPIIdentity(last.kpi, in: last.definitions) != KPIIdentity(kpi, in: definitions) else {
                    versions[key]?[known.count - 1].kpi = kpi
                    versions[key]?[known.count - 1].definitions = part
                    continue
                }
            }
            let number = (known.last?.number ?? 0) + 1
            versions[key, default: []].append(
                KPIVersion(number: number, since: time, definitions: part, kpi: kpi)
            )
        }
    }

    /// The version of the KPI that is in force.
    package func number(of kpi: KPIDefinition) -> Int { versions[ByteText(kpi.name)]?.last?.number ?? 1 }

    /// All versions of the KPI, oldest first.
    package func all(of kpi: KPIDefinition) -> [KPIVersion] { versions[ByteText(kpi.name)] ?? [] }

    /// A version of the KPI; nil if there is none of that number.
    package func version(_ number: Int, of kpi: KPIDefinition) -> KPIVersion? {
        versions[ByteText(kpi.name)]?.first { $0.number == number }
    }

    /// The metrics that are defined, and those that were behind former versions of KPIs.
    var metrics: [MetricDefinition] { current.metrics + all.flatMap(\.definitions.metrics) }

    /// All versions of all KPIs, for keeping.
    package var all: [KPIVersion] {
        versions.sorted { $0.key < $1.key }.flatMap(\.value)
    }
}

extension KPIDefinitions {
    /// The KPIs that a derived one is made of, through others.
    package func innerKPIs(of kpi: KPIDefinition) -> [KPIDefinition] {
        var found: [KPIDefinition] = []
        var seen: Set<ByteText> = [ByteText(kpi.name)]
        var open = [kpi]
        while let next = open.popLast() {
            guard case .derived(let formula, _) = next.type else { continue }
            for name in formula.names where metric(name) == nil {
                guard let inner = self.kpi(name), seen.insert(ByteText(inner.name)).inserted else { continue }
                found.append(inner)
                open.append(inner)
            }
        }
        return found
    }

    /// Only a KPI and what is behind it.
    func part(behind kpi: KPIDefinition) -> KPIDefinitions {
        KPIDefinitions(
            metrics: metricNames(behind: kpi).compactMap { metric($0) },
            kpis: [kpi] + innerKPIs(of: kpi)
        )
    }
}
