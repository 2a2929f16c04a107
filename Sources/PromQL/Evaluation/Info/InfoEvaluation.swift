import Model

extension Evaluation {
    /// `info`: the series of the input with labels of their info series.
    ///
    /// As in Prometheus 3.5, names that were to be dropped stay.
    func info(_ plan: InfoPlan, _ node: PlanNode) throws(PromQLError) -> StepTable {
        let table = try tableInput(0, of: node)
        let identities = table.labels.map { plan.isInfo($0) ? Labels.empty : InfoSeries.identity(of: $0) }
        let series = try infoSeries(plan, node, Set(identities.lazy.filter { !$0.isEmpty }))
        var result = RowMerger(stepCount: table.stepCount)
        var row = StepRow(stepCount: table.stepCount)
        for index in 0..<table.rowCount {
            try meter.work(table.stepCount)
            let labels = table.labels[index]
            let metrics = series.metrics(of: identities[index])
            table.copy(index, into: &row)
            if metrics.isEmpty {
                guard plan.keepsUnmatched || plan.isInfo(labels) else { continue }
                try add(labels, dropsName: false, row, to: &result)
                continue
            }
            for (chosen, steps) in try series.choices(of: metrics, table.occupiedSteps(index)) {
                try meter.work(table.stepCount)
                if chosen.isEmpty, !plan.keepsUnmatched { continue }
                table.copy(index, into: &row, at: steps)
                let enriched = try series.enrich(labels, with: chosen, plan)
                try add(enriched, dropsName: false, row, to: &result)
            }
        }
        release(table)
        release(series.times)
        return result.table
    }

    /// The info series for these identifying labels.
    private func infoSeries(_ plan: InfoPlan, _ node: PlanNode, _ identities: Set<Labels>)
        throws(PromQLError) -> InfoSeries
    {
        var series = InfoSeries(stepCount: node.grid.count)
        let kernel = NewestSampleKernel(
            shape: plan.shape,
            grid: node.grid,
            isTime: true,
            refusesHistograms: true
        )
        var hints = SelectHints()
        hints.function = "info"
        for matchers in plan.selections(for: identities) {
            let selector = SelectorPlan(matchers: matchers, shape: plan.shape, hints: hints)
            try forEachRow(
                of: selector,
                kernel,
                node,
                skipsStale: false,
                dropsName: false,
                where: { identities.contains(InfoSeries.identity(of: $0)) },
                { (info, dropsName, row) throws(PromQLError) in
                    try self.append(info.labels, dropsName: dropsName, row, to: &series.times)
                }
            )
        }
        series.group()
        return series
    }
}

/// The info series that a call of `info` has read.
private struct InfoSeries {
    /// For each info series the time of its newest sample at each step.
    var times: StepTable
    /// The rows of `times` by identifying labels, then by metric in the order of the names.
    private var rows: [Labels: [[Int]]] = [:]

    private static let identifying = LabelFilter.keeping(InfoPlan.identifyingLabels)

    /// No series.
    init(stepCount: Int) {
        times = StepTable(stepCount: stepCount)
    }

    /// The identifying labels of a series.
    static func identity(of labels: Labels) -> Labels { identifying.apply(to: labels) }

    /// Groups the rows that were added to `times`.
    mutating func group() {
        var byName: [Labels: [ByteText: [Int]]] = [:]
        for row in 0..<times.rowCount {
            let labels = times.labels[row]
            let name = ByteText(labels.metricName ?? "")
            byName[InfoSeries.identity(of: labels), default: [:]][name, default: []].append(row)
        }
        rows = byName.mapValues { names in names.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// The info series of these identifying labels, by metric; none for the empty label set.
    func metrics(of identity: Labels) -> [[Int]] {
        identity.isEmpty ? [] : rows[identity] ?? []
    }

    /// The steps of `steps` by the info series that are chosen at them: of each metric the one with the
    /// newest sample, if there is any.
    ///
    /// - Throws: `PromQLError.execution` if the newest samples of two are equally old.
    func choices(of metrics: [[Int]], _ steps: StepSet) throws(PromQLError) -> [(rows: [Int], steps: StepSet)]
    {
        var choices: [(rows: [Int], steps: StepSet)] = []
        var indices: [[Int]: Int] = [:]
        var last = 0
        var chosen: [Int] = []
        for step in steps.positions {
            chosen.removeAll(keepingCapacity: true)
            for rows in metrics {
                if let row = try newest(of: rows, step) { chosen.append(row) }
            }
            if choices.isEmpty || choices[last].rows != chosen {
                last = indices[chosen, default: choices.count]
                if last == choices.count {
                    indices[chosen] = last
                    choices.append((chosen, StepSet(stepCount: steps.stepCount)))
                }
            }
            choices[last].steps.insert(step)
        }
        return choices
    }

    private func newest(of rows: [Int], _ step: Int) throws(PromQLError) -> Int? {
        var newest: Int?
        for row in rows where times.isPresent(row, step) {
            guard let other = newest else {
                newest = row
                continue
            }
            let (time, otherTime) = (times.value(row, step), times.value(other, step))
            guard time != otherTime else { throw duplicate(other, row, time) }
            if time > otherTime { newest = row }
        }
        return newest
    }

    private func duplicate(_ first: Int, _ second: Int, _ seconds: Double) -> PromQLError {
        let millis = GoText.plain((seconds * 1000).rounded())
        return .execution(
            "found duplicate series for info metric: existing \(GoText.labels(times.labels[first])) "
                + "@ \(millis), new \(GoText.labels(times.labels[second])) @ \(millis)"
        )
    }

    /// `labels` with those of the rows `chosen` that are wanted and that it does not have.
    func enrich(_ labels: Labels, with chosen: [Int], _ plan: InfoPlan) throws(PromQLError) -> Labels {
        guard !chosen.isEmpty else { return labels }
        var added = LabelsBuilder()
        for row in chosen {
            for label in times.labels[row] where !label.name.utf8.elementsEqual(Labels.metricName.utf8) {
                if let wanted = plan.wantedLabels, !wanted.contains(ByteText(label.name)) { continue }
                if let other = added[label.name], !other.utf8.elementsEqual(label.value.utf8) {
                    throw .execution("conflicting label: \(label.name)")
                }
                if labels[label.name] == nil { added.set(label.name, label.value) }
            }
        }
        var builder = LabelsBuilder(labels)
        for label in added.build() { builder.set(label.name, label.value) }
        return builder.build()
    }
}
