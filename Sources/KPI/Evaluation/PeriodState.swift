import Model

/// How far the data of a period have come.
package enum PeriodState: String, Hashable, Sendable, CaseIterable {
    /// It has not ended.
    case open
    /// It has ended, and its data may still change.
    case closed
    /// Its data have come, and the time for late ones is over.
    case final
    /// It was final, and late data have changed it.
    case revised

    /// Whether somebody who asks for `wanted` gets a period in this state.
    package func satisfies(_ wanted: PeriodState) -> Bool {
        self == wanted || wanted == .final && self == .revised
    }
}

/// The state of a period that ends at `end`.
package struct Completeness: Hashable, Sendable {
    /// The state.
    package var state: PeriodState
    /// Whether it has ended and all its data are there, however late more may come.
    package var isComplete: Bool

    /// The completeness of the period that ends at `end`.
    ///
    /// - Parameters:
    ///   - end: When the period ends.
    ///   - watermark: The oldest watermark of the KPI's metrics; nil if one has no data.
    ///   - latenessMillis: How long after the end data may still change.
    ///   - now: The time.
    ///   - isRevised: Whether late data have changed the period after it was final.
    package init(
        end: Int64,
        watermark: Int64?,
        latenessMillis: Int64,
        now: Int64,
        isRevised: Bool = false
    ) {
        let hasEnded = now >= end
        isComplete = hasEnded && watermark.map { $0 >= end } ?? false
        guard hasEnded else {
            state = .open
            return
        }
        let (last, overflow) = end.addingReportingOverflow(latenessMillis)
        guard !overflow, let watermark, watermark >= last else {
            state = .closed
            return
        }
        state = isRevised ? .revised : .final
    }
}

/// Whether a KPI can be computed.
package enum KPIStatus: String, Hashable, Sendable, CaseIterable {
    case ok
    /// A metric has no data, or none for the last whole period.
    case missingData = "missing_data"
    /// A metric is not defined, or cannot be made of what its series hold.
    case missingConfig = "missing_config"
}

extension KPIEvaluator {
    /// The status of each KPI, in their order.
    package func statuses(of kpis: [KPIDefinition], budget: QueryBudget) throws(SourceError)
        -> [KPIStatus]
    {
        let names = kpis.map { definitions.metricNames(behind: $0) }
        let extents = try extents(of: names.flatMap(\.self), budget: budget)
        var histograms: [ByteText: Bool] = [:]
        for name in names.flatMap(\.self) where histograms[ByteText(name)] == nil {
            histograms[ByteText(name)] = try readsHistograms(name, extents, budget)
        }
        return zip(kpis, names).map { kpi, names in
            guard definitions.missingMetrics(of: kpi).isEmpty else { return .missingConfig }
            guard !names.contains(where: { histograms[ByteText($0)] ?? false }) else { return .missingConfig }
            let open = kpi.calendar.bucket(kpi.defaultPeriod, containing: currentMillis)
            let last = kpi.calendar.bucket(kpi.defaultPeriod, before: open, by: 1)
            let isCurrent = names.allSatisfy { name in
                extents[ByteText(name)].map { $0.newest >= last.start } ?? false
            }
            return isCurrent ? .ok : .missingData
        }
    }
}

extension KPIEvaluator {
    /// What to say about metrics behind a KPI whose series hold native histograms in place of numbers.
    package func histogramWarnings(
        of kpi: KPIDefinition,
        _ extents: [ByteText: Extent],
        _ budget: QueryBudget
    ) throws(SourceError) -> [String] {
        var warnings: [String] = []
        for name in definitions.metricNames(behind: kpi) where try readsHistograms(name, extents, budget) {
            warnings.append(
                "missing_config: the metric \(name) of the KPI \(kpi.name) reads native histograms, which are no "
                    + "numbers; a metric with promql: can take histogram_count() or histogram_sum() of them"
            )
        }
        return warnings
    }

    /// Whether a metric has no values because its series hold native histograms.
    private func readsHistograms(_ name: String, _ extents: [ByteText: Extent], _ budget: QueryBudget)
        throws(SourceError) -> Bool
    {
        guard extents[ByteText(name)] == nil, let metric = definitions.metric(name) else { return false }
        return try source.hasHistograms(in: metric.source.selectors, now: currentMillis, budget: budget)
    }
}
