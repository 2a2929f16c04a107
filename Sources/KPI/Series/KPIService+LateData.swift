import Model

/// The late samples of one metric in one write.
private struct LateRun {
    var times: [Int64] = []
    var newest = Int64.min
}

/// The late samples of one metric, by write.
private struct LateCourse {
    var metric: MetricDefinition
    /// With the number of the write that each came with, rising.
    var runs: [(write: Int, run: LateRun)] = []
}

extension KPIService {
    /// How long the watermarks of all metrics with late samples may take to read, in milliseconds.
    private static let timeLimitMillis: Int64 = 5000

    /// Notes a write that has samples before `limit`.
    func noteLate(_ batch: SampleBatch, before limit: Int64) {
        guard !lateMetrics.isEmpty else { return }
        if !lateBatches.add(LateBatches.Entry(batch: batch, limit: limit)) { settleLateData() }
    }

    /// Deletes samples of `range` by `delete`; kept values that they were part of are doubted first, and what
    /// is remembered of these times and later ones goes.
    ///
    /// - Throws: What `delete` throws, or why nothing may be deleted.
    package func deleting(in range: TimeRange, _ delete: () async throws -> Void) async throws {
        guard let kept else {
            defer { noteDelete(in: range) }
            return try await delete()
        }
        let change = try kept.begin(deleteIn: range)
        do {
            try await change.waitUntilDurable()
            try await delete()
        } catch {
            // A part may be deleted nevertheless.
            noteDelete(in: range)
            try kept.end(deleteOf: change)
            throw error
        }
        noteDelete(in: range)
        try kept.end(deleteOf: change)
    }

    /// Notes that samples of `range` were deleted: what is remembered of these times and later ones goes.
    package func noteDelete(in range: TimeRange) {
        guard range.start <= range.end else { return }
        // One before the start, so that a metric whose oldest sample was there is looked at again.
        source.noteWrite(oldest: range.start.advanced(byMillis: -1).millis)
    }

    /// Finds out which periods late samples concern that have been written since the last call.
    ///
    /// A sample is late if its metric had a newer one before. What is read of KPIs calls this first; the
    /// daemon does so, too, once in a while.
    package func settleLateData() {
        settledWatermarks.withLock { watermarks in
            let entries = lateBatches.take()
            guard !entries.isEmpty else { return }
            let metrics = lateMetrics
            let budget = QueryBudget(timeLimitMillis: KPIService.timeLimitMillis)
            for course in KPIService.courses(of: entries, metrics) {
                let key = ByteText(course.metric.name)
                let selectors = course.metric.source.selectors
                // Without an answer nothing is known to be late.
                let extent = try? source.extent(of: selectors, now: now.millis, budget: budget)
                let newest = extent?.newest ?? .min
                let noted = course.runs.map(\.run.newest).max() ?? .min
                // What is newer than all of these samples came in time, and before them.
                var watermark = newest > noted ? newest : watermarks[key] ?? .min
                var isFinal = Set<String>()
                for (_, run) in course.runs {
                    note(run, of: course.metric, watermark, metrics, &isFinal)
                    watermark = max(watermark, run.newest)
                }
                for kpi in isFinal { revisions.count(kpi) }
                watermarks[key] = max(watermark, newest)
            }
        }
    }

    /// Notes the samples of one write before the watermark, and which KPIs had final periods there.
    private func note(
        _ run: LateRun,
        of metric: MetricDefinition,
        _ watermark: Int64,
        _ metrics: LateMetrics,
        _ changed: inout Set<String>
    ) {
        let grain = ExpressionBuckets.bucketMillis
        let buckets = Set(run.times.filter { $0 < watermark }.map { $0.floored(by: grain) * grain })
        guard !buckets.isEmpty else { return }
        revisions.note(metric.name, buckets: buckets, watermark: watermark)
        for kpi in metrics.kpis(of: metric.name) where !changed.contains(kpi.name) {
            let isFinal = buckets.contains { bucket in
                let end = kpi.calendar.bucket(kpi.defaultPeriod, containing: bucket).end
                return end + kpi.latenessMillis <= watermark
            }
            if isFinal { changed.insert(kpi.name) }
        }
    }

    /// The late samples by metric, in the order of writing.
    private static func courses(of entries: [LateBatches.Entry], _ metrics: LateMetrics) -> [LateCourse] {
        var courses: [ByteText: LateCourse] = [:]
        for (write, entry) in entries.enumerated() {
            for (index, series) in entry.batch.series.enumerated() {
                let times = entry.batch.timestamps[series.samples]
                guard times.contains(where: { $0 < entry.limit }) else { continue }
                // Labels that cannot be were refused.
                guard let labels = try? entry.batch.checkedLabels(at: index) else { continue }
                for metric in metrics.of(labels) {
                    let key = ByteText(metric.name)
                    var course = courses.removeValue(forKey: key) ?? LateCourse(metric: metric)
                    if course.runs.last?.write != write { course.runs.append((write, LateRun())) }
                    let last = course.runs.count - 1
                    course.runs[last].run.times += times
                    course.runs[last].run.newest = max(course.runs[last].run.newest, times.max() ?? .min)
                    courses[key] = course
                }
            }
        }
        return courses.sorted { $0.key < $1.key }.map(\.value)
    }
}
