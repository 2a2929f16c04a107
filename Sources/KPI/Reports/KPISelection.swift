import Model

/// The KPIs that a question is about.
package struct KPISelection: Sendable {
    /// The KPIs in the order of declaration, each once.
    package var kpis: [KPIDefinition]
    /// What the reader should know, such as that a former name was used.
    package var warnings: [String]

    /// The KPIs of these names, or all if there are none.
    ///
    /// - Throws: That a name is not known.
    package init(_ names: [String], in definitions: KPIDefinitions) throws(ReportError) {
        warnings = []
        guard !names.isEmpty else {
            kpis = definitions.kpis
            return
        }
        var positions: Set<Int> = []
        for name in names {
            guard let position = definitions.position(ofKPI: name) else {
                throw .unknown(.kpi, name, among: definitions.kpis.map(\.name))
            }
            let kpi = definitions.kpis[position]
            if ByteText(kpi.name) != ByteText(name) {
                warnings.append("\(name) is an alias of the KPI \(kpi.name)")
            }
            positions.insert(position)
        }
        kpis = positions.sorted().map { definitions.kpis[$0] }
    }
}
