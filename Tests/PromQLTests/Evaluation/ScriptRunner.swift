import Matching
import Model

@testable import PromQL

/// Runs a script against an engine over series in memory.
struct ScriptRunner {
    /// A query whose result is not the expected one.
    struct Failure: CustomStringConvertible {
        var line: Int
        var query: String
        var reason: String

        var description: String { "line \(line): \(query): \(reason)" }
    }

    private struct Mismatch: Error {
        var reason: String

        init(_ reason: String) { self.reason = reason }
    }

    private var series: [Labels: SampleColumn] = [:]
    private let engine = Engine()

    /// How many queries gave the expected result.
    private(set) var passedCount = 0
    /// The others.
    private(set) var failures: [Failure] = []

    /// Runs all commands of `script`.
    mutating func run(_ script: TestScript) {
        for command in script.commands {
            switch command {
            case .clear: series = [:]
            case .load(let load): add(load)
            case .eval(let eval):
                do {
                    try check(eval)
                    passedCount += 1
                } catch {
                    failures.append(
                        Failure(
                            line: eval.line,
                            query: eval.query,
                            reason: (error as? Mismatch)?.reason ?? "\(error)"
                        )
                    )
                }
            }
        }
    }

    private mutating func add(_ load: TestScript.Load) {
        var conversion = ClassicConversion()
        for notation in load.series {
            let column = notation.column(gapMillis: load.gapMillis)
            if !column.isEmpty { series[notation.labels] = column }
            if load.convertsHistograms { conversion.add(notation) }
        }
        series.merge(conversion.columns(gapMillis: load.gapMillis)) { $1 }
    }

    // MARK: - Checking

    private func check(_ eval: TestScript.Eval) throws {
        let answer: QueryAnswer
        do {
            answer = try self.answer(eval, start: eval.start, end: eval.end, stepMillis: eval.stepMillis)
        } catch let error as Mismatch {
            guard eval.isFailing else { throw error }
            let isExpected = eval.failMessages.allSatisfy { ScriptRunner.matches($0, error.reason) }
            guard isExpected else { throw Mismatch("failed with another message: \(error.reason)") }
            return
        }
        guard !eval.isFailing else { throw Mismatch("should fail, gave \(answer.value)") }
        try checkAnnotations(eval, answer)
        try compare(eval, answer.value)
        try checkRange(eval)
    }

    private func answer(_ eval: TestScript.Eval, start: Int64, end: Int64, stepMillis: Int64?) throws
        -> QueryAnswer
    {
        let source = MemorySource(series)
        let budget = QueryBudget.unlimited()
        do {
            let expr = try Parser.parse(eval.query)
            guard let stepMillis else {
                return try engine.instant(
                    expr,
                    text: eval.query,
                    at: Timestamp(millis: start),
                    source: source,
                    budget: budget
                )
            }
            return try engine.range(
                expr,
                text: eval.query,
                start: Timestamp(millis: start),
                end: Timestamp(millis: end),
                stepMillis: stepMillis,
                source: source,
                budget: budget
            )
        } catch { throw Mismatch("\(error)") }
    }

    private func checkAnnotations(_ eval: TestScript.Eval, _ answer: QueryAnswer) throws {
        let kinds = [
            ("warning", answer.warnings, eval.mustWarn, eval.mustNotWarn, eval.warnMessages),
            ("info", answer.infos, eval.mustInform, eval.mustNotInform, eval.infoMessages),
        ]
        for (kind, texts, isWanted, isUnwanted, expected) in kinds {
            if isWanted, texts.isEmpty { throw Mismatch("no \(kind)") }
            if isUnwanted, !texts.isEmpty { throw Mismatch("unexpected \(kind): \(texts)") }
            for expectation in expected
            where !texts.contains(where: { ScriptRunner.matches(expectation, $0) }) {
                throw Mismatch("no \(kind) like \(expectation), but \(texts)")
            }
            for text in texts where !expected.isEmpty {
                if !expected.contains(where: { ScriptRunner.matches($0, text) }) {
                    throw Mismatch("unexpected \(kind): \(text)")
                }
            }
        }
    }

    /// Evaluates an instant query also as a range query around its time, and compares the step at its time.
    private func checkRange(_ eval: TestScript.Eval) throws {
        let context = ["start()", "end()", "range()", "step()"]
        guard eval.stepMillis == nil, eval.rangeVector == nil, eval.string == nil, !eval.isOrdered,
            !context.contains(where: { eval.query.lowercased().contains($0) })
        else { return }
        let start = eval.start >= 60_000 ? eval.start - 60_000 : eval.start
        let answer = try self.answer(eval, start: start, end: start + 120_000, stepMillis: 60_000)
        guard case .matrix(let matrix) = answer.value else { throw Mismatch("a range query gave no matrix") }
        try checkOrder(matrix)
        let time = Timestamp(millis: eval.start)
        var vector: [InstantSample] = []
        for series in matrix {
            guard let index = series.column.timestamps.firstIndex(of: eval.start) else { continue }
            vector.append(
                InstantSample(
                    labels: series.labels,
                    time: time,
                    value: series.column.values[index],
                    histogram: series.column.histograms[index]
                )
            )
        }
        if let scalar = eval.scalar {
            guard vector.count == 1, vector[0].labels.isEmpty, ScriptRunner.areSame(scalar, vector[0].value)
            else { throw Mismatch("as a range query: expected \(scalar), got \(vector)") }
            return
        }
        do { try compare(eval, vector) } catch let error as Mismatch {
            throw Mismatch("as a range query: \(error.reason)")
        }
    }

    private func compare(_ eval: TestScript.Eval, _ value: QueryValue) throws {
        switch value {
        case .scalar(_, let number):
            guard let scalar = eval.scalar, ScriptRunner.areSame(scalar, number) else {
                throw Mismatch("expected \(eval.scalar?.description ?? "no scalar"), got \(number)")
            }
        case .string(_, let text):
            guard eval.string == text else {
                throw Mismatch("expected \(eval.string ?? "no string"), got \(text)")
            }
        case .vector(let vector):
            guard eval.scalar == nil, eval.string == nil else { throw Mismatch("got a vector") }
            try compare(eval, vector)
        case .matrix(let matrix):
            guard eval.scalar == nil, eval.string == nil, !eval.isOrdered else {
                throw Mismatch("got a matrix")
            }
            try checkOrder(matrix)
            try compare(eval, matrix)
        }
    }

    private func compare(_ eval: TestScript.Eval, _ vector: [InstantSample]) throws {
        var expected: [Labels: (Int, SampleColumn)] = [:]
        for (index, notation) in eval.series.enumerated() {
            let column = notation.column(start: eval.start, gapMillis: 1)
            if !column.isEmpty { expected[notation.labels] = (index, column) }
        }
        for (index, sample) in vector.enumerated() {
            guard let (position, column) = expected.removeValue(forKey: sample.labels) else {
                throw Mismatch("unexpected \(sample)")
            }
            guard !eval.isOrdered || position == index else {
                throw Mismatch("\(sample.labels) is number \(index), not \(position)")
            }
            guard sample.time.millis == eval.start else {
                throw Mismatch("the time is \(sample.time.millis)")
            }
            var got = SampleColumn()
            if let histogram = sample.histogram {
                got.append(millis: eval.start, histogram: histogram)
            } else {
                got.append(millis: eval.start, value: sample.value)
            }
            guard ScriptRunner.areSame(column, got) else {
                throw Mismatch("\(sample.labels): expected \(column), got \(got)")
            }
        }
        if let (labels, (_, column)) = expected.first { throw Mismatch("missing \(labels) \(column)") }
    }

    private func compare(_ eval: TestScript.Eval, _ matrix: [RangeSeries]) throws {
        var expected: [Labels: SampleColumn] = [:]
        let (start, step) = eval.rangeVector ?? (eval.start, eval.stepMillis ?? 0)
        for notation in eval.series {
            let column = notation.column(start: start, gapMillis: step)
            if !column.isEmpty { expected[notation.labels] = column }
        }
        for series in matrix {
            guard let column = expected.removeValue(forKey: series.labels) else {
                throw Mismatch("unexpected \(series.labels) \(series.column)")
            }
            guard ScriptRunner.areSame(column, series.column) else {
                throw Mismatch("\(series.labels): expected \(column), got \(series.column)")
            }
        }
        if let (labels, _) = expected.first { throw Mismatch("missing \(labels)") }
    }

    private func checkOrder(_ matrix: [RangeSeries]) throws {
        for (left, right) in zip(matrix, matrix.dropFirst()) where !(left.labels < right.labels) {
            throw Mismatch("\(left.labels) comes before \(right.labels)")
        }
    }

    /// Whether two columns are equal but for rounding.
    private static func areSame(_ left: SampleColumn, _ right: SampleColumn) -> Bool {
        left.timestamps == right.timestamps && zip(left.values, right.values).allSatisfy(areSame)
            && left.histograms.positions == right.histograms.positions
            && zip(left.histograms.values, right.histograms.values).allSatisfy(areSame)
    }

    /// Whether two histograms are equal but for rounding and empty buckets.
    private static func areSame(_ left: NativeHistogram, _ right: NativeHistogram) -> Bool {
        let (left, right) = (left.compacted, right.compacted)
        return left.schema == right.schema && left.customBounds == right.customBounds
            && areSame(left.count, right.count) && areSame(left.sum, right.sum)
            && areSame(left.zeroCount, right.zeroCount)
            && areSame(left.zeroThreshold, right.zeroThreshold)
            && left.positive.indices == right.positive.indices
            && left.negative.indices == right.negative.indices
            && zip(left.positive.counts, right.positive.counts).allSatisfy(areSame)
            && zip(left.negative.counts, right.negative.counts).allSatisfy(areSame)
    }

    /// Whether two numbers are equal but for rounding; all NaN are the same.
    private static func areSame(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        if left == right { return true }
        let sum = left.magnitude + right.magnitude
        let difference = (left - right).magnitude
        if left == 0 || right == 0 || sum < .leastNormalMagnitude {
            return difference < 1e-6 * .leastNormalMagnitude
        }
        return difference / min(sum, .greatestFiniteMagnitude) < 1e-6
    }

    /// Whether `text` is as expected, with or without the place at its end.
    private static func matches(_ expectation: TestScript.Expectation, _ text: String) -> Bool {
        var forms = [text]
        if text.hasSuffix(")"), let open = text.lastIndex(of: "("), open > text.startIndex {
            forms.append(String(text[..<text.index(before: open)]))
        }
        switch expectation {
        case .text(let wanted): return forms.contains(wanted)
        case .regex(let pattern):
            guard let regex = try? Regex(".*(?:\(pattern)).*") else { return false }
            return forms.contains(where: regex.matches)
        }
    }
}
