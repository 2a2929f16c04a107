import Foundation
import Model
import Testing

@testable import Storage

private let hour: Int64 = 3_600_000
private let day: Int64 = 24 * 3_600_000
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

@Suite struct StoreTests {
    @Test(
        "Whatever is written, flushed and restarted in any order, reads give the last write",
        arguments: 0..<12
    )
    func model(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let clock = TestClock(start + 30 * day)
        var folder = try TemporaryFolder()
        var store = try Store.open(folder, clock) { $0.logFileBytes = 4000 }
        var model: [Labels: [Int64: UInt64]] = [:]
        let specials: [Double] = [
            .nan, StaleMarker.value, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude,
        ]
        for step in 0..<120 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0: try await store.flush()
            case 4: try await store.compact()
            case 1:
                // Killed: what the files hold now is all there is.
                folder = try folder.copy()
                store = try Store.open(folder, clock) { $0.logFileBytes = 4000 }
            case 2:
                store.close()
                store = try Store.open(folder, clock) { $0.logFileBytes = 4000 }
            case 3: clock.advance(byMillis: .random(in: 0..<day, using: &random))
            default:
                var batch = SampleBatch()
                for _ in 0..<Int.random(in: 1..<6, using: &random) {
                    let labels = Labels([
                        "__name__": "m\(Int.random(in: 0..<3, using: &random))",
                        "i": "\(Int.random(in: 0..<6, using: &random))",
                    ])
                    batch.beginSeries(packed: labels.packed)
                    var millis = clock.now.millis - .random(in: 0..<20 * day, using: &random)
                    for _ in 0..<Int.random(in: 1..<40, using: &random) {
                        let value =
                            Int.random(in: 0..<20, using: &random) == 0
                            ? specials.randomElement(using: &random) ?? 0
                            : Double(Int.random(in: -1000..<1000, using: &random)) / 8
                        batch.append(millis: millis, value: value)
                        model[labels, default: [:]][millis] = value.bitPattern
                        millis += .random(in: -30_000..<400_000, using: &random)
                        millis = min(millis, clock.now.millis)
                    }
                }
                let outcome = try await store.append(batch)
                #expect(outcome.rejections.isEmpty)
                #expect(outcome.storedSampleCount == batch.sampleCount)
            }
            if step % 10 == 9 {
                let found = try store.read()
                #expect(found.mapValues(\.bits) == model, "seed \(seed) step \(step)")
                for column in found.values {
                    #expect(column.timestamps == column.timestamps.sorted(), "seed \(seed) step \(step)")
                }
                let range = TimeRange(
                    clock.now.advanced(byMillis: -5 * day),
                    clock.now.advanced(byMillis: -2 * day)
                )
                let expected = model.mapValues { $0.filter { range.contains(Timestamp(millis: $0.key)) } }
                let part = try store.read([Matcher("__name__", .regex, "m[01]")], range).mapValues(\.bits)
                #expect(
                    part.filter { !$0.value.isEmpty }
                        == expected.filter { !$0.value.isEmpty && $0.key.metricName != "m2" },
                    "seed \(seed) step \(step)"
                )
            }
        }
    }

    @Test("A flush of everything leaves no log behind, and the samples in segments")
    func flushCleansUp() async throws {
        let clock = TestClock(start + day)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock) { $0.logFileBytes = 1000 }
        for step in 0..<40 {
            var batch = SampleBatch()
            for series in 0..<10 {
                batch.append(
                    Labels(["__name__": "m", "i": "\(series)"]),
                    Timestamp(millis: start + Int64(step) * 60_000),
                    1
                )
            }
            _ = try await store.append(batch)
        }
        #expect(try folder.names("wal").count > 2)
        #expect(try folder.names("segments").isEmpty)
        try await store.flush()
        store.close()
        #expect(try folder.names("wal").isEmpty)
        #expect(try folder.names("segments").count == 1)
        let again = try Store.open(folder, clock)
        #expect(try again.read().values.map(\.count) == [Int](repeating: 40, count: 10))
        #expect(again.state.withLock { $0.headSampleCount } == 0)
    }

    @Test("A thread that must not wait reads what is in memory, and is told when something is on disk")
    func readsWithoutWaiting() async throws {
        let clock = TestClock(start + day)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        var batch = SampleBatch()
        batch.append(Labels(["__name__": "m"]), Timestamp(millis: start), 1)
        _ = try await store.append(batch)
        func quickly(_ store: Store) -> (isWhole: Bool, sampleCount: Int?) {
            var sampleCount: Int?
            let isWhole = store.withoutWaiting {
                sampleCount = (try? store.read())?.values.map(\.count).reduce(0, +)
            }
            return (isWhole, sampleCount)
        }
        #expect(quickly(store) == (true, 1))
        try await store.flush()
        store.close()
        let again = try Store.open(folder, clock)
        #expect(!quickly(again).isWhole)
        // What could not be read here is no damage, and is there for who may wait.
        // Decoded columns are kept from the second time on.
        for _ in 0..<3 { #expect(try again.read().values.map(\.count) == [1]) }
        #expect(quickly(again) == (true, 1))
        #expect(again.state.withLock { $0.damages.isEmpty })
    }

    @Test("A head is flushed ten minutes after the even hour, whatever times its samples have")
    func dueHead() async throws {
        let clock = TestClock(start + hour)
        let store = try Store.open(try TemporaryFolder(), clock)
        func write(_ time: Timestamp, _ value: Double) async throws {
            var batch = SampleBatch()
            batch.append(Labels(["__name__": "m"]), time, value)
            _ = try await store.append(batch)
        }
        try await write(Timestamp(millis: start), 1)
        for (minutes, segmentCount) in [(69, 0), (1, 1)] {
            clock.advance(byMillis: Int64(minutes) * 60_000)
            store.maintenance.sync { store.flushWhatIsDue() }
            #expect(store.state.withLock { $0.segments.count } == segmentCount)
        }
        try await write(clock.now, 2)
        store.maintenance.sync { store.flushWhatIsDue() }
        #expect(store.state.withLock { ($0.segments.count, $0.head.sampleCount) } == (1, 1))
        #expect(try store.read().values.map(\.values) == [[1, 2]])
        // A clock that is put back must not keep a head for ever.
        clock.advance(byMillis: -day)
        store.maintenance.sync { store.flushWhatIsDue() }
        #expect(store.state.withLock { $0.head.sampleCount } == 0)
    }

    @Test("A head whose samples take much memory is flushed at once, and so is a large log")
    func largeHead() async throws {
        for limit in 0..<2 {
            let store = try Store.open(try TemporaryFolder(), TestClock(start)) {
                if limit == 0 { $0.headBytes = 10_000 } else { $0.logBytes = 5_000 }
            }
            var batch = SampleBatch()
            batch.beginSeries(packed: Labels(["__name__": "m"]).packed)
            for step in 0..<5000 { batch.append(millis: start - Int64(step * step), value: 1 / Double(step)) }
            _ = try await store.append(batch)
            store.log.settle()
            store.maintenance.sync { store.flushWhatIsDue() }
            #expect(store.state.withLock { ($0.segments.isEmpty, $0.head.sampleCount) } == (false, 0))
        }
    }

    @Test("A backfill over many days makes a segment per 32 days")
    func spanningSegment() async throws {
        let clock = TestClock(start + 40 * day)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        var batch = SampleBatch()
        batch.beginSeries(packed: Labels(["__name__": "m"]).packed)
        for step in 0..<400 { batch.append(millis: start + Int64(step) * 2 * hour, value: Double(step)) }
        _ = try await store.append(batch)
        try await store.flush()
        // 33 days lie in two partitions of 32 days.
        #expect(try folder.names("segments").count == 2)
        #expect(try store.read().values.first?.values == (0..<400).map(Double.init))
    }

    @Test("New series beyond a limit on their number are refused, known ones go on")
    func seriesLimits() async throws {
        let clock = TestClock(start)
        let limits = LimitsInForce()
        let store = try Store.open(try TemporaryFolder(), clock) { $0.limits = limits }
        func write(_ series: (String, String)...) async throws -> Rejections {
            var batch = SampleBatch()
            for (name, job) in series { batch.append(Labels(["__name__": name, "job": job]), clock.now, 1) }
            return try await store.append(batch).rejections
        }
        func set(_ change: (inout Limits) -> Void) {
            var changed = Limits()
            change(&changed)
            limits.replace(by: changed)
        }
        set { $0.seriesActive = 2 }
        var refused = try await write(("a", "1"), ("a", "2"), ("a", "3"), ("a", "1"))
        #expect(
            refused.first == [
                #"series a{job="3"}: a new series would exceed the limit series_active (2)"#
            ]
        )
        #expect(refused.areAllOfLimits)
        set { $0.seriesPerMetric = 2 }
        refused = try await write(("a", "2"), ("a", "3"), ("b", "1"), ("", "1"))
        #expect(refused.count == 2 && !refused.areAllOfLimits)
        #expect(refused.first.first?.hasSuffix("the limit series_per_metric (2)") == true)
        clock.advance(byMillis: 60_000)
        set { $0.seriesCreatedPerMinute = 1 }
        refused = try await write(("c", "1"), ("c", "2"), ("a", "1"))
        #expect(refused.first.map { $0.hasSuffix("series_created_per_minute (1)") } == [true])
        clock.advance(byMillis: 60_000)
        #expect(try await write(("c", "2")).isEmpty)
        #expect(try store.read().values.map(\.count).sorted() == [1, 1, 1, 1, 2])
    }

    @Test("Series of the head before are not new, after a flush and after a restart too")
    func knownSeries() async throws {
        let clock = TestClock(start)
        let folder = try TemporaryFolder()
        let limits = LimitsInForce()
        var few = Limits()
        few.seriesCreatedPerMinute = 3
        few.seriesPerMetric = 3
        limits.replace(by: few)
        var store = try Store.open(folder, clock) { $0.limits = limits }
        func write() async throws -> Int {
            clock.advance(byMillis: 1)
            var batch = SampleBatch()
            for series in 0..<4 { batch.append(Labels(["__name__": "m", "i": "\(series)"]), clock.now, 1) }
            return try await store.append(batch).storedSampleCount
        }
        #expect(try await write() == 3)
        for isRestarted in [false, true] {
            try await store.flush()
            if isRestarted {
                store.close()
                store = try Store.open(folder, clock) { $0.limits = limits }
            }
            #expect(try await write() == 3)
            #expect(store.figures.seriesCount == 3)
        }
        let counts = try store.read().mapValues(\.count)
        #expect(counts.count == 3 && counts.values.allSatisfy { $0 == 3 })
    }

    @Test("What cannot be stored is named, and the valid rest is stored")
    func rejections() async throws {
        let clock = TestClock(start)
        let store = try Store.open(try TemporaryFolder(), clock)
        var batch = SampleBatch()
        batch.append(Labels(["__name__": "ok"]), Timestamp(millis: start), 1)
        batch.append(Labels(["job": "x"]), Timestamp(millis: start), 1)
        batch.append(Labels(["__name__": "ok"]), Timestamp(millis: start + 11 * 60_000), 2)
        batch.append(Labels(["__name__": "ok"]), .min, 3)
        batch.append(Labels(["__name__": "ok"]), .max, 3)
        batch.append(Labels(["__name__": "future"]), Timestamp(millis: start + hour), 3)
        let many = Labels((0..<40).map { Label("l\($0)", "x") } + [Label("__name__", "many")])
        batch.append(many, Timestamp(millis: start), 3)
        let outcome = try await store.append(batch)
        #expect(outcome.storedSampleCount == 1)
        #expect(outcome.rejections.count == 6)
        let texts = outcome.rejections.first
        #expect(texts[0] == #"series {job="x"}: it has no metric name (label __name__)"#)
        #expect(texts[1].contains("too far in the future") && texts[1].contains("ok"))
        #expect(texts[2].contains("before the year 1"))
        #expect(texts[5].contains("labels_per_series"))
        #expect(try store.read().count == 1)
    }

    @Test("Expired windows are deleted: whole files, and parts of files; live ones stay")
    func retention() async throws {
        let clock = TestClock(start + 10 * day)
        let folder = try TemporaryFolder()
        let policy = RetentionPolicy(
            defaultRawMillis: nil,
            rules: [RetentionPolicy.Rule(matchers: [Matcher("keep", .equal, "short")], rawMillis: 2 * day)]
        )
        var store = try Store.open(folder, clock)
        func write(_ day: Int64) async throws {
            var batch = SampleBatch()
            for keep in ["short", "long"] {
                batch.append(
                    Labels(["__name__": "m", "keep": keep]),
                    Timestamp(millis: start + day * 24 * hour),
                    Double(day)
                )
            }
            _ = try await store.append(batch)
        }
        for day in 1...9 { try await write(Int64(day)) }
        try await store.flush()
        #expect(try folder.names("segments").count == 2)
        try await write(3)
        store.close()

        // Under a policy that is new, old segments hold series of several classes: they are written again.
        store = try Store.open(folder, clock) { $0.retention = policy }
        #expect(try store.read([Matcher("keep", .equal, "short")]).values.map(\.values) == [[8, 9]])
        #expect(
            try store.read([Matcher("keep", .equal, "long")]).values.map(\.values) == [
                (1...9).map(Double.init)
            ]
        )
        var old = SampleBatch()
        old.append(Labels(["__name__": "m", "keep": "short"]), Timestamp(millis: start + 2 * day), 1)
        #expect(
            try await store.append(old).rejections.first.first?.contains("older than its retention") == true
        )

        // Later all of the short ones are gone, with their series.
        clock.advance(byMillis: 5 * day)
        store.compaction.sync { store.expire() }
        #expect(try store.read().count == 1)
        store.close()
        let bytes = try folder.names("segments")
        _ = try store.maintenance.sync { try store.setRetention(RetentionPolicy(defaultRawMillis: hour)) }
        #expect(!bytes.isEmpty)
        let last = try Store.open(folder, clock) { $0.retention = RetentionPolicy(defaultRawMillis: hour) }
        #expect(try last.read().isEmpty)
        #expect(try folder.names("segments").isEmpty)
    }

    @Test("A full disk refuses writes, reads go on, and writing resumes by itself")
    func diskFull() async throws {
        let clock = TestClock(start)
        let folder = try TemporaryFolder()
        let files = FailingFileSystem()
        let store = try Store.open(folder, clock) {
            $0.fileSystem = files
            $0.durability = .fsync
            $0.retryMillis = 0
        }
        func append(_ value: Double) async throws -> AppendOutcome {
            var batch = SampleBatch()
            batch.append(Labels(["__name__": "m"]), Timestamp(millis: start + Int64(value)), value)
            return try await store.append(batch)
        }
        _ = try await append(1)
        files.fail(.write)
        await #expect(throws: SinkError.self) { _ = try await append(2) }
        #expect(try store.read().count == 1)
        files.fail(nil)
        #expect(try await append(3).storedSampleCount == 1)
        let again = try Store.open(try folder.copy(), clock)
        let found = try again.read().values.first?.values ?? []
        #expect(found.contains(1) && found.contains(3))
    }

    @Test("After a failed sync every write is refused until the store is opened again")
    func failedSync() async throws {
        let clock = TestClock(start)
        let files = FailingFileSystem()
        let store = try Store.open(try TemporaryFolder(), clock) {
            $0.fileSystem = files
            $0.durability = .fsync
            $0.retryMillis = 0
        }
        var batch = SampleBatch()
        batch.append(Labels(["__name__": "m"]), Timestamp(millis: start), 1)
        _ = try await store.append(batch)
        files.fail(.sync, code: EIO)
        let refused = batch
        await #expect(throws: SinkError.self) { _ = try await store.append(refused) }
        files.fail(nil)
        await #expect(throws: SinkError.self) { _ = try await store.append(refused) }
        #expect(try store.read().count == 1)
    }

    @Test("A failed flush keeps its samples readable and is tried again")
    func failedFlush() async throws {
        let clock = TestClock(start)
        let files = FailingFileSystem()
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock) { $0.fileSystem = files }
        var batch = SampleBatch()
        batch.append(Labels(["__name__": "m"]), Timestamp(millis: start), 1)
        _ = try await store.append(batch)
        files.fail(.sync)
        await #expect(throws: StorageError.self) { try await store.flush() }
        #expect(try store.read().values.map(\.values) == [[1]])
        batch = SampleBatch()
        batch.append(Labels(["__name__": "m"]), Timestamp(millis: start), 2)
        files.fail(nil)
        _ = try await store.append(batch)
        #expect(try store.read().values.map(\.values) == [[2]])
        try await store.flush()
        #expect(try store.read().values.map(\.values) == [[2]])
        store.close()
        #expect(try Store.open(folder, clock).read().values.map(\.values) == [[2]])
    }

    @Test("Concurrent writers are all acknowledged and all their samples are in the log")
    func concurrentWriters() async throws {
        let clock = TestClock(start)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock) { $0.durability = .fsync }
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<16 {
                group.addTask {
                    for step in 0..<20 {
                        var batch = SampleBatch()
                        batch.append(
                            Labels(["__name__": "m", "w": "\(writer)"]),
                            Timestamp(millis: start + Int64(step)),
                            Double(step)
                        )
                        do {
                            _ = try await store.append(batch)
                        } catch {
                            Issue.record("\(error)")
                        }
                    }
                }
            }
        }
        let again = try Store.open(try folder.copy(), clock)
        let found = try again.read()
        #expect(found.count == 16)
        #expect(found.values.allSatisfy { $0.values == (0..<20).map(Double.init) })
    }

    @Test("A second process is told that the directory is in use")
    func secondProcess() throws {
        let clock = TestClock(start)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        #expect(throws: StorageError.alreadyInUse(directory: folder.path)) {
            _ = try Store.open(folder, clock)
        }
        store.close()
    }

    @Test("A segment of which nothing is left is put aside with a warning to readers, the rest is served")
    func damagedSegment() async throws {
        let clock = TestClock(start + day)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        for window in 0..<2 {
            var batch = SampleBatch()
            batch.append(
                Labels(["__name__": "m"]),
                Timestamp(millis: start + Int64(window) * 2 * hour),
                Double(window)
            )
            _ = try await store.append(batch)
            try await store.flush()
        }
        store.close()
        let names = try folder.names("segments")
        #expect(names.count == 2)
        let path = "\(folder.path)/segments/\(names[0])"
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        for index in bytes.indices { bytes[index] = 0 }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let again = try Store.open(folder, clock)
        #expect(try again.read().values.map(\.values) == [[1]])
        let set = try again.select(SelectRequest(matchers: [], range: .all), budget: .unlimited())
        #expect(set.warnings.count == 1 && set.warnings[0].contains("quarantine"))
        #expect(try folder.names("quarantine") == [names[0]])
    }

    @Test("A flipped bit anywhere in a segment never yields a wrong value and never stops the store")
    func flippedBits() async throws {
        let clock = TestClock(start + day)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        var batch = SampleBatch()
        for series in 0..<4 {
            batch.beginSeries(packed: Labels(["__name__": "m", "i": "\(series)"]).packed)
            for step in 0..<30 {
                batch.append(millis: start + Int64(step) * 15_000, value: Double(step * series) / 7)
            }
        }
        _ = try await store.append(batch)
        try await store.flush()
        let expected = try store.read().mapValues(\.bits)
        store.close()
        let name = try folder.names("segments")[0]
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/segments/\(name)")))
        for position in stride(from: 0, to: bytes.count, by: 3) {
            let copy = try folder.copy()
            var changed = bytes
            changed[position] ^= 0x10
            try Data(changed).write(to: URL(fileURLWithPath: "\(copy.path)/segments/\(name)"))
            let again = try Store.open(copy, clock)
            for (labels, column) in try again.read() {
                #expect(column.isEmpty || column.bits == expected[labels], "byte \(position)")
            }
            again.close()
        }
    }

    @Test("Without its catalog the store takes all segments, and starts no number again")
    func lostCatalog() async throws {
        let clock = TestClock(start + day)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        var batch = SampleBatch()
        batch.append(Labels(["__name__": "a"]), Timestamp(millis: start), 1)
        _ = try await store.append(batch)
        try await store.flush()
        store.close()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
        where name.hasPrefix("catalog") {
            try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
        }
        let again = try Store.open(folder, clock)
        #expect(try again.read().values.map(\.values) == [[1]])
        batch = SampleBatch()
        batch.append(Labels(["__name__": "b"]), Timestamp(millis: start), 2)
        _ = try await again.append(batch)
        try await again.flush()
        #expect(try again.read().count == 2)
        #expect(try folder.names("segments").count == 2)
    }

    @Test("Left-overs of an unfinished flush are removed")
    func leftOvers() async throws {
        let clock = TestClock(start + day)
        let folder = try TemporaryFolder()
        try Store.open(folder, clock).close()
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(folder.path)/segments/000000000009.seg.tmp"))
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(folder.path)/segments/000000000008.seg"))
        let store = try Store.open(folder, clock)
        #expect(try folder.names("segments").isEmpty)
        #expect(try store.read().isEmpty)
    }

    @Test("Metadata outlives a kill and a flush")
    func metadata() async throws {
        let clock = TestClock(start)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        var batch = SampleBatch()
        batch.append(Labels(["__name__": "a_total"]), Timestamp(millis: start), 1)
        batch.metadata = [MetricMetadata(name: "a_total", kind: .counter, help: "A.")]
        _ = try await store.append(batch)
        let killed = try folder.copy()
        for _ in 0..<2 {
            let again = try Store.open(killed, clock)
            #expect(again.metadata(of: "a_total") == batch.metadata)
            again.close()
        }
        try await store.flush()
        var alone = SampleBatch()
        alone.metadata = [MetricMetadata(name: "b", kind: .gauge, help: "B.")]
        _ = try await store.append(alone)
        store.close()
        for _ in 0..<2 {
            let again = try Store.open(folder, clock)
            #expect(again.metadata(of: nil) == batch.metadata + alone.metadata)
            again.close()
        }
    }

    @Test("The lists of what the series are made of begin with the largest, and end at the limit")
    func cardinality() async throws {
        let clock = TestClock(start + day)
        let store = try Store.open(try TemporaryFolder(), clock)
        var batch = SampleBatch()
        for series in 0..<5 {
            let name = series < 3 ? "a" : "b"
            let labels = Labels(["__name__": name, "pod": "p\(series)"])
            batch.append(labels, Timestamp(millis: start), 1)
        }
        _ = try await store.append(batch)
        for isFlushed in [false, true] {
            if isFlushed { try await store.flush() }
            let figures = try store.cardinality(limit: 2)
            #expect(figures.seriesCount == 5 && figures.chunkCount == 5 && figures.labelPairCount == 7)
            #expect(figures.seriesByMetricName == [.init("a", 3), .init("b", 2)])
            #expect(figures.valuesByLabelName == [.init("pod", 5), .init("__name__", 2)])
            #expect(figures.bytesByLabelName == [.init("pod", 10), .init("__name__", 2)])
            #expect(figures.seriesByLabelPair == [.init("__name__=a", 3), .init("__name__=b", 2)])
            #expect(figures.minMillis == start && (figures.maxMillis ?? 0) >= start)
        }
    }

    @Test("Canonically equivalent spellings are different values")
    func spellings() async throws {
        let clock = TestClock(start + day)
        let store = try Store.open(try TemporaryFolder(), clock)
        let spellings = ["caf\u{e9}", "cafe\u{301}"]
        var batch = SampleBatch()
        for spelling in spellings {
            batch.append(Labels(["__name__": "a", "x": spelling]), Timestamp(millis: start), 1)
        }
        _ = try await store.append(batch)
        for isFlushed in [false, true] {
            if isFlushed { try await store.flush() }
            let values = try store.labelValues("x", LabelRequest(), budget: .unlimited()).items
            #expect(values.map { Array($0.utf8) } == spellings.reversed().map { Array($0.utf8) })
            for (spelling, other) in [(spellings[0], spellings[1]), (spellings[1], spellings[0])] {
                for matcher in [Matcher("x", .equal, spelling), Matcher("x", .notEqual, other)] {
                    let found = try store.read([matcher]).keys.map { Array(($0["x"] ?? "").utf8) }
                    #expect(found == [Array(spelling.utf8)])
                }
            }
        }
    }

    @Test("Questions about labels look at matchers, range and limit")
    func labels() async throws {
        let clock = TestClock(start + day)
        let store = try Store.open(try TemporaryFolder(), clock)
        var batch = SampleBatch()
        batch.append(Labels(["__name__": "a", "x": "1"]), Timestamp(millis: start), 1)
        batch.append(Labels(["__name__": "b", "x": "2", "y": "3"]), Timestamp(millis: start + 12 * hour), 1)
        _ = try await store.append(batch)
        for isFlushed in [false, true] {
            if isFlushed { try await store.flush() }
            let late = TimeRange(Timestamp(millis: start + 10 * hour), .max)
            let budget = QueryBudget.unlimited()
            #expect(try store.labelNames(LabelRequest(), budget: budget).items == ["__name__", "x", "y"])
            #expect(try store.labelValues("x", LabelRequest(), budget: budget).items == ["1", "2"])
            #expect(try store.labelValues("x", LabelRequest(range: late), budget: budget).items == ["2"])
            #expect(try store.labelValues("none", LabelRequest(), budget: budget).items.isEmpty)
            let limited = try store.labelNames(LabelRequest(limit: 2), budget: budget)
            #expect(limited.items == ["__name__", "x"] && limited.isTruncated)
            let selected = LabelRequest(selections: [
                [Matcher("x", .equal, "1")], [Matcher("y", .equal, "3")],
            ])
            #expect(try store.series(selected, budget: budget).items.map(\.metricName) == ["a", "b"])
            #expect(throws: SourceError.tooManySeries(limit: 1)) {
                _ = try store.series(selected, budget: QueryBudget(seriesLimit: 1))
            }
            #expect(throws: SourceError.self) {
                _ = try store.read([Matcher("x", .regex, "(")])
            }
        }
    }
}
