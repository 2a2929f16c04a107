import Model

/// What is wanted of one KPI.
package struct KPITask: Sendable {
    /// The KPI.
    package var kpi: KPIDefinition
    /// The times to evaluate it for.
    package var frames: [Frame]
    /// The time to evaluate it for as a whole; nil if that is not wanted.
    package var aggregate: Frame?

    /// A task for the values of `frames`.
    package init(_ kpi: KPIDefinition, frames: [Frame], aggregate: Frame? = nil) {
        self.kpi = kpi
        self.frames = frames
        self.aggregate = aggregate
    }
}

/// The values of one KPI, or of one group of it.
package struct KPIRow: Sendable {
    /// The KPI.
    package var kpi: KPIDefinition
    /// The value of the label that it is broken down by; nil for all together.
    package var group: String?
    /// The values of the frames; nil for null.
    package var values: [Double?]
    /// The value of the whole.
    package var aggregate: Double?
    /// For ratios the merged metrics of each frame.
    package var numerators: [Double?]?
    /// For ratios the merged metrics of each frame.
    package var denominators: [Double?]?
    /// The oldest of the watermarks of its metrics; nil if one has no data.
    package var watermark: Int64?
    /// The time of the oldest value of any of its metrics.
    package var oldest: Int64?
    /// What the reader should know of the data behind it, such as damage.
    package var warnings: [String]
}

/// The values of one metric, or of one group of it.
package struct MetricRow: Sendable {
    /// The metric's name.
    package var name: String
    /// The values of the frames; nil for null.
    package var values: [Double?]
    /// The value of the whole.
    package var aggregate: Double?
    /// When it has values.
    package var extent: Extent?
    /// What the reader should know of the data behind it, such as damage.
    package var warnings: [String]
}

/// Evaluates KPIs: what all of them need is read once, merged, and then finalised for each frame.
package struct KPIEvaluator: Sendable {
    /// The definitions by which names are understood.
    package let definitions: KPIDefinitions
    /// Where the values of metrics come from.
    let source: any AggregateSource
    private let now: Int64

    /// The time of the evaluation, in milliseconds.
    package var currentMillis: Int64 { now }

    /// An evaluator at the time `now`.
    package init(definitions: KPIDefinitions, source: any AggregateSource, now: Timestamp) {
        self.definitions = definitions
        self.source = source
        self.now = now.millis
    }

    /// When the metrics have values, by name; those without are left out.
    package func extents(of metrics: [String], budget: QueryBudget) throws(SourceError) -> [ByteText:
        Extent]
    {
        var extents: [ByteText: Extent] = [:]
        var bySelectors: [[MetricSelector]: Extent?] = [:]
        for name in metrics where extents[ByteText(name)] == nil {
            guard let metric = definitions.metric(name) else { continue }
            let selectors = metric.source.selectors
            let extent: Extent?
            if let known = bySelectors[selectors] {
                extent = known
            } else {
                extent = try source.extent(of: selectors, now: now, budget: budget)
                bySelectors[selectors] = .some(extent)
            }
            let kept = try source.keptExtent(of: metric, budget: budget)
            // As long as there are samples they tell how far the data go.
            extents[ByteText(name)] =
                extent.map { Extent(oldest: min($0.oldest, kept?.oldest ?? $0.oldest), newest: $0.newest) }
                ?? kept
        }
        return extents
    }

    /// The values of the tasks' KPIs, in the order of the tasks.
    ///
    /// With a label there is one row for each value that it ever had in a KPI's metrics, ascending.
    ///
    /// - Parameters:
    ///   - tasks: What is wanted.
    ///   - label: The label to break down by.
    ///   - known: When the metrics behind the KPIs have values, if that was found out already.
    ///   - budget: What reading may cost.
    /// - Returns: The values.
    /// - Throws: Why the samples cannot be read.
    package func rows(
        _ tasks: [KPITask],
        by label: String? = nil,
        extents known: [ByteText: Extent]? = nil,
        budget: QueryBudget
    ) throws(SourceError) -> [KPIRow] {
        let names = tasks.map { definitions.metricNames(behind: $0.kpi) }
        let extents: [ByteText: Extent]
        if let known {
            extents = known
        } else {
            extents = try self.extents(of: names.flatMap(\.self), budget: budget)
        }
        let finaliser = KPIFinaliser(definitions: definitions)
        var demand = MetricDemand(extents: extents)
        for task in tasks {
            for index in task.frames.indices {
                _ = finaliser.value(of: task.kpi, for: task.frames, at: index, &demand)
            }
            if let aggregate = task.aggregate {
                _ = finaliser.value(of: task.kpi, for: aggregate, &demand)
            }
        }
        var values = try read(&demand, extents, label, budget)
        var rows: [KPIRow] = []
        for (task, names) in zip(tasks, names) {
            try budget.checkpoint()
            guard label != nil else {
                rows.append(row(of: task, names, nil, finaliser, &values))
                continue
            }
            for group in try groups(of: names, label, &values, budget) {
                values.group = group
                rows.append(row(of: task, names, group, finaliser, &values))
            }
        }
        return rows
    }

    /// The values of metrics for the frames, in the order of `names`; each has to be defined.
    package func metricRows(
        _ names: [String],
        frames: [Frame],
        aggregate: Frame? = nil,
        budget: QueryBudget
    ) throws(SourceError) -> [MetricRow] {
        let extents = try extents(of: names, budget: budget)
        var demand = MetricDemand(extents: extents)
        for name in names {
            for frame in frames + (aggregate.map { [$0] } ?? []) {
                _ = demand.value(of: name, over: frame.range, for: frame.range)
            }
        }
        var values = try read(&demand, extents, nil, budget)
        return names.map { name in
            MetricRow(
                name: name,
                values: frames.map { values.value(of: name, over: $0.range, for: $0.range) },
                aggregate: aggregate.flatMap { values.value(of: name, over: $0.range, for: $0.range) },
                extent: extents[ByteText(name)],
                warnings: values.warnings(of: [name])
            )
        }
    }

    // MARK: - Parts

    private func row(
        of task: KPITask,
        _ names: [String],
        _ group: String?,
        _ finaliser: KPIFinaliser,
        _ values: inout MetricValues
    ) -> KPIRow {
        let watermarks = names.map { values.extent(of: $0)?.newest }
        var row = KPIRow(
            kpi: task.kpi,
            group: group,
            values: [],
            aggregate: task.aggregate.flatMap { finaliser.value(of: task.kpi, for: $0, &values) },
            watermark: watermarks.contains(nil) ? nil : watermarks.compactMap(\.self).min(),
            oldest: names.compactMap { values.extent(of: $0)?.oldest }.min(),
            warnings: values.warnings(of: names)
        )
        if case .ratio(let numerator, let denominator) = task.kpi.type {
            let parts = task.frames.indices.map { index in
                finaliser.parts(numerator, denominator, over: task.frames[index].range, &values)
            }
            row.values = parts.map { finaliser.ratio($0, of: task.kpi) }
            row.numerators = parts.map(\.numerator)
            row.denominators = parts.map(\.denominator)
        } else {
            row.values = task.frames.indices.map { index in
                finaliser.value(of: task.kpi, for: task.frames, at: index, &values)
            }
        }
        return row
    }

    /// Ranges, and how a request says them.
    private struct Wanted {
        var list: RangeList
        var cuts: [Int64]
        var ranges: [Range<Int>]

        /// For ranges in any order.
        init(_ ranges: [Bucket]) {
            let sorted = ranges.sorted { ($0.start, $0.end) < ($1.start, $1.end) }
            list = RangeList(sorted)
            let cuts = Set(sorted.flatMap { [$0.start, $0.end] }).sorted()
            var indexOfCut: [Int64: Int] = [:]
            for (index, cut) in cuts.enumerated() { indexOfCut[cut] = index }
            self.cuts = cuts
            self.ranges = sorted.map { (indexOfCut[$0.start] ?? 0)..<(indexOfCut[$0.end] ?? 0) }
        }
    }

    private func read(
        _ demand: inout MetricDemand,
        _ extents: [ByteText: Extent],
        _ label: String?,
        _ budget: QueryBudget
    ) throws(SourceError) -> MetricValues {
        var reads: [MetricRead] = []
        let mayHaveDays = try hasDays(&demand, budget)
        for metric in definitions.metrics {
            let ranges = demand.ranges(of: metric.name)
            guard !ranges.isEmpty, let extent = extents[ByteText(metric.name)] else { continue }
            guard mayHaveDays, let withoutDays = try metricWithoutDays(metric, ranges, budget) else {
                reads.append(MetricRead(metric, extent, ranges))
                continue
            }
            reads.append(MetricRead(metric, extent, ranges.filter { !$0.isShort }))
            let short = try source.extent(of: withoutDays.source.selectors, now: now, budget: budget)
            // Without an extent there is nothing, and every short range is null.
            reads.append(
                MetricRead(withoutDays, short, short == nil ? [] : ranges.filter(\.isShort), isShort: true)
            )
        }
        var wanted: [[Bucket]: Wanted] = [:]
        var requests: [AggregateRequest] = []
        var columns: [MetricValues.Column] = []
        for read in reads {
            let one = wanted[read.ranges] ?? Wanted(read.ranges)
            wanted[read.ranges] = one
            if let request = read.request(one.cuts, one.ranges, by: label) { requests.append(request) }
            columns.append(read.column(one.list))
        }
        var tables = try source.tables(requests, budget: budget)[...]
        for index in columns.indices where reads[index].isAsked {
            columns[index].table = tables.popFirst() ?? AggregateTable()
            for (position, group) in columns[index].table.groups.enumerated() {
                columns[index].groups[ByteText(group)] = position
            }
        }
        return MetricValues(columns: columns, extents: extents)
    }

    /// Whether any metric of which ranges shorter than a day are wanted has samples about whole days: one
    /// question for all of them.
    private func hasDays(_ demand: inout MetricDemand, _ budget: QueryBudget) throws(SourceError) -> Bool {
        var selectors: [MetricSelector] = []
        for metric in definitions.metrics
        where metric.withoutDays != nil && demand.ranges(of: metric.name).contains(where: \.isShort) {
            selectors += metric.source.selectors
        }
        guard !selectors.isEmpty else { return false }
        return try source.values(ofLabel: Granularity.label, in: selectors, budget: budget)
            .contains(Granularity.day)
    }

    /// The metric without its samples about whole days, if it has any and shorter ranges are wanted.
    private func metricWithoutDays(
        _ metric: MetricDefinition,
        _ ranges: [Bucket],
        _ budget: QueryBudget
    ) throws(SourceError) -> MetricDefinition? {
        guard ranges.contains(where: \.isShort), let other = metric.withoutDays else { return nil }
        let values = try source.values(
            ofLabel: Granularity.label,
            in: metric.source.selectors,
            budget: budget
        )
        return values.contains(Granularity.day) ? other : nil
    }

    private func groups(
        of metrics: [String],
        _ label: String?,
        _ values: inout MetricValues,
        _ budget: QueryBudget
    ) throws(SourceError) -> [String] {
        guard let label else { return [] }
        let selectors = metrics.compactMap { definitions.metric($0) }.flatMap { metric in
            // What an expression makes of its labels is known from its results only.
            if case .promql = metric.source { [MetricSelector]() } else { metric.source.selectors }
        }
        var groups = Set(values.groups(of: metrics).map(ByteText.init))
        if !selectors.isEmpty {
            let all = try source.values(ofLabel: label, in: selectors, budget: budget)
            groups.formUnion(all.map(ByteText.init))
        }
        return groups.sorted().map(\.string)
    }
}
