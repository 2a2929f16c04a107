import Matching
import Model

extension Store: SampleSink {
    /// The content of a log record is ended from this size on, in bytes.
    private static let recordByteCount = 8 << 20
    /// The earliest time a sample may have, in milliseconds: the start of the year 1.
    package static let earliestMillis: Int64 = -62_135_596_800_000

    package func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        let (outcome, commits) = try state.withLock { state throws(SinkError) in
            try write(batch, to: &state)
        }
        return StagedWrite(outcome) { () throws(SinkError) in
            for commit in commits { try await commit.wait() }
        }
    }

    /// One write on its way: what it is checked against, and what became of it so far.
    private struct Write {
        let batch: SampleBatch
        let spelling: any LabelSpelling
        let isRemembered: Bool
        let limits: Limits
        let now: Timestamp
        let latestMillis: Int64
        let epoch: UInt64
        var outcome = AppendOutcome()
        var commits: [LogCommit] = []
        var overwrittenCount = 0
        var outOfOrderCount = 0
        var newCount = 0
        /// The time of the oldest sample that was stored, in milliseconds.
        var firstMillis = Int64.max
    }

    private func write(
        _ batch: SampleBatch,
        to state: inout State
    ) throws(SinkError) -> (AppendOutcome, [LogCommit]) {
        if state.isClosed { throw .unavailable("the store is closed") }
        let now = options.now()
        let limits = options.limits.current
        var write = Write(
            batch: batch,
            spelling: batch.spelling,
            isRemembered: state.head.remembers(batch.spelling),
            limits: limits,
            now: now,
            latestMillis: now.advanced(byMillis: Int64(limits.future)).millis,
            epoch: try log.beginWrite()
        )
        state.head.beginWrite(epoch: write.epoch)
        state.record.removeAll()
        try unsafe batch.labelBytes.withUnsafeBytes { labels in
            Result { () throws(SinkError) in try unsafe put(&write, labels, &state) }
        }.get()
        if write.firstMillis != .max { state.changes.note(since: Timestamp(millis: write.firstMillis)) }
        if !state.record.isEmpty { write.commits.append(try log(state.record, write.epoch, &state)) }
        try note(batch.metadata, write.epoch, &state, &write.commits)
        telemetry.samplesAppended.add(write.outcome.storedSampleCount)
        telemetry.samplesRejected.add(write.outcome.rejections.count)
        if write.overwrittenCount > 0 { telemetry.samplesOverwritten.add(write.overwrittenCount) }
        if write.outOfOrderCount > 0 { telemetry.samplesOutOfOrder.add(write.outOfOrderCount) }
        if write.newCount > 0 { telemetry.seriesCreated.add(write.newCount) }
        return (write.outcome, write.commits)
    }

    /// Puts all series of the write, whose labels lie in `labels`, into the head and into records.
    private func put(
        _ write: inout Write,
        _ labels: UnsafeRawBufferPointer,
        _ state: inout State
    ) throws(SinkError) {
        let head = state.head
        for (position, series) in write.batch.series.enumerated() {
            let spelled = unsafe UnsafeRawBufferPointer(rebasing: labels[series.labels])
            let known = unsafe head.follower(spelled, write.spelling, isRemembered: write.isRemembered)
            if let known {
                put(&write, known, series.samples, &state)
            } else {
                unsafe putUnguessed(&write, position, spelled, &state)
            }
            if state.record.byteCount >= Store.recordByteCount {
                write.commits.append(try log(state.record, write.epoch, &state))
            }
        }
    }

    /// Puts the samples of a known series into the head and into the record.
    @inline(__always)
    private func put(_ write: inout Write, _ series: UInt32, _ samples: Range<Int>, _ state: inout State) {
        let head = state.head
        let record = state.record
        let hasHistograms = !write.batch.histograms.isEmpty
        let earliestMillis = Store.earliest(write.now, head.retentionMillis(series))
        for sample in samples {
            let millis = write.batch.timestamps[sample]
            guard millis >= earliestMillis, millis <= write.latestMillis else {
                refuse(&write, head.labels(series), millis)
                continue
            }
            let bits = write.batch.values[sample].bitPattern
            head.define(series, in: record)
            let placement: Head.Placement
            if hasHistograms, let histogram = write.batch.histograms[sample] {
                record.append(series, millis: millis, histogram: histogram)
                placement = head.append(series, millis: millis, histogram: histogram)
            } else {
                record.append(series, millis: millis, bits: bits)
                placement = head.append(series, millis: millis, bits: head.storable(bits))
            }
            switch placement {
            case .atEnd: break
            case .overwritesLast: write.overwrittenCount &+= 1
            case .outOfOrder: write.outOfOrderCount &+= 1
            }
            write.outcome.storedSampleCount &+= 1
            write.firstMillis = min(write.firstMillis, millis)
        }
    }

    /// Puts the series at `position`, which did not come after the one before it the last time.
    private func putUnguessed(
        _ write: inout Write,
        _ position: Int,
        _ spelled: UnsafeRawBufferPointer,
        _ state: inout State
    ) {
        let samples = write.batch.series[position].samples
        let labels: Labels
        do throws(LabelRefusal) {
            labels = try write.batch.checkedLabels(at: position)
        } catch {
            write.outcome.rejections.add(sampleCount: samples.count, error.text)
            return
        }
        if let known = state.head.find(labels) {
            put(&write, known, samples, &state)
            if write.isRemembered { unsafe state.head.noteSpelling(spelled, of: known) }
            return
        }
        if let fault = SeriesRules.fault(labels, write.limits) {
            write.outcome.rejections.add(sampleCount: samples.count, "series \(labels): \(fault)")
            return
        }
        let retentionMillis = state.retention.rawMillis(of: labels)
        let earliestMillis = Store.earliest(write.now, retentionMillis)
        let isWorthASeries = samples.contains {
            write.batch.timestamps[$0] >= earliestMillis && write.batch.timestamps[$0] <= write.latestMillis
        }
        guard isWorthASeries else {
            for sample in samples { refuse(&write, labels, write.batch.timestamps[sample]) }
            return
        }
        if !state.head.isKnown(labels) {
            if let limit = state.limitOnNewSeries(labels, write.limits, write.now) {
                write.outcome.rejections.add(
                    limitedSampleCount: samples.count,
                    "series \(labels): a new series would exceed the limit \(limit)"
                )
                return
            }
            state.newSeries.count += 1
            write.newCount += 1
        }
        let series = state.head.add(labels, retentionMillis: retentionMillis)
        put(&write, series, samples, &state)
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
        guard let retentionMillis else { return Store.earliestMillis }
        return max(Store.earliestMillis, now.advanced(byMillis: -retentionMillis).millis)
    }

    private func refuse(_ write: inout Write, _ labels: Labels, _ millis: Int64) {
        let limits = write.limits
        let reason =
            if millis > write.latestMillis {
                "the timestamp is too far in the future (limit future: "
                    + DurationText.format(millis: Int64(limits.future)) + ")"
            } else if millis < Store.earliestMillis {
                "the timestamp is before the year 1"
            } else {
                "the sample is older than its retention"
            }
        write.outcome.rejections.add("series \(labels), timestamp \(millis): \(reason)")
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
