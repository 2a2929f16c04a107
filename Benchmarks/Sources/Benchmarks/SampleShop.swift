import Foundation
import KPI
import Logging
import Model
import Storage
import Synchronization
import Telemetry

/// A store with 2,000 counters over 400 days, and KPIs over them.
final class SampleShop {
    /// The metrics; each has `seriesPerMetric` series.
    static let metricCount = 50
    static let seriesPerMetric = 40
    static let dayCount = 400
    /// A sample this often where nothing else is said, in milliseconds.
    static let stepMillis: Int64 = 1_800_000
    /// The first sample: midnight in UTC.
    static let start: Int64 = 1_735_689_600_000

    private(set) var store: Store
    private let folder: URL
    private let options: StoreOptions
    private let time: Clock
    private var count = 0

    /// A clock that goes on with the samples.
    final class Clock: Sendable {
        /// The time, in milliseconds.
        let millis = Mutex(SampleShop.start)
    }

    /// The time behind the newest sample.
    var now: Timestamp { Timestamp(millis: time.millis.withLock { $0 }) }
    /// How many samples are stored.
    var sampleCount: Int { count }

    /// A store in a folder of its own, filled and merged.
    ///
    /// - Parameters:
    ///   - stepMillis: How far apart samples are, in milliseconds; a part of a day.
    ///   - hasRollups: Whether samples are rolled up to days.
    /// - Throws: What the file system or the store says.
    init(stepMillis: Int64 = SampleShop.stepMillis, hasRollups: Bool = true) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("benchmark-\(getpid())")
        try? FileManager.default.removeItem(at: folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let clock = Clock()
        time = clock
        var options = StoreOptions { Timestamp(millis: clock.millis.withLock { $0 }) }
        options.durability = .os
        options.mergesInBackground = false
        if !hasRollups { options.retention = RetentionPolicy(defaultRawMillis: nil) }
        self.options = options
        store = try SampleShop.open(folder, options)
        for _ in 0..<SampleShop.dayCount {
            try await append(
                count: Int(86_400_000 / stepMillis),
                stepMillis: stepMillis
            )
        }
        try await store.flush()
        try await store.compact()
    }

    /// Closes the store and opens it again, so that all it knows is on disk.
    func reopen() throws {
        store.close()
        store = try SampleShop.open(folder, options)
    }

    private static func open(_ folder: URL, _ options: StoreOptions) throws -> Store {
        try Store(
            directory: folder.path,
            options: options,
            registry: Registry(),
            logger: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    deinit {
        store.close()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Appends so many samples to each counter.
    func append(count: Int, stepMillis: Int64) async throws {
        let first = now.millis
        var batch = SampleBatch()
        for metric in 0..<SampleShop.metricCount {
            for series in 0..<SampleShop.seriesPerMetric {
                let labels = Labels([
                    "__name__": "shop_events_\(metric)_total", "instance": "server-\(series):9100",
                    "job": "shop",
                ])
                batch.beginSeries(packed: labels.packed)
                for step in 0..<count {
                    let millis = first + Int64(step) * stepMillis
                    let seconds = (millis - SampleShop.start) / 1000
                    batch.append(millis: millis, value: Double(seconds / Int64(7 + series + metric)))
                }
            }
        }
        // What lies ahead of the clock would be refused.
        time.millis.withLock { $0 += Int64(count) * stepMillis }
        let outcome = try await store.append(batch)
        precondition(outcome.rejections.isEmpty, "BUG: \(outcome.rejections.summary)")
        self.count += batch.sampleCount
    }

    /// Definitions of so many KPIs, half of them ratios, over all metrics.
    static func definitions(kpiCount: Int) throws -> KPIDefinitions {
        var text = "kpi_version: 1\nmetrics:\n"
        for metric in 0..<metricCount {
            text += "  - {name: m\(metric), from: {counter: shop_events_\(metric)_total}}\n"
        }
        text += "kpis:\n"
        for kpi in 0..<kpiCount {
            let (one, other) = (kpi % metricCount, (kpi * 7 + 3) % metricCount)
            let period = ["day", "week", "month"][kpi % 3]
            text += "  - {name: k\(kpi), period: \(period), "
            text +=
                kpi % 2 == 0
                ? "type: simple, metric: m\(one)}\n"
                : "type: ratio, numerator: m\(one), denominator: m\(other), unit: percentage}\n"
        }
        return try KPIDefinitions.load([(path: "benchmark.kpi.yaml", text: text)])
    }
}
