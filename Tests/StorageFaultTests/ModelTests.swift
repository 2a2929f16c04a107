import Model
import Synchronization
import Testing

@testable import Storage

@Suite struct ModelTests {
    @Test("whatever is done to a store and wherever it crashes, it holds what a dictionary would")
    func randomRuns() async throws {
        let seed = Lane.seed
        print("model test: SEXTANT_SEED=\(seed)")
        for run in 0..<UInt64(Lane.count(24, soak: 10_000)) {
            var one = try ModelRun(seed: seed &+ run)
            try await one.run(stepCount: 120)
        }
        // A merge of two retentions once came to stand above what the same flush had written of other days.
        var known = try ModelRun(seed: 1_615_720_960_547_348)
        try await known.run(stepCount: 140)
    }
}

/// One run: random writes, reads, flushes, merges, expiry, restarts and crashes of one store.
private struct ModelRun {
    private static let start: Int64 = 1_767_225_600_000
    private static let hour: Int64 = 3_600_000

    private let seed: UInt64
    private var random: SeededGenerator
    private let clock = ModelClock(ModelRun.start + 10 * 24 * ModelRun.hour)
    private var folder: ScratchFolder
    private var files: MemoryFileSystem
    private var store: Store
    private var model: Samples = [:]
    private var metadata: [String: MetricMetadata] = [:]
    private var stepsSoFar: [String] = []

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        folder = try ScratchFolder()
        files = MemoryFileSystem(root: folder.path)
        store = try Workload.open(files, now: clock.now)
    }

    mutating func run(stepCount: Int) async throws {
        for step in 0..<stepCount {
            switch random.below(100) {
            case ..<50: try await append(step)
            case ..<58:
                note("clock")
                clock.advance(byMillis: Int64(random.below(8)) * ModelRun.hour)
            case ..<74: try compare("read")
            case ..<79:
                note("flush by itself")
                try store.flushByItself()
            case ..<84:
                note("flush")
                try await store.flush()
            case ..<89:
                note("compact")
                try await store.compact()
            case ..<90: try await delete()
            case ..<91:
                note("clean")
                try await store.cleanTombstones()
            case ..<93:
                note("expire")
                store.expireByItself()
            case ..<97: try restart(crashes: true)
            default: try restart(crashes: false)
            }
        }
        try restart(crashes: true)
        store.close()
    }

    // MARK: - Steps

    private mutating func append(_ step: Int) async throws {
        note("append")
        var batch = SampleBatch()
        let now = clock.millis
        for _ in 0...random.below(4) {
            let name = random.below(3) == 0 ? "s" : "m"
            let labels = Labels(["__name__": name, "i": "\(random.below(12))"])
            batch.beginSeries(packed: labels.packed)
            // Mostly lately, sometimes long ago.
            let first = now - Int64(random.below(random.below(4) == 0 ? 300 : 6)) * ModelRun.hour
            for sample in 0..<random.below(40) {
                let millis = min(now, first + Int64(sample) * 15_000 - Int64(random.below(3)) * 20_000)
                let value = random.below(20) == 0 ? StaleMarker.value : Double(random.below(50)) / 4
                batch.append(millis: millis, value: value)
                guard millis >= ModelRun.earliest(labels, now) else { continue }
                model[labels, default: [:]][millis] = value.bitPattern
            }
        }
        if random.below(5) == 0 {
            let item = MetricMetadata(name: "m\(random.below(3))", kind: .gauge, help: "Step \(step).")
            batch.metadata = [item]
            metadata[item.name] = item
        }
        _ = try await store.append(batch)
    }

    private mutating func delete() async throws {
        note("delete")
        let name = random.below(3) == 0 ? "s" : "m"
        var matchers = [Matcher("__name__", .equal, name)]
        if random.below(4) > 0 {
            matchers.append(Matcher("i", .regex, "\(random.below(12))|\(random.below(12))"))
        }
        var range = TimeRange.all
        if random.below(3) > 0 {
            let first = clock.millis - Int64(random.below(random.below(4) == 0 ? 300 : 6)) * ModelRun.hour
            let last = first + Int64(random.below(4 * 240)) * 15_000
            range = TimeRange(Timestamp(millis: first), Timestamp(millis: last))
        }
        let request = DeleteRequest(selections: [matchers], range: range)
        request.apply(to: &model)
        try await store.delete(request)
    }

    private mutating func restart(crashes: Bool) throws {
        note(crashes ? "crash" : "restart")
        var picture = StorePicture(disk: MemoryDisk(), catalog: CatalogPicture(of: folder.path))
        if crashes {
            // Nothing is under way while the picture is taken; what was not synced may be lost.
            store.maintenance.sync {
                store.compaction.sync {
                    store.log.settle()
                    picture = StorePicture(disk: files.disk, catalog: CatalogPicture(of: folder.path))
                }
            }
            picture = picture.crashed(seed: random.next(), blockByteCount: [512, 4096][random.below(2)])
            store.close()
        } else {
            store.close()
            picture = StorePicture(disk: files.disk, catalog: CatalogPicture(of: folder.path))
        }
        (folder, files) = try picture.restored()
        store = try Workload.open(files, now: clock.now)
        try compare("read after a \(crashes ? "crash" : "restart")")
    }

    private mutating func compare(_ name: String) throws {
        note(name)
        let now = clock.millis
        var expected: Samples = [:]
        for (labels, column) in model {
            let left = column.filter { $0.key >= ModelRun.earliest(labels, now) }
            if !left.isEmpty { expected[labels] = left }
        }
        let (found, warnings) = try Workload.readTelling(store)
        let isRight = found == expected && warnings.isEmpty
        #expect(isRight, "seed \(seed), \(stepsSoFar.count) steps: \(stepsSoFar.suffix(30)), \(warnings)")
        for (name, item) in metadata {
            #expect(store.metadata(of: name) == [item], "seed \(seed), \(stepsSoFar.count) steps")
        }
        // A part of it.
        let start = now - Int64(random.below(48)) * ModelRun.hour
        let range = TimeRange(Timestamp(millis: start), Timestamp(millis: start + 7 * ModelRun.hour))
        let series = "\(random.below(12))"
        let request = SelectRequest(matchers: [Matcher("i", .equal, series)], range: range)
        let set = try store.select(request, budget: .unlimited())
        for index in 0..<set.count {
            var column = SampleColumn()
            try set.read(index, into: &column)
            let bits = Dictionary(
                uniqueKeysWithValues: zip(column.timestamps, column.values.map(\.bitPattern))
            )
            let wanted = (expected[set.labels(at: index)] ?? [:]).filter {
                $0.key >= range.start.millis && $0.key <= range.end.millis
            }
            #expect(bits == wanted, "seed \(seed), \(stepsSoFar.count) steps, a part of series \(series)")
        }
    }

    private mutating func note(_ step: String) { stepsSoFar.append(step) }

    private static func earliest(_ labels: Labels, _ now: Int64) -> Int64 {
        labels.metricName == "s" ? now - Workload.shortMillis : .min
    }
}

/// A clock that goes when it is told to.
private final class ModelClock: Sendable {
    private let state: Mutex<Int64>
    /// What it shows, in milliseconds.
    var millis: Int64 { state.withLock { $0 } }
    /// Reads it.
    var now: @Sendable () -> Timestamp {
        { Timestamp(millis: self.millis) }
    }

    init(_ millis: Int64) { state = Mutex(millis) }

    func advance(byMillis step: Int64) { state.withLock { $0 += step } }
}
