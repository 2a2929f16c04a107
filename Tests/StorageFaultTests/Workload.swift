import Foundation
import Logging
import Model
import Synchronization
import Telemetry

@testable import Storage

/// What the fault tests run: writes and deletes of several writers at once, flushes, merges, expiry,
/// snapshots and new log files.
final class Workload: Sendable {
    /// What a writer asks for.
    enum Step: Sendable {
        case write(SampleBatch)
        case delete(DeleteRequest)
    }

    /// How far one writer is.
    struct Writer: Sendable {
        /// What it has asked for.
        var sent: [Step] = []
        /// The numbers of what was acknowledged.
        var acknowledged: Set<Int> = []
    }

    /// How far everything is.
    struct Marks: Sendable {
        /// The writers; no two write the same series.
        var writers: [Writer]
        /// The store's clock.
        var now: Timestamp
    }

    /// How long the samples of the metric `s` are kept.
    static let shortMillis: Int64 = 11 * 86_400_000
    private static let hour: Int64 = 3_600_000
    private static let start: Int64 = 1_767_225_600_000

    private let progress: Mutex<Marks>

    /// A workload of so many writers; with one, everything happens in a fixed order.
    init(writerCount: Int = 1) {
        progress = Mutex(
            Marks(
                writers: Array(repeating: Writer(), count: writerCount),
                now: Timestamp(millis: Workload.start + 10 * 24 * Workload.hour)
            )
        )
    }

    /// A batch that is in the log only if it comes after `run`.
    static let lastBatch = batch(0, 1000)

    /// How far it is.
    var marks: Marks { progress.withLock { $0 } }

    /// Opens a store on `files` that goes by the clock `now`.
    static func open(
        _ files: MemoryFileSystem,
        now: @escaping @Sendable () -> Timestamp,
        _ change: (inout StoreOptions) -> Void = { _ in }
    ) throws -> Store {
        var options = StoreOptions(now: now)
        options.fileSystem = files
        options.logFileBytes = 1200
        options.mergesInBackground = false
        options.retryMillis = 0
        options.flushDelayMillis = .max / 4
        options.retention = RetentionPolicy(
            defaultRawMillis: nil,
            rules: [.init(matchers: [Matcher("__name__", .equal, "s")], rawMillis: shortMillis)]
        )
        change(&options)
        var logger = Logger(label: "fault-test")
        logger.logLevel = .critical
        return try Store(directory: files.root, options: options, registry: Registry(), logger: logger)
    }

    /// Opens a store that goes by the clock of this workload.
    func open(_ files: MemoryFileSystem) throws -> Store {
        try Workload.open(files, now: { self.marks.now })
    }

    /// Everything in the store.
    static func read(_ store: Store) throws -> Samples { try readTelling(store).samples }

    /// Everything in the store, and what a reader is warned of.
    static func readTelling(_ store: Store) throws -> (samples: Samples, warnings: [String]) {
        let set = try store.select(SelectRequest(matchers: [], range: .all), budget: .unlimited())
        var found: Samples = [:]
        for index in 0..<set.count {
            var column = SampleColumn()
            try set.read(index, into: &column)
            let bits = column.timestamps.indices.map { position in
                (
                    column.timestamps[position],
                    Workload.bits(column.values[position], column.histograms[position])
                )
            }
            if !column.timestamps.isEmpty {
                found[set.labels(at: index)] = Dictionary(bits) { $1 }
            }
        }
        return (found, set.warnings)
    }

    /// Runs everything; writes, flushes and merges that are refused are passed over.
    func run(_ store: Store) async {
        let writerCount = marks.writers.count
        for round in 0..<4 {
            if writerCount == 1 {
                await write(store, 0, round)
                await maintain(store, round)
                continue
            }
            await withTaskGroup(of: Void.self) { group in
                for writer in 0..<writerCount { group.addTask { await self.write(store, writer, round) } }
                group.addTask { await self.maintain(store, round) }
            }
        }
        progress.withLock { $0.now = Timestamp(millis: Workload.start + (11 * 24 + 10) * Workload.hour) }
        store.expireByItself()
    }

    /// The samples of a writer after its first `sentCount` steps, without those that have expired.
    static func samples(
        of writer: Writer,
        sentCount: Int,
        now: Timestamp
    ) -> Samples {
        var found: Samples = [:]
        for step in writer.sent.prefix(sentCount) {
            guard case .write(let batch) = step else {
                if case .delete(let request) = step { request.apply(to: &found) }
                continue
            }
            for (position, series) in batch.series.enumerated() {
                let labels = batch.labels(at: position)
                let earliest = labels.metricName == "s" ? now.millis - shortMillis : .min
                for index in series.samples where batch.timestamps[index] >= earliest {
                    found[labels, default: [:]][batch.timestamps[index]] = Workload.bits(
                        batch.values[index],
                        batch.histograms[index]
                    )
                }
            }
        }
        return found
    }

    /// The metadata of a writer's metric after its first `sentCount` batches.
    static func metadata(of writer: Writer, sentCount: Int) -> MetricMetadata? {
        writer.sent.prefix(sentCount).compactMap { step in
            if case .write(let batch) = step { batch.metadata.first } else { nil }
        }.last
    }

    // MARK: - Private

    private func write(_ store: Store, _ writer: Int, _ round: Int) async {
        let count = marks.writers.count == 1 ? 15 : 6
        for step in round * count..<(round + 1) * count {
            let batch = Workload.batch(writer, step)
            await perform(.write(batch), writer) { _ = try await store.append(batch) }
            // Each delete makes a segment more, and so every state of the crash tests dearer.
            guard step % (marks.writers.count == 1 ? 20 : 12) == 9 else { continue }
            let request = Workload.request(writer, step)
            await perform(.delete(request), writer) { try await store.delete(request) }
        }
    }

    private func perform(_ step: Step, _ writer: Int, _ body: () async throws -> Void) async {
        let number = progress.withLock { progress in
            progress.writers[writer].sent.append(step)
            return progress.writers[writer].sent.count - 1
        }
        do {
            try await body()
            progress.withLock { _ = $0.writers[writer].acknowledged.insert(number) }
        } catch {}
    }

    /// A delete of samples of one writer: of one series or of all, of all times or of some.
    private static func request(_ writer: Int, _ step: Int) -> DeleteRequest {
        var random = SeededGenerator(seed: UInt64(7_000_000 + writer * 1000 + step))
        var matchers = [Matcher("writer", .equal, "\(writer)")]
        if random.below(3) > 0 { matchers.append(Matcher("i", .regex, "\(random.below(3))|4")) }
        var range = TimeRange.all
        if random.below(2) == 0 {
            let from = start + Int64(random.below(200)) * 15_000
            range = TimeRange(
                Timestamp(millis: from),
                Timestamp(millis: from + Int64(random.below(200)) * 15_000)
            )
        }
        return DeleteRequest(selections: [matchers], range: range)
    }

    private func maintain(_ store: Store, _ round: Int) async {
        do {
            // A flush by itself lets the log overwrite an old file, one that was asked for does not.
            if round % 2 == 0 { try store.flushByItself() } else { try await store.flush() }
        } catch {}
        if round % 2 == 1 {
            do { try await store.compact() } catch {}
            do { try await store.cleanTombstones() } catch {}
        } else if round == 2 {
            do { _ = try await store.snapshot("\(round)") } catch {}
        }
    }

    /// A histogram that differs from all others.
    private static func histogram(_ step: Int, _ number: Int) -> NativeHistogram {
        var histogram = NativeHistogram(count: Double(number), sum: Double(step) / 64)
        for index in 0..<Int32(number % 7) {
            histogram.positive.append(index: index, count: Double(step * number))
        }
        return histogram
    }

    /// What tells a sample from others of its time.
    static func bits(_ value: Double, _ histogram: NativeHistogram?) -> UInt64 {
        guard let histogram else { return value.bitPattern }
        let numbers = [histogram.count, histogram.sum] + histogram.positive.counts
        return numbers.reduce(1) { $0 &* 31 &+ $1.bitPattern }
    }

    /// Batch number `step` of a writer: several series, times in any order, odd values.
    private static func batch(_ writer: Int, _ step: Int) -> SampleBatch {
        var random = SeededGenerator(seed: UInt64(writer * 1000 + step))
        var batch = SampleBatch()
        for series in 0..<3 {
            let name = series == 2 ? "s" : "m"
            let number = random.below(series == 2 ? 2 : 5)
            let labels = Labels(["__name__": name, "i": "\(number)", "writer": "\(writer)"])
            // Those of `s` with the number 0 are the first to expire.
            let first = start + (series == 2 && number == 1 ? 20 * hour : 0)
            batch.beginSeries(packed: labels.packed)
            for _ in 0..<6 {
                let value =
                    random.below(8) == 0 ? StaleMarker.value : Double(random.below(1000)) + Double(step) / 64
                let millis = first + Int64(random.below(300)) * 15_000
                if random.below(10) == 0 {
                    batch.append(millis: millis, histogram: histogram(step, random.below(1000)))
                } else {
                    batch.append(millis: millis, value: value)
                }
            }
        }
        if step % 5 == 0 {
            batch.metadata = [MetricMetadata(name: "m\(writer)", kind: .gauge, help: "Step \(step).")]
        }
        return batch
    }
}

extension DeleteRequest {
    /// Removes what it deletes.
    func apply(to samples: inout Samples) {
        for labels in samples.keys {
            let isMeant = selections.contains { matchers in
                matchers.allSatisfy { matcher in
                    let value = labels[matcher.name] ?? ""
                    switch matcher.kind {
                    case .equal: return value == matcher.value
                    // The tests know only lists of words.
                    case .regex: return matcher.value.split(separator: "|").contains(value[...])
                    case .notEqual, .notRegex: preconditionFailure("no such delete")
                    }
                }
            }
            guard isMeant, var column = samples[labels] else { continue }
            column = column.filter { !range.contains(Timestamp(millis: $0.key)) }
            samples[labels] = column.isEmpty ? nil : column
        }
    }
}

extension Store {
    /// Flushes everything as the store does it by itself when its time has come.
    func flushByItself() throws {
        try maintenance.sync {
            try flush(keepSpare: true)
        }
    }

    /// Deletes what has expired.
    func expireByItself() {
        compaction.sync { expire() }
    }
}
