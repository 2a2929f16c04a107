import Model

/// What changes for one KPI when other definitions come into force.
package struct DefinitionDifference: Sendable {
    /// The ways in which a KPI may change.
    package enum Kind: String, Hashable, Sendable {
        case added, removed
        /// The definition is other; values may be the same.
        case changed
        case same
    }

    /// The KPI's name.
    package var name: String
    /// How it changes.
    package var kind: Kind
    /// The period of the buckets; nil unless values were compared.
    package var period: String?
    /// How many buckets were compared.
    package var bucketCount = 0
    /// The buckets whose values differ, with both.
    package var buckets: [(bucket: Bucket, old: Double?, new: Double?)] = []
    /// The value of all buckets together by the old definition.
    package var oldAggregate: Double?
    /// The value of all buckets together by the new definition.
    package var newAggregate: Double?

    /// The largest change of a bucket relative to its old value; nil where that cannot be told.
    package var largestRelativeChange: Double? {
        buckets.compactMap { item in
            guard let old = item.old, let new = item.new, old != 0 else { return nil }
            return ((new - old) / old).magnitude
        }.max()
    }
}

extension KPIService {
    /// What other definitions would change of the KPIs' history.
    ///
    /// - Parameters:
    ///   - old: The definitions to start from.
    ///   - new: The definitions to compare with.
    ///   - budget: What the reading may use up.
    /// - Returns: A difference for each KPI of either, in the order of the new ones, then of the old ones.
    /// - Throws: Why values cannot be read.
    package func differences(
        from old: KPIDefinitions,
        to new: KPIDefinitions,
        budget: QueryBudget
    ) throws(ReportError) -> [DefinitionDifference] {
        var found: [DefinitionDifference] = []
        for kpi in new.kpis {
            guard let before = old.kpi(kpi.name) else {
                found.append(DefinitionDifference(name: kpi.name, kind: .added))
                continue
            }
            guard KPIIdentity(before, in: old) != KPIIdentity(kpi, in: new) else {
                found.append(DefinitionDifference(name: kpi.name, kind: .same))
                continue
            }
            found.append(try difference(before, old, kpi, new, budget))
        }
        for kpi in old.kpis where new.kpi(kpi.name) == nil {
            found.append(DefinitionDifference(name: kpi.name, kind: .removed))
        }
        return found
    }

    private func difference(
        _ before: KPIDefinition,
        _ old: KPIDefinitions,
        _ after: KPIDefinition,
        _ new: KPIDefinitions,
        _ budget: QueryBudget
    ) throws(ReportError) -> DefinitionDifference {
        var difference = DefinitionDifference(name: after.name, kind: .changed)
        let time = now
        let oldest = try reading { () throws(SourceError) in
            let left = try evaluator(old, at: time).extents(
                of: old.metricNames(behind: before),
                budget: budget
            )
            let right = try evaluator(new, at: time).extents(
                of: new.metricNames(behind: after),
                budget: budget
            )
            return (Array(left.values) + Array(right.values)).map(\.oldest).min()
        }
        var request = ReportRequest()
        request.start = oldest
        let frames = try request.frames(
            calendars: [after.calendar],
            defaults: [after.defaultPeriod],
            oldest: oldest,
            now: time.millis,
            zones: zones
        )
        let (left, right) = try reading { () throws(SourceError) in
            (
                try evaluator(old, at: time).rows(
                    [KPITask(before, frames: frames.frames, aggregate: frames.aggregate)],
                    budget: budget
                ).first,
                try evaluator(new, at: time).rows(
                    [KPITask(after, frames: frames.frames, aggregate: frames.aggregate)],
                    budget: budget
                ).first
            )
        }
        difference.period = frames.period.name
        difference.bucketCount = frames.buckets.count
        difference.oldAggregate = left?.aggregate
        difference.newAggregate = right?.aggregate
        for (index, bucket) in frames.buckets.enumerated() {
            let (one, other) = (left?.values[index], right?.values[index])
            if one != other { difference.buckets.append((bucket, one ?? nil, other ?? nil)) }
        }
        return difference
    }
}
