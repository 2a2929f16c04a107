import Matching
import Model

extension Store: SampleSink {
    /// The content of a log record is ended from this size on, in bytes.
    private static let recordByteCount = 8 << 20

    package func append(_ batch: SampleBatch) async throws(SinkError) -> AppendOutcome {
        let (outcome, commits) = try state.withLock { state throws(SinkError) in
            try write(batch, to: &state)
        }
        for commit in commits { try await commit.wait() }
        return outcome
    }

    private func write(
        _ batch: SampleBatch,
        to state: inout State
    ) throws(SinkError) -> (AppendOutcome, [LogCommit]) {
        if state.isClosed { throw .unavailable("the store is closed") }
        let now = options.now()
        let limits = options.limits.current
        let latestMillis = now.advanced(byMillis: Int64(limits.future)).millis
        let epoch = try log.beginWrite()
        var outcome = AppendOutcome()
        var commits: [LogCommit] = []
        let record = state.record
        record.removeAll()
        var previous: Int?
        let spelling = batch.spelling
        for (position, series) in batch.series.enumerated() {
            var found = state.table.guess(batch, position, spelling, after: previous)
            var earliestMillis = Window.earliestMillis
            var unknown = Labels.empty
            if found == nil {
                do throws(LabelRefusal) {
                    unknown = try batch.checkedLabels(at: position)
                } catch {
                    outcome.rejections.add(sampleCount: series.samples.count, error.text)
                    continue
                }
                found = state.table.find(unknown, after: previous)
            }
            if let found {
                earliestMillis = Store.earliest(now, state.table[found].retentionMillis)
            } else {
                let labels = unknown
                if let fault = SeriesRules.fault(labels, limits) {
                    outcome.rejections.add(sampleCount: series.samples.count, "series \(labels): \(fault)")
                    continue
                }
                let retention = state.retention.rawMillis(of: labels)
                earliestMillis = Store.earliest(now, retention)
                let isWorthASeries = series.samples.contains {
                    batch.timestamps[$0] >= earliestMillis && batch.timestamps[$0] <= latestMillis
                }
                if isWorthASeries {
                    if let limit = state.limitOnNewSeries(labels, limits, now) {
                        outcome.rejections.add(
                            limitedSampleCount: series.samples.count,
                            "series \(labels): a new series would exceed the limit \(limit)"
                        )
                        continue
                    }
                    found = addSeries(labels, retention, to: &state)
                }
            }
            let id = found.map { state.table[$0].id }
            // The samples to store that follow each other.
            var runStart = series.samples.lowerBound
            for sample in series.samples {
                let millis = batch.timestamps[sample]
                guard millis >= earliestMillis, millis <= latestMillis, let id, let found else {
                    let labels = found.map { state.table[$0].labels } ?? unknown
                    outcome.rejections.add(Store.refusal(labels, millis, latestMillis, limits))
                    if let id { put(id, batch, runStart..<sample, epoch, now, &state) }
                    runStart = sample + 1
                    continue
                }
                if state.table[found].definedInLog != epoch {
                    let number = UInt32(truncatingIfNeeded: id.rawValue)
                    unsafe state.table[found].labels.packed.withUnsafeBytes {
                        unsafe record.define(number, packed: $0)
                    }
                    state.table[found].definedInLog = epoch
                }
                record.append(
                    UInt32(truncatingIfNeeded: id.rawValue),
                    millis: millis,
                    bits: batch.values[sample].bitPattern
                )
                outcome.storedSampleCount += 1
            }
            if let id { put(id, batch, runStart..<series.samples.upperBound, epoch, now, &state) }
            previous = found ?? previous
            if record.byteCount >= Store.recordByteCount { commits.append(try log(record, epoch, &state)) }
        }
        if !record.isEmpty { commits.append(try log(record, epoch, &state)) }
        try note(batch.metadata, epoch, &state, &commits)
        telemetry.samplesAppended.add(outcome.storedSampleCount)
        telemetry.samplesRejected.add(outcome.rejections.count)
        return (outcome, commits)
    }

    private func put(
        _ id: SeriesID,
        _ batch: SampleBatch,
        _ run: Range<Int>,
        _ epoch: UInt64,
        _ now: Timestamp,
        _ state: inout State
    ) {
        guard !run.isEmpty else { return }
        state.put(id, batch.timestamps[run], batch.values[run], log: epoch, now: now, telemetry)
    }

    private func log(
        _ record: LogRecordBuilder,
        _ epoch: UInt64,
        _ state: inout State
    ) throws(SinkError) -> LogCommit {
        state.counters.lastSequence += 1
        return try log(record.finish(sequence: state.counters.lastSequence), epoch)
    }

    private func log(_ content: LogContent, _ epoch: UInt64) throws(SinkError) -> LogCommit {
        guard let commit = log.append(content, epoch: epoch) else {
            throw .unavailable("the write-ahead log could not be written; try again")
        }
        return commit
    }

    private func addSeries(_ labels: Labels, _ retentionMillis: Int64?, to state: inout State) -> Int {
        state.counters.lastSeries += 1
        let id = SeriesID(state.counters.lastSeries)
        telemetry.seriesCreated.add()
        state.newSeries.count += 1
        state.index.add(id, labels)
        return state.table.add(id, labels, retentionMillis: retentionMillis)
    }

    private func note(
        _ metadata: [MetricMetadata],
        _ epoch: UInt64,
        _ state: inout State,
        _ commits: inout [LogCommit]
    ) throws(SinkError) {
        let news = metadata.filter { state.metadata[ByteText($0.name)] != $0 }
        guard !news.isEmpty else { return }
        for item in news {
            state.metadata[ByteText(item.name)] = item
            state.unsavedMetadata.insert(ByteText(item.name))
        }
        commits.append(try log(LogRecord.encode(news), epoch))
    }

    /// The time before which samples have expired, in milliseconds.
    static func earliest(_ now: Timestamp, _ retentionMillis: Int64?) -> Int64 {
        guard let retentionMillis else { return Window.earliestMillis }
        return max(Window.earliestMillis, now.advanced(byMillis: -retentionMillis).millis)
    }

    private static func refusal(
        _ labels: Labels,
        _ millis: Int64,
        _ latestMillis: Int64,
        _ limits: Limits
    ) -> String {
        let reason =
            if millis > latestMillis {
                "the timestamp is too far in the future (limit future: "
                    + DurationText.format(millis: Int64(limits.future)) + ")"
            } else if millis < Window.earliestMillis {
                "the timestamp is before the year 1"
            } else {
                "the sample is older than its retention"
            }
        return "series \(labels), timestamp \(millis): \(reason)"
    }
}

extension Store.State {
    /// Puts samples of a series into their windows.
    mutating func put(
        _ id: SeriesID,
        _ timestamps: ArraySlice<Int64>,
        _ values: ArraySlice<Double>,
        log: UInt64,
        now: Timestamp,
        _ telemetry: StorageTelemetry
    ) {
        var rest = timestamps
        while let first = rest.first {
            let start = Window.start(of: first)
            let taken = windows[start, default: HeadWindow(start: start, firstLog: log, now: now)]
                .append(id, rest, values, now: now)
            if taken.overwrittenCount > 0 { telemetry.samplesOverwritten.add(taken.overwrittenCount) }
            if taken.outOfOrderCount > 0 { telemetry.samplesOutOfOrder.add(taken.outOfOrderCount) }
            rest = rest.dropFirst(max(1, taken.count))
        }
    }
}

/// What a label set must be to become a series.
enum SeriesRules {
    /// What is wrong with the label set, or nil.
    static func fault(_ labels: Labels, _ limits: Limits) -> String? {
        guard let name = labels.metricName, !name.isEmpty else {
            return "it has no metric name (label __name__)"
        }
        var count = 0
        var position = 0
        while let (name, value) = labels.next(at: &position) {
            count += 1
            if name.count > limits.labelNameBytes {
                return "a label name of \(name.count) bytes is longer than the limit label_name_bytes "
                    + "(\(limits.labelNameBytes))"
            }
            if value.count > limits.labelValueBytes {
                return "a label value of \(value.count) bytes is longer than the limit label_value_bytes "
                    + "(\(limits.labelValueBytes))"
            }
        }
        if count > limits.labelsPerSeries {
            return "\(count) labels are more than the limit labels_per_series (\(limits.labelsPerSeries))"
        }
        return nil
    }
}
