import Model

extension Evaluation {
    /// `histogram_quantile(φ, vector)`.
    func histogramQuantile(_ node: PlanNode, _ phiSpan: SourceSpan, _ vectorSpan: SourceSpan)
        throws(PromQLError)
        -> StepTable
    {
        let phi = try scalarInput(0, of: node)
        let table = try tableInput(1, of: node)
        noteInvalid(phi, phiSpan)
        var result = StepTable(stepCount: table.stepCount)
        try quantiles(table, [(phi, nil)], vectorSpan, node.grid, &result)
        release(table)
        return result
    }

    /// `histogram_quantiles(vector, label, φ, ...)`: each quantile as a series of its own.
    func histogramQuantiles(_ node: PlanNode, _ label: String, _ spans: [SourceSpan]) throws(PromQLError)
        -> StepTable
    {
        let table = try tableInput(0, of: node)
        var wanted: [(ScalarColumn, label: String?)] = []
        for position in node.inputs.indices.dropFirst() {
            let phi = try scalarInput(position, of: node)
            if position + 1 < spans.count { noteInvalid(phi, spans[position + 1]) }
            wanted.append((phi, label))
        }
        var result = StepTable(stepCount: table.stepCount)
        try quantiles(table, wanted, spans.first ?? node.span, node.grid, &result)
        release(table)
        return result
    }

    /// `histogram_fraction(lower, upper, vector)`.
    func histogramFraction(_ node: PlanNode, _ vectorSpan: SourceSpan) throws(PromQLError) -> StepTable {
        let lower = try scalarInput(0, of: node)
        let upper = try scalarInput(1, of: node)
        let table = try tableInput(2, of: node)
        let rows = try histogramRows(table, vectorSpan)
        var result = StepTable(stepCount: table.stepCount)
        var row = StepRow(stepCount: table.stepCount)
        var histogram = ClassicHistogram()
        for group in rows.groups {
            row.clear()
            for step in 0..<table.stepCount {
                try meter.work(group.buckets.count)
                guard histogram.fill(group, table, step) else { continue }
                row.set(step, histogram.fraction(lower[step], upper[step]))
            }
            try append(group.labels, dropsName: true, row, to: &result)
        }
        release(table)
        return result
    }

    // MARK: - Parts

    /// Adds the quantiles of all histograms of `table`; with a label, the quantile becomes the label's value.
    private func quantiles(
        _ table: StepTable,
        _ wanted: [(phi: ScalarColumn, label: String?)],
        _ span: SourceSpan,
        _ grid: StepGrid,
        _ result: inout StepTable
    ) throws(PromQLError) {
        let rows = try histogramRows(table, span)
        var merger = RowMerger(stepCount: table.stepCount)
        var histogram = ClassicHistogram()
        for group in rows.groups {
            var repairs = MonotonicityRepair()
            for (phi, label) in wanted {
                var line = StepRow(stepCount: table.stepCount)
                for step in 0..<table.stepCount {
                    try meter.work(group.buckets.count)
                    guard histogram.fill(group, table, step) else { continue }
                    var repair = MonotonicityRepair()
                    line.set(step, histogram.quantile(phi[step], &repair))
                    guard repair.isNeeded else { continue }
                    repair.count = 1
                    (repair.firstMillis, repair.lastMillis) = (grid.time(step), grid.time(step))
                    repairs.merge(repair)
                }
                guard let label else {
                    try add(group.labels, dropsName: true, line, to: &merger)
                    continue
                }
                try addLabeled(group.labels, label, phi, line, &merger)
            }
            if repairs.count > 0 {
                annotations.add(repairs, metric: group.labels.metricName ?? "", at: span)
            }
        }
        result = merger.table
    }

    /// Adds a row of quantiles, split by the quantile of each step as the value of `label`.
    private func addLabeled(
        _ labels: Labels,
        _ label: String,
        _ phi: ScalarColumn,
        _ line: StepRow,
        _ merger: inout RowMerger
    ) throws(PromQLError) {
        if case .constant(let value) = phi {
            let named = labels.setting(label, Evaluation.openMetricsText(value))
            return try add(named, dropsName: true, line, to: &merger)
        }
        for step in line.steps {
            try meter.work(line.present.count)
            var single = StepRow(stepCount: line.values.count)
            single.set(step, line.values[step])
            let named = labels.setting(label, Evaluation.openMetricsText(phi[step]))
            try add(named, dropsName: true, single, to: &merger)
        }
    }

    /// A number as OpenMetrics writes it in labels: whole numbers with `.0`.
    private static func openMetricsText(_ value: Double) -> String {
        let text = GoText.general(value)
        let isPlain =
            value.isFinite && !text.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "e") }
        return isPlain ? text + ".0" : text
    }

    /// The histograms of `table`; rows with a bad `le` are noted.
    private func histogramRows(_ table: StepTable, _ span: SourceSpan) throws(PromQLError) -> HistogramRows {
        let rows = try HistogramRows(table, &meter)
        for row in rows.badRows {
            let labels = table.labels[row]
            annotations.add(
                .badBucketLabel(metric: labels.metricName ?? "", value: labels["le"] ?? ""),
                at: span
            )
        }
        return rows
    }

    private func noteInvalid(_ phi: ScalarColumn, _ span: SourceSpan) {
        for value in phi.distinct where !(value >= 0 && value <= 1) {
            annotations.add(.invalidQuantile(GoText.general(value)), at: span)
        }
    }
}

extension ClassicHistogram {
    /// Takes the buckets of `group` at `step`; false if there are none.
    mutating func fill(_ group: HistogramRows.Group, _ table: StepTable, _ step: Int) -> Bool {
        removeAll()
        for bucket in group.buckets where table.isPresent(bucket.row, step) {
            append(bound: bucket.bound, count: table.value(bucket.row, step))
        }
        return !bounds.isEmpty
    }
}
