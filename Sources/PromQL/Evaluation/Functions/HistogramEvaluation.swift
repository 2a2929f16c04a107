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
        let wanted = WantedQuantiles(list: [(phi, nil)], vectorSpan: vectorSpan, firstSpan: phiSpan)
        try quantiles(table, wanted, node.grid, &result)
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
        let span = spans.first ?? node.span
        let quantiles = WantedQuantiles(list: wanted, vectorSpan: span, firstSpan: span)
        try self.quantiles(table, quantiles, node.grid, &result)
        release(table)
        return result
    }

    /// `histogram_fraction(lower, upper, vector)`.
    func histogramFraction(_ node: PlanNode, _ lowerSpan: SourceSpan, _ vectorSpan: SourceSpan)
        throws(PromQLError) -> StepTable
    {
        let lower = try scalarInput(0, of: node)
        let upper = try scalarInput(1, of: node)
        let table = try tableInput(2, of: node)
        let rows = try histogramRows(table, vectorSpan)
        let both = try bothKinds(rows, table, vectorSpan)
        var result = RowMerger(stepCount: table.stepCount)
        var row = StepRow(stepCount: table.stepCount)
        var histogram = ClassicHistogram()
        for group in rows.groups {
            row.clear()
            for step in 0..<table.stepCount where both[group.labels]?.contains(step) != true {
                try meter.work(group.buckets.count)
                guard histogram.fill(group, table, step) else { continue }
                row.set(step, histogram.fraction(lower[step], upper[step]))
            }
            if !row.isEmpty { try add(group.labels, dropsName: true, row, to: &result) }
        }
        for index in 0..<table.rowCount where !table.histograms(index).isEmpty {
            let labels = table.labels[index]
            try fill(&row, from: table, index, both[labels], lowerSpan) { step, histogram in
                histogram.fraction(lower[step], upper[step])
            }
            if !row.isEmpty { try add(labels, dropsName: true, row, to: &result) }
        }
        release(table)
        return result.table
    }

    // MARK: - Parts

    /// Adds the quantiles of all histograms of `table`.
    private func quantiles(
        _ table: StepTable,
        _ wanted: WantedQuantiles,
        _ grid: StepGrid,
        _ result: inout StepTable
    ) throws(PromQLError) {
        let span = wanted.vectorSpan
        let rows = try histogramRows(table, span)
        let both = try bothKinds(rows, table, span)
        var merger = RowMerger(stepCount: table.stepCount)
        var histogram = ClassicHistogram()
        for group in rows.groups {
            var repairs = MonotonicityRepair()
            for (phi, label) in wanted.list {
                var line = StepRow(stepCount: table.stepCount)
                for step in 0..<table.stepCount where both[group.labels]?.contains(step) != true {
                    try meter.work(group.buckets.count)
                    guard histogram.fill(group, table, step) else { continue }
                    var repair = MonotonicityRepair()
                    line.set(step, histogram.quantile(phi[step], &repair))
                    guard repair.isNeeded else { continue }
                    repair.count = 1
                    (repair.firstMillis, repair.lastMillis) = (grid.time(step), grid.time(step))
                    repairs.merge(repair)
                }
                if !line.isEmpty { try add(group.labels, label, phi, line, &merger) }
            }
            if repairs.count > 0 {
                annotations.add(repairs, metric: group.labels.metricName ?? "", at: span)
            }
        }
        for index in 0..<table.rowCount where !table.histograms(index).isEmpty {
            let labels = table.labels[index]
            for (phi, label) in wanted.list {
                var line = StepRow(stepCount: table.stepCount)
                try fill(&line, from: table, index, both[labels], wanted.firstSpan) { step, histogram in
                    histogram.quantile(phi[step])
                }
                if !line.isEmpty { try add(labels, label, phi, line, &merger) }
            }
        }
        result = merger.table
    }

    /// The steps at which a classic and a native histogram have the same labels, so that neither counts.
    private func bothKinds(_ rows: HistogramRows, _ table: StepTable, _ span: SourceSpan)
        throws(PromQLError) -> [Labels: StepSet]
    {
        var both: [Labels: StepSet] = [:]
        guard table.hasHistograms else { return both }
        var natives: [Labels: StepSet] = [:]
        for row in 0..<table.rowCount where !table.histograms(row).isEmpty {
            var steps = StepSet(stepCount: table.stepCount)
            for step in table.histograms(row).positions { steps.insert(step) }
            natives[table.labels[row]] = steps
        }
        for group in rows.groups {
            guard let native = natives[group.labels] else { continue }
            var classic = StepSet(stepCount: table.stepCount)
            for bucket in group.buckets { classic.formUnion(table.steps(bucket.row)) }
            classic.formIntersection(native)
            if classic.isEmpty { continue }
            try meter.work(group.buckets.count * table.wordCount)
            both[group.labels] = classic
            annotations.add(.mixedClassicAndNative(metric: group.labels.metricName ?? ""), at: span)
        }
        return both
    }

    /// Fills `row` with a number for each native histogram of a row of `table`.
    private func fill(
        _ row: inout StepRow,
        from table: StepTable,
        _ index: Int,
        _ leftOut: StepSet?,
        _ span: SourceSpan,
        _ compute: (Int, NativeHistogram) -> (Double, HistogramRemark?)
    ) throws(PromQLError) {
        row.clear()
        let column = table.histograms(index)
        for (step, histogram) in zip(column.positions, column.values) where leftOut?.contains(step) != true {
            try meter.work(16)
            let (number, remark) = compute(step, histogram)
            row.set(step, number)
            guard let remark else { continue }
            annotations.add(
                .quantileOfNaN(remark, metric: table.labels[index].metricName ?? ""),
                at: span
            )
        }
    }

    /// Adds a row of quantiles; with a label, the quantile becomes the label's value, which may split the
    /// row.
    private func add(
        _ labels: Labels,
        _ label: String?,
        _ phi: ScalarColumn,
        _ line: StepRow,
        _ merger: inout RowMerger
    ) throws(PromQLError) {
        guard let label else { return try add(labels, dropsName: true, line, to: &merger) }
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

/// The quantiles that are wanted of each histogram of a vector.
private struct WantedQuantiles {
    /// The quantiles, each with the label that tells it from the others.
    var list: [(phi: ScalarColumn, label: String?)]
    /// Where the vector stands in the text.
    var vectorSpan: SourceSpan
    /// Where the first argument stands in the text.
    var firstSpan: SourceSpan
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
