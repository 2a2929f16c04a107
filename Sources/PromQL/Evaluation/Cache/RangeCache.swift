import Model
import Synchronization

/// Answers of range queries, so that a dashboard that asks again has only the new steps evaluated.
///
/// An answer is remembered with the source's mark of the moment before it was computed. Of a remembered
/// answer those steps count whose samples the source says are unchanged since; the others, before and behind,
/// are evaluated. What does not depend on steps alone (`StepReach`), yields native histograms or has remarks
/// is not remembered.
package final class RangeCache: Sendable {
    /// How the cache is doing.
    package struct Figures: Hashable, Sendable {
        /// What the answers take, in bytes.
        package var byteCount = 0
        /// The number of answers.
        package var count = 0
        /// Queries that took steps from a remembered answer.
        package var hitCount = 0
        /// Queries that could have been remembered and were not.
        package var missCount = 0
    }

    /// A range query.
    package struct Question: Sendable {
        /// The expression; parsed and checked.
        package var expr: Expr
        /// Its text.
        package var text: String
        /// The first step.
        package var start: Timestamp
        /// The last step is at or before it.
        package var end: Timestamp
        /// The distance of steps, in milliseconds.
        package var stepMillis: Int64
        /// How far back instant selectors look, in milliseconds; nil for the engine's default.
        package var lookbackMillis: Int64?

        /// A query of these parts.
        package init(
            _ expr: Expr,
            text: String,
            from start: Timestamp,
            through end: Timestamp,
            stepMillis: Int64,
            lookbackMillis: Int64?
        ) {
            self.expr = expr
            self.text = text
            self.start = start
            self.end = end
            self.stepMillis = stepMillis
            self.lookbackMillis = lookbackMillis
        }
    }

    /// Answers that nobody asked for so long are forgotten.
    private static let longestRest = Duration.seconds(600)
    private static let countLimit = 1024

    private struct Key: Hashable {
        var text: ByteText
        var stepMillis: Int64
        /// Where the steps lie in time.
        var phaseMillis: Int64
        var lookbackMillis: Int64
        var subqueryStepMillis: Int64
        /// About how many steps there are, so that panels over different ranges do not push each other out.
        var lengthClass: Int
    }

    private final class Kept: Sendable {
        let start: Int64
        let end: Int64
        let mark: UInt64
        let series: [RangeSeries]
        let byteCount: Int

        init(_ grid: StepGrid, _ mark: UInt64, _ series: [RangeSeries]) {
            start = grid.start
            end = grid.last
            self.mark = mark
            self.series = series
            byteCount = RangeCache.byteCount(series) + 512
        }
    }

    private struct State {
        var kept: [Key: (answer: Kept, lastUse: ContinuousClock.Instant)] = [:]
        var figures = Figures()
    }

    private let leastDuration: Duration
    private let capacity: @Sendable () -> Int
    private let state = Mutex(State())

    /// An empty cache of at most `capacity` bytes, which may change, for evaluations that take some time.
    package init(
        leastDuration: Duration = .microseconds(200),
        capacity: @escaping @Sendable () -> Int
    ) {
        self.leastDuration = leastDuration
        self.capacity = capacity
    }

    /// How the cache is doing now.
    package var figures: Figures { state.withLock { $0.figures } }

    /// Evaluates a range query as `Engine.range` does, with the help of what is remembered.
    package func range(
        _ question: Question,
        _ engine: Engine,
        source: any SeriesSource,
        budget: QueryBudget
    ) throws(PromQLError) -> QueryAnswer {
        let lookback = question.lookbackMillis.flatMap { $0 > 0 ? $0 : nil } ?? engine.options.lookbackMillis
        let subqueryStep = engine.options.defaultSubqueryStepMillis
        let limit = StepReach.limitMillis
        guard capacity() > 0, question.stepMillis > 0, question.start.millis > -limit,
            question.end.millis < limit,
            let grid = StepGrid(
                start: question.start.millis,
                end: question.end.millis,
                stepMillis: question.stepMillis
            ), grid.count > 1,
            let reach = StepReach.millis(
                question.expr,
                lookbackMillis: lookback,
                defaultSubqueryStepMillis: subqueryStep,
                source
            ), let mark = source.changeMark()
        else { return try evaluate(question, nil, engine, source, budget) }
        let key = Key(
            text: ByteText(question.text),
            stepMillis: grid.stepMillis,
            phaseMillis: grid.start - question.start.floored(toMillis: grid.stepMillis).millis,
            lookbackMillis: lookback,
            subqueryStepMillis: subqueryStep,
            lengthClass: Int.bitWidth - grid.count.leadingZeroBitCount
        )
        if let kept = kept(key), let unchanged = source.unchanged(since: kept.mark),
            let steps = RangeCache.steps(of: grid, in: kept, unchanged, reach),
            let answer = try extended(kept, by: steps, question, grid, engine, source, budget)
        {
            if steps.count < grid.count, case .matrix(let series) = answer.value {
                keep(Kept(grid, mark, series), key)
            }
            return answer
        }
        let began = ContinuousClock.now
        var answer = try evaluate(question, nil, engine, source, budget)
        guard began.duration(to: .now) >= leastDuration, answer.warnings.isEmpty,
            answer.infos.isEmpty, case .matrix(let found) = answer.value,
            found.allSatisfy({ $0.column.histograms.isEmpty }),
            RangeCache.byteCount(found) <= capacity() / 16
        else { return answer }
        let series = RangeCache.written(found)
        answer = try RangeCache.answer(series, budget)
        keep(Kept(grid, mark, series), key)
        return answer
    }

    // MARK: - Steps

    /// The steps of `grid` that a remembered answer still has right; nil if there are none.
    private static func steps(
        of grid: StepGrid,
        in kept: Kept,
        _ unchanged: TimeRange,
        _ reachMillis: Int64
    ) -> Range<Int>? {
        let limit = StepReach.limitMillis
        let start = max(kept.start, max(unchanged.start.millis, -limit) + reachMillis)
        let end = min(kept.end, min(unchanged.end.millis, limit))
        let step = grid.stepMillis
        let first = start <= grid.start ? 0 : (start - grid.start + step - 1) / step
        guard end >= grid.start else { return nil }
        let behind = min((end - grid.start) / step + 1, Int64(grid.count))
        return first < behind ? Int(first)..<Int(behind) : nil
    }

    /// The answer from the `steps` that are remembered and from the others, which are evaluated; nil if these
    /// have remarks, whose places and order only a whole evaluation tells.
    private func extended(
        _ kept: Kept,
        by steps: Range<Int>,
        _ question: Question,
        _ grid: StepGrid,
        _ engine: Engine,
        _ source: any SeriesSource,
        _ budget: QueryBudget
    ) throws(PromQLError) -> QueryAnswer? {
        var pieces: [[RangeSeries]] = []
        for part in [0..<steps.lowerBound, steps, steps.upperBound..<grid.count] where !part.isEmpty {
            let range = TimeRange(
                Timestamp(millis: grid.time(part.lowerBound)),
                Timestamp(millis: grid.time(part.upperBound - 1))
            )
            if part == steps {
                pieces.append(RangeCache.slice(kept.series, range))
                continue
            }
            let answer = try evaluate(question, range, engine, source, budget)
            guard answer.warnings.isEmpty, answer.infos.isEmpty, case .matrix(let series) = answer.value,
                series.allSatisfy({ $0.column.histograms.isEmpty })
            else { return nil }
            pieces.append(RangeCache.written(series))
        }
        return try RangeCache.answer(pieces.dropFirst().reduce(pieces[0], RangeCache.joined), budget)
    }

    private static func answer(_ series: [RangeSeries], _ budget: QueryBudget) throws(PromQLError)
        -> QueryAnswer
    {
        let memory: HeldMemory
        do { memory = try HeldMemory.charge(byteCount(series), to: budget) } catch {
            throw .source(error)
        }
        return QueryAnswer(value: .matrix(series), memory: memory)
    }

    /// The series with their samples as JSON.
    private static func written(_ series: [RangeSeries]) -> [RangeSeries] {
        var times = TimeTexts()
        return series.map {
            RangeSeries(labels: $0.labels, column: $0.column, texts: PointTexts($0.column, &times))
        }
    }

    private func evaluate(
        _ question: Question,
        _ range: TimeRange?,
        _ engine: Engine,
        _ source: any SeriesSource,
        _ budget: QueryBudget
    ) throws(PromQLError) -> QueryAnswer {
        try engine.range(
            question.expr,
            text: question.text,
            start: range?.start ?? question.start,
            end: range?.end ?? question.end,
            stepMillis: question.stepMillis,
            lookbackMillis: question.lookbackMillis,
            source: source,
            budget: budget
        )
    }

    /// The samples of all series in `range`, without the series that have none.
    private static func slice(_ series: [RangeSeries], _ range: TimeRange) -> [RangeSeries] {
        series.compactMap { item in
            let times = item.column.timestamps
            guard let first = times.first, let last = times.last else { return nil }
            if first >= range.start.millis, last <= range.end.millis { return item }
            let from = partitionPoint(times) { $0 >= range.start.millis }
            let to = partitionPoint(times) { $0 > range.end.millis }
            guard from < to else { return nil }
            let column = SampleColumn(
                timestamps: Array(times[from..<to]),
                values: Array(item.column.values[from..<to])
            )
            return RangeSeries(labels: item.labels, column: column, texts: item.texts?.part(from..<to))
        }
    }

    private static func partitionPoint(_ times: [Int64], _ isBehind: (Int64) -> Bool) -> Int {
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(times[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Two answers as one; both are sorted by labels, and all times of `later` are behind those of `earlier`.
    private static func joined(_ earlier: [RangeSeries], _ later: [RangeSeries]) -> [RangeSeries] {
        var result: [RangeSeries] = []
        result.reserveCapacity(max(earlier.count, later.count))
        var (left, right) = (0, 0)
        while left < earlier.count, right < later.count {
            if earlier[left].labels == later[right].labels {
                var column = SampleColumn()
                let count = earlier[left].column.count + later[right].column.count
                column.timestamps.reserveCapacity(count)
                column.values.reserveCapacity(count)
                for part in [earlier[left].column, later[right].column] {
                    column.timestamps.append(contentsOf: part.timestamps)
                    column.values.append(contentsOf: part.values)
                }
                var texts = earlier[left].texts
                if let behind = later[right].texts { texts?.append(behind) } else { texts = nil }
                result.append(RangeSeries(labels: earlier[left].labels, column: column, texts: texts))
                left += 1
                right += 1
            } else if earlier[left].labels < later[right].labels {
                result.append(earlier[left])
                left += 1
            } else {
                result.append(later[right])
                right += 1
            }
        }
        result.append(contentsOf: earlier[left...])
        result.append(contentsOf: later[right...])
        return result
    }

    // MARK: - What is kept

    private func kept(_ key: Key) -> Kept? {
        state.withLock { state in
            guard let found = state.kept[key] else {
                state.figures.missCount += 1
                return nil
            }
            state.figures.hitCount += 1
            state.kept[key]?.lastUse = .now
            return found.answer
        }
    }

    private func keep(_ answer: Kept, _ key: Key) {
        let capacity = capacity()
        guard answer.byteCount <= capacity / 4 else { return }
        let now = ContinuousClock.now
        let removed = state.withLock { state -> [Kept] in
            var removed: [Kept] = []
            func remove(_ key: Key) {
                guard let old = state.kept.removeValue(forKey: key)?.answer else { return }
                state.figures.byteCount -= old.byteCount
                removed.append(old)
            }
            remove(key)
            for (key, kept) in state.kept where now - kept.lastUse > RangeCache.longestRest { remove(key) }
            while state.figures.byteCount > capacity - answer.byteCount
                || state.kept.count >= RangeCache.countLimit,
                let oldest = state.kept.min(by: { $0.value.lastUse < $1.value.lastUse })
            { remove(oldest.key) }
            state.kept[key] = (answer, now)
            state.figures.byteCount += answer.byteCount
            state.figures.count = state.kept.count
            return removed
        }
        // Memory is freed outside the lock.
        _ = removed
    }

    private static func byteCount(_ series: [RangeSeries]) -> Int {
        series.reduce(0) {
            $0 + $1.labels.packed.count + 128 + $1.column.count * Limits.sampleMemoryBytes
                + ($1.texts?.byteCount ?? 0)
        }
    }
}
