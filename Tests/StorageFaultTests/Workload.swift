import Foundation
import Logging
import Model
import Synchronization
import Telemetry

@testable import Storage

/// The samples of a store: bit patterns by series and time.
typealias Samples = [Labels: [Int64: UInt64]]

/// A folder in memory if the machine has one; removed with its last reference.
final class ScratchFolder: Sendable {
    let path: String

    init() throws {
        let memory = "/dev/shm"
        let hasMemory = FileManager.default.isWritableFile(atPath: memory)
        path = "\(hasMemory ? memory : NSTemporaryDirectory())/sextant-faults-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch {}
    }
}

/// The catalog's files, as they are at one moment.
struct CatalogPicture: Sendable {
    private var files: [String: Data] = [:]

    /// The catalog in `directory`.
    init(of directory: String) {
        for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
            files[name] = FileManager.default.contents(atPath: "\(directory)/\(name)")
        }
    }

    /// Puts the files into another directory.
    func restore(to directory: String) throws {
        for (name, bytes) in files { try bytes.write(to: URL(fileURLWithPath: "\(directory)/\(name)")) }
    }
}

/// The fixed sequence of writes, flushes, merges and log rolls that the fault tests run.
final class Workload: Sendable {
    private struct Progress {
        var sent: [SampleBatch] = []
        var acknowledged: Set<Int> = []
    }

    private static let start: Int64 = 1_767_225_600_000
    private let progress = Mutex(Progress())

    /// How many batches were sent, and which of them were acknowledged.
    var marks: (sentCount: Int, acknowledged: Set<Int>) {
        progress.withLock { ($0.sent.count, $0.acknowledged) }
    }

    /// Opens a store on `files`.
    static func open(_ files: MemoryFileSystem) throws -> Store {
        var options = StoreOptions(now: { Timestamp(millis: start + 10 * 86_400_000) })
        options.fileSystem = files
        options.logFileBytes = 1200
        options.mergesInBackground = false
        options.retryMillis = 0
        options.flushDelayMillis = .max / 4
        var logger = Logger(label: "fault-test")
        logger.logLevel = .critical
        return try Store(directory: files.root, options: options, registry: Registry(), logger: logger)
    }

    /// Everything in the store.
    static func read(_ store: Store) throws -> Samples {
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
                found[set.labels(at: index)] = Dictionary(uniqueKeysWithValues: bits)
            }
        }
        return found
    }

    /// Runs everything; writes, flushes and merges that are refused are passed over.
    func run(_ store: Store) async {
        for step in 0..<60 {
            let batch = Workload.batch(step)
            let number = progress.withLock { progress in
                progress.sent.append(batch)
                return progress.sent.count - 1
            }
            do {
                _ = try await store.append(batch)
                progress.withLock { _ = $0.acknowledged.insert(number) }
            } catch {}
            do {
                // A flush by itself lets the log overwrite an old file, one that was asked for does not.
                if step % 30 == 14 { try store.flushByItself() }
                if step % 30 == 29 { try await store.flush() }
            } catch {}
            if step % 30 == 29 { do { try await store.compact() } catch {} }
        }
    }

    /// The samples after those of the first `sentCount` batches that `isStored` picks.
    func samples(sentCount: Int, where isStored: (Int) -> Bool) -> Samples {
        var found: Samples = [:]
        let sent = progress.withLock { $0.sent }
        for number in 0..<min(sentCount, sent.count) where isStored(number) {
            let batch = sent[number]
            for (position, series) in batch.series.enumerated() {
                let labels = batch.labels(at: position)
                for index in series.samples {
                    found[labels, default: [:]][batch.timestamps[index]] = Workload.bits(
                        batch.values[index],
                        batch.histograms[index]
                    )
                }
            }
        }
        return found
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
    private static func bits(_ value: Double, _ histogram: NativeHistogram?) -> UInt64 {
        guard let histogram else { return value.bitPattern }
        let numbers = [histogram.count, histogram.sum] + histogram.positive.counts
        return numbers.reduce(1) { $0 &* 31 &+ $1.bitPattern }
    }

    /// Batch number `step`: several series, times that go back, times written before, odd values.
    static func batch(_ step: Int) -> SampleBatch {
        var random = SeededGenerator(seed: UInt64(step))
        var batch = SampleBatch()
        for _ in 0..<3 {
            let labels = Labels(["__name__": "m", "i": "\(random.below(5))"])
            batch.beginSeries(packed: labels.packed)
            for _ in 0..<6 {
                let millis = start + Int64(random.below(300)) * 15_000
                if random.below(6) == 0 {
                    batch.append(millis: millis, histogram: histogram(step, random.below(1000)))
                    continue
                }
                let value =
                    random.below(8) == 0 ? StaleMarker.value : Double(random.below(1000)) + Double(step) / 64
                batch.append(millis: millis, value: value)
            }
        }
        if step % 20 == 0 {
            batch.metadata = [MetricMetadata(name: "m", kind: .gauge, help: "Step \(step).")]
        }
        return batch
    }
}

extension Store {
    /// Flushes everything as the store does it by itself when its time has come.
    fileprivate func flushByItself() throws {
        try maintenance.sync {
            try flush(keepSpare: true)
        }
    }
}
