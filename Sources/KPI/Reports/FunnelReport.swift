import Model

/// How many took each step of funnels, over the buckets of a range.
package struct FunnelReport: Sendable {
    /// Numbers for each bucket and for the whole; nil for null.
    package struct Numbers: Hashable, Sendable {
        /// The numbers of the buckets.
        package var values: [Double?]
        /// The number of the whole.
        package var aggregate: Double?

        /// These numbers in percent of others; null where there is nothing to divide by.
        func percent(of base: Numbers) -> Numbers {
            Numbers(
                values: zip(values, base.values).map(Numbers.percent),
                aggregate: Numbers.percent(aggregate, base.aggregate)
            )
        }

        private static func percent(_ part: Double?, _ whole: Double?) -> Double? {
            guard let part, let whole, whole != 0 else { return nil }
            return 100 * part / whole
        }
    }

    /// One step.
    package struct Step: Hashable, Sendable {
        /// The metric.
        package var name: String
        /// How many took it.
        package var counts: Numbers
        /// In percent of the first step.
        package var fromFirst: Numbers
        /// In percent of the step before; null for the first one.
        package var fromPrevious: Numbers
    }

    /// One funnel.
    package struct Funnel: Sendable {
        /// The funnel.
        package var definition: FunnelDefinition
        /// Its steps, the base first.
        package var steps: [Step]
    }

    /// The buckets.
    package var frames: ReportFrames
    /// The funnels in the order of declaration.
    package var funnels: [Funnel]
    /// What the reader should know.
    package var warnings: [String]
}

extension FunnelReport.Funnel {
    /// The steps of a funnel from the counts of its metrics, the base first.
    static func steps(_ funnel: FunnelDefinition, _ counts: [FunnelReport.Numbers]) -> [FunnelReport.Step] {
        var steps: [FunnelReport.Step] = []
        for (index, name) in funnel.allSteps.enumerated() {
            let none = FunnelReport.Numbers(values: counts[index].values.map { _ in nil }, aggregate: nil)
            steps.append(
                FunnelReport.Step(
                    name: name,
                    counts: counts[index],
                    fromFirst: counts[index].percent(of: counts[0]),
                    fromPrevious: index > 0 ? counts[index].percent(of: counts[index - 1]) : none
                )
            )
        }
        return steps
    }
}

extension KPIService {
    /// The funnels of these names in the order of declaration, or all if there are none.
    ///
    /// - Throws: That a name is not known, or that a funnel needs a metric that is not defined.
    package func funnels(_ names: [String]) throws(ReportError) -> [FunnelDefinition] {
        let definitions = versions.current
        for name in names where definitions.funnel(name) == nil {
            throw .unknown(.funnel, name, among: definitions.funnels.map(\.name))
        }
        let wanted = Set(names.map(ByteText.init))
        return definitions.funnels.filter { wanted.isEmpty || wanted.contains(ByteText($0.name)) }
    }

    /// The values of the funnels that `request` names.
    ///
    /// - Throws: What is wrong with the request, or why the samples cannot be read.
    package func funnelReport(_ request: ReportRequest, budget: QueryBudget) throws(ReportError)
        -> FunnelReport
    {
        let definitions = versions.current
        let funnels = try funnels(request.names)
        for funnel in funnels {
            for name in funnel.allSteps where definitions.metric(name) == nil {
                throw .missingConfig(
                    "the funnel \(funnel.name) needs the metric \(LabelText.quoted(name)), which is not defined"
                )
            }
        }
        let names = funnels.flatMap(\.allSteps)
        let report = try metricReport(names, calendars: funnels.map(\.calendar), request, definitions, budget)
        var rows = report.rows[...]
        let answers = funnels.map { funnel in
            let own = rows.prefix(funnel.allSteps.count)
            rows = rows.dropFirst(own.count)
            let counts = own.map { FunnelReport.Numbers(values: $0.values, aggregate: $0.aggregate) }
            return FunnelReport.Funnel(
                definition: funnel,
                steps: FunnelReport.Funnel.steps(funnel, counts)
            )
        }
        return FunnelReport(frames: report.frames, funnels: answers, warnings: report.warnings)
    }
}
