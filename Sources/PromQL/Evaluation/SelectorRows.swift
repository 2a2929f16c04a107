import Model

extension Evaluation {
    /// Takes a row: the labels of its series, whether its name is to be dropped, and the values.
    typealias RowBody = (_ series: RowLabels, _ dropsName: Bool, _ row: StepRow) throws(PromQLError) -> Void

    /// The table of a selector or a range function.
    func rows(of node: PlanNode) throws(PromQLError) -> StepTable {
        var table = StepTable(stepCount: node.grid.count)
        try forEachRow(of: node) { (series, dropsName, row) throws(PromQLError) in
            try self.append(series.labels, dropsName: dropsName, row, to: &table)
        }
        return table
    }

    /// Calls `body` with the rows of a selector or a range function that have any value, one at a time.
    func forEachRow(
        of node: PlanNode,
        _ body: RowBody
    ) throws(PromQLError) {
        switch node.operation {
        case .selector(let selector) where selector.rangeExtension == .smoothed:
            let kernel = SmoothedSampleKernel(shape: selector.shape, grid: node.grid)
            try forEachRow(
                of: selector,
                kernel,
                histograms: SmoothedHistograms(shape: selector.shape, grid: node.grid),
                node,
                skipsStale: true,
                dropsName: false,
                body
            )
        case .selector(let selector):
            let kernel = NewestSampleKernel(shape: selector.shape, grid: node.grid, isTime: false)
            try forEachRow(of: selector, kernel, node, skipsStale: false, dropsName: false, body)
        case .sampleTimes(let selector):
            let kernel = NewestSampleKernel(shape: selector.shape, grid: node.grid, isTime: true)
            try forEachRow(of: selector, kernel, node, skipsStale: false, dropsName: true, body)
        case .window(let window): try forEachRow(of: window, node, body)
        default: preconditionFailure("BUG: no rows to read one by one")
        }
    }

    // MARK: - Selectors

    /// Reads series after series, those that are wanted, and turns each into a row.
    ///
    /// With a kernel for states no samples are read of series that the source has states of.
    func forEachRow(
        of selector: SelectorPlan,
        _ kernel: any RowKernel,
        histograms histogramKernel: (any HistogramKernel)? = nil,
        states stateKernel: StateKernel? = nil,
        _ node: PlanNode,
        skipsStale: Bool,
        dropsName: Bool,
        where isWanted: ((Labels) -> Bool)? = nil,
        _ body: RowBody
    ) throws(PromQLError) {
        let share = source.dependsOnHints(selector.matchers) ? nil : selector.reader
        guard let set = try select(selector, node.grid, share, mayReadMore: true) else { return }
        try set.withReader { (reader) throws(PromQLError) in
            var kernel = kernel
            var histogramKernel = histogramKernel
            var stateKernel = stateKernel
            try self.meter.hold(bytes: stateKernel?.heldByteCount ?? 0)
            var column = SampleColumn()
            var row = StepRow(stepCount: node.grid.count)
            var sampleCount = 0
            // Selectors that share samples take them in turns.
            let helpers = share == nil && isWanted == nil ? self.budget.helpers : nil
            for index in 0..<set.count {
                if let helpers, sampleCount >= ParallelRows.leastSampleCount {
                    let rows = ParallelRows(
                        set: set,
                        kernel: kernel,
                        stateKernel: stateKernel,
                        stepCount: node.grid.count,
                        skipsStale: skipsStale,
                        leavesHistograms: histogramKernel != nil,
                        budget: self.budget
                    )
                    try rows.forEach(
                        in: index..<set.count,
                        samplesPerSeries: sampleCount / index,
                        helpers,
                        self
                    ) { (item) throws(PromQLError) in
                        switch item {
                        case .row(let index, let row, let remarks):
                            if !remarks.isEmpty { self.annotate(remarks, reader.labels(at: index), node) }
                            if !row.isEmpty { try body(.selected(reader, index), dropsName, row) }
                        case .left(let index):
                            let labels = reader.labels(at: index)
                            let held = try self.read(reader, index, into: &column)
                            if skipsStale { column.removeStaleMarkers() }
                            row.clear()
                            try self.evaluate(&histogramKernel, labels, column, into: &row, node)
                            self.meter.release(held)
                            if !row.isEmpty { try body(.known(labels), dropsName, row) }
                        }
                    }
                    break
                }
                if let isWanted {
                    try self.meter.work(1)
                    guard isWanted(reader.labels(at: index)) else { continue }
                }
                row.clear()
                if try stateKernel?.evaluate(reader, index, into: &row, &self.meter) == true {
                    if let share {
                        self.meter.release(self.shared.pass(reader.labels(at: index), for: share))
                    }
                    if let remarks = stateKernel?.remarks, !remarks.isEmpty {
                        self.annotate(remarks, reader.labels(at: index), node)
                    }
                    if !row.isEmpty { try body(.selected(reader, index), dropsName, row) }
                    continue
                }
                let held = try self.read(reader, index, for: share, into: &column)
                sampleCount += held
                if skipsStale { column.removeStaleMarkers() }
                if column.histograms.isEmpty || histogramKernel == nil {
                    try kernel.evaluate(column, into: &row, &self.meter)
                } else {
                    let labels = reader.labels(at: index)
                    try self.evaluate(&histogramKernel, labels, column, into: &row, node)
                }
                self.meter.release(held)
                if !row.isEmpty { try body(.selected(reader, index), dropsName, row) }
            }
            self.meter.release(bytes: stateKernel?.heldByteCount ?? 0)
        }
        // What is wrong with samples shows when they are read.
        annotations.add(sourceWarnings: set.warnings, infos: set.infos)
    }

    /// The series that `selector` selects for the steps of `grid`; nil if there are no steps.
    ///
    /// Kernels look at the samples of their windows only, so for them more may be read.
    private func select(
        _ selector: SelectorPlan,
        _ grid: StepGrid,
        _ share: ReadGroup.Reader? = nil,
        mayReadMore: Bool = false
    ) throws(PromQLError) -> (any SeriesSet)? {
        guard let range = selector.range(on: grid) else { return nil }
        if let share, let set = shared.series(for: share) {
            shared.begin(share, set)
            return set
        }
        var request = SelectRequest(
            matchers: selector.matchers,
            range: share.map { shared.range(for: $0) } ?? range,
            hints: selector.hints
        )
        request.mayReadMore = mayReadMore
        do {
            let set = try source.select(request, budget: budget)
            annotations.add(sourceWarnings: set.warnings, infos: set.infos)
            if let share { shared.begin(share, set) }
            return set
        } catch { throw .source(error) }
    }

    /// Reads the samples of a series, or takes those that another selector has read; tells how many samples
    /// are to be released afterwards.
    private func read(
        _ reader: any SeriesReader,
        _ index: Int,
        for share: ReadGroup.Reader?,
        into column: inout SampleColumn
    ) throws(PromQLError) -> Int {
        guard let share else { return try read(reader, index, into: &column) }
        let labels = reader.labels(at: index)
        if let (samples, held) = shared.take(labels, for: share) {
            column = samples
            return held
        }
        let held = try read(reader, index, into: &column)
        return shared.keep(column, labels, held: held, readBy: share) ? 0 : held
    }

    /// Reads the samples of a series and charges them; tells how many samples they count for.
    @discardableResult
    private func read(_ reader: any SeriesReader, _ index: Int, into column: inout SampleColumn)
        throws(PromQLError) -> Int
    {
        do { try reader.read(index, into: &column) } catch { throw .source(error) }
        let held = column.count + column.histograms.heldSampleCount
        meter.noteScanned(held)
        try meter.hold(held)
        return held
    }

    /// Evaluates a range function, or another kernel, over a series with native histograms.
    private func evaluate(
        _ kernel: inout (any HistogramKernel)?,
        _ labels: Labels,
        _ column: SampleColumn,
        into row: inout StepRow,
        _ node: PlanNode
    ) throws(PromQLError) {
        try kernel?.evaluate(column, into: &row, &meter)
        annotate(kernel?.remarks ?? [], labels, node)
    }

    /// Adds what is to be said about the histograms of a series.
    private func annotate(_ remarks: [HistogramWindowRemark], _ labels: Labels, _ node: PlanNode) {
        var span = node.span
        if case .window(let plan) = node.operation { span = plan.rangeSpan }
        for remark in remarks {
            annotations.add(remark.annotation(metric: labels.metricName ?? ""), at: span)
        }
    }

    // MARK: - Range functions

    private func forEachRow(
        of window: WindowPlan,
        _ node: PlanNode,
        _ body: RowBody
    ) throws(PromQLError) {
        var parameters: [ScalarColumn] = []
        for position in node.inputs.indices.dropFirst(window.parameterStart) {
            parameters.append(try scalarInput(position, of: node))
        }
        let function = window.function
        let kernel = function.kernel(window.shape, node.grid, parameters, window.rangeExtension)
        let histogramWindow = HistogramWindow(window, kernel, node.grid)
        var anyStep = StepSet(stepCount: node.grid.count)
        let checksQuantile = function == .quantileOverTime
        var counterNames = CounterNames()
        let wrapped: RowBody = { (series, dropsName, row) throws(PromQLError) in
            if checksQuantile { anyStep.formUnion(row.present.span) }
            guard function.wantsCounter, !row.hasNoValue else { return try body(series, dropsName, row) }
            let labels = series.labels
            counterNames.check(labels) { name in
                self.annotations.add(.possibleNonCounter(metric: name), at: window.rangeSpan)
            }
            try body(.known(labels), dropsName, row)
        }
        if function == .doubleExponentialSmoothing { try Evaluation.checkSmoothing(parameters) }
        switch window.source {
        case .selector(let selector):
            try forEachRow(
                of: selector,
                kernel,
                histograms: histogramWindow,
                states: StateKernel(window, node.grid),
                node,
                skipsStale: true,
                dropsName: function.dropsName,
                wrapped
            )
        case .subquery:
            try forEachRow(
                ofSubquery: node,
                kernel,
                histogramWindow,
                dropsName: function.dropsName,
                wrapped
            )
        }
        if checksQuantile { noteInvalidQuantile(parameters[0], anyStep, window.firstSpan) }
    }

    /// Takes the rows of a subquery's steps as series of samples.
    ///
    /// As in Prometheus, names that were to be dropped inside the subquery are not, if the function keeps
    /// names.
    private func forEachRow(
        ofSubquery node: PlanNode,
        _ kernel: any RowKernel,
        _ histogramWindow: HistogramWindow,
        dropsName: Bool,
        _ body: RowBody
    ) throws(PromQLError) {
        let table = try tableInput(0, of: node)
        let grid = node.inputGrid(0)
        var kernel = kernel
        var histogramKernel: (any HistogramKernel)? = histogramWindow
        var column = SampleColumn()
        var row = StepRow(stepCount: node.grid.count)
        for index in 0..<table.rowCount {
            column.removeAll()
            table.appendSamples(index, on: grid, to: &column)
            try meter.hold(column.count)
            row.clear()
            if column.histograms.isEmpty {
                try kernel.evaluate(column, into: &row, &meter)
            } else {
                try evaluate(&histogramKernel, table.labels[index], column, into: &row, node)
            }
            meter.release(column.count)
            if !row.isEmpty { try body(.known(table.labels[index]), dropsName, row) }
        }
        release(table)
    }

    /// Notes the quantiles outside of 0...1 that were used at any step.
    private func noteInvalidQuantile(_ phi: ScalarColumn, _ steps: StepSet, _ span: SourceSpan) {
        for step in steps.positions where !(phi[step] >= 0 && phi[step] <= 1) {
            annotations.add(.invalidQuantile(GoText.general(phi[step])), at: span)
            if case .constant = phi { return }
        }
    }

    private static func checkSmoothing(_ parameters: [ScalarColumn]) throws(PromQLError) {
        for (column, name) in zip(
            parameters,
            ["smoothing factor. Expected: 0 < sf", "trend factor. Expected: 0 < tf"]
        ) {
            for factor in column.distinct where factor <= 0 || factor >= 1 {
                throw .execution("invalid \(name) < 1, got: \(GoText.fixed(factor))")
            }
        }
    }

    /// Turns the steps at which a range has samples into those at which it has none.
    func absent(_ window: WindowPlan, _ table: StepTable) throws(PromQLError) -> StepTable {
        var labels = Labels.empty
        if case .selector(let selector) = window.source { labels = AbsentLabels.of(selector.matchers) }
        return try absent(labels, table, dropsName: true)
    }

    // MARK: - Samples themselves

    /// The samples of a range selector at `time`, staleness markers left out.
    func samples(_ selector: SelectorPlan, _ time: Int64) throws(PromQLError) -> [RangeSeries] {
        guard let set = try select(selector, StepGrid(instant: time)) else { return [] }
        var series: [RangeSeries] = []
        for index in 0..<set.count {
            var column = SampleColumn()
            try read(set, index, into: &column)
            column.removeStaleMarkers()
            let shape = selector.shape
            if selector.rangeExtension != .none {
                guard column.histograms.isEmpty else {
                    let name = selector.rangeExtension.rawValue
                    throw .execution("\(name) modifier is not supported with histograms")
                }
                let end = shape.end(at: time)
                column.extend(selector.rangeExtension, from: end - shape.rangeMillis, to: end)
            }
            if !column.isEmpty { series.append(RangeSeries(labels: set.labels(at: index), column: column)) }
        }
        annotations.add(sourceWarnings: set.warnings, infos: set.infos)
        return series
    }

    /// The rows of a table as series of samples at the times of `grid`.
    static func series(of table: StepTable, on grid: StepGrid) -> [RangeSeries] {
        (0..<table.rowCount).compactMap { row in
            var column = SampleColumn()
            table.appendSamples(row, on: grid, to: &column)
            return column.isEmpty ? nil : RangeSeries(labels: table.labels[row], column: column)
        }
    }
}

extension StepTable {
    /// Adds the samples of `row` to a column, at the times of `grid`.
    fileprivate func appendSamples(_ row: Int, on grid: StepGrid, to column: inout SampleColumn) {
        let own = histograms(row)
        if own.isEmpty {
            for step in steps(row).positions {
                column.append(millis: grid.time(step), value: value(row, step))
            }
            return
        }
        for step in occupiedSteps(row).positions {
            if let histogram = own[step] {
                column.append(millis: grid.time(step), histogram: histogram)
            } else {
                column.append(millis: grid.time(step), value: value(row, step))
            }
        }
    }
}
