import Catalog
import Foundation
import Model
import Testing

@testable import Storage

@Suite struct DeletionTests {
    private static let start: Int64 = 1_767_225_600_000
    private static let day: Int64 = 86_400_000

    private let folder: TemporaryFolder
    private let clock = TestClock(DeletionTests.start + 3 * DeletionTests.day)

    init() throws { folder = try TemporaryFolder() }

    private static func labels(_ name: String, _ instance: Int) -> Labels {
        Labels(["__name__": name, "i": "\(instance)"])
    }

    /// Appends `count` samples a minute apart to series `a` and `b` with two instances each.
    private func fill(_ store: Store, from first: Int64 = start, count: Int = 100, plus: Double = 0)
        async throws
    {
        var batch = SampleBatch()
        for name in ["a", "b"] {
            for instance in 0..<2 {
                batch.beginSeries(packed: DeletionTests.labels(name, instance).packed)
                for sample in 0..<count {
                    batch.append(millis: first + Int64(sample) * 60_000, value: Double(sample) + plus)
                }
            }
        }
        _ = try await store.append(batch)
    }

    private static func request(_ matchers: [Matcher], _ range: TimeRange = .all) -> DeleteRequest {
        DeleteRequest(selections: [matchers], range: range)
    }

    private static let onlyA = [Matcher("__name__", .equal, "a")]

    private func names(_ store: Store) throws -> Set<String> {
        Set(try store.read().keys.compactMap(\.metricName))
    }

    private func values(_ store: Store, of name: String) throws -> [String] {
        let request = LabelRequest(selections: [], range: .all, limit: nil)
        return try store.labelValues(name, request, budget: .unlimited()).items.sorted()
    }

    @Test("What is deleted is gone for readers at once: from the head, from segments, from names and values")
    func gone() async throws {
        let store = try Store.open(folder, clock)
        defer { store.close() }
        try await fill(store)
        try await store.flush()
        try await fill(store, from: DeletionTests.start + DeletionTests.day)
        try await store.delete(DeletionTests.request(DeletionTests.onlyA))
        #expect(try names(store) == ["b"])
        #expect(try values(store, of: "__name__") == ["b"])
        let request = LabelRequest(selections: [DeletionTests.onlyA], range: .all, limit: nil)
        #expect(try store.series(request, budget: .unlimited()).items.isEmpty)
        #expect(try store.labelNames(request, budget: .unlimited()).items.isEmpty)
        #expect(try store.cardinality(limit: 10).seriesCount == 2)
        #expect(try store.read().values.allSatisfy { $0.count == 200 })
    }

    @Test("Only the times asked for are deleted, exactly")
    func range() async throws {
        let store = try Store.open(folder, clock)
        defer { store.close() }
        try await fill(store)
        try await store.flush()
        try await fill(store, from: DeletionTests.start + 100 * 60_000)
        let from = DeletionTests.start + 90 * 60_000
        let range = TimeRange(Timestamp(millis: from), Timestamp(millis: from + 19 * 60_000 + 59_999))
        try await store.delete(DeletionTests.request(DeletionTests.onlyA, range))
        for step in 0..<2 {
            for (labels, column) in try store.read() {
                let times = column.timestamps.map { ($0 - DeletionTests.start) / 60_000 }
                let all = Array(Int64(0)..<200)
                #expect(times == (labels.metricName == "a" ? all.filter { $0 < 90 || $0 >= 110 } : all))
            }
            #expect(try store.read(DeletionTests.onlyA, range).values.allSatisfy { $0.isEmpty })
            let request = LabelRequest(selections: [DeletionTests.onlyA], range: range, limit: nil)
            #expect(try store.series(request, budget: .unlimited()).items.isEmpty)
            if step == 0 { try await store.cleanTombstones() }
        }
        #expect(store.state.withLock { $0.tombstones.isEmpty })
    }

    @Test("What is written after a delete lives, whatever becomes of it, also with the same times")
    func later() async throws {
        var store = try Store.open(folder, clock)
        try await fill(store)
        try await store.flush()
        try await fill(store, from: DeletionTests.start + DeletionTests.day)
        try await store.delete(DeletionTests.request(DeletionTests.onlyA))
        try await fill(store, plus: 1000)
        let expected = try store.read()
        #expect(expected.count == 4)
        #expect(expected[DeletionTests.labels("a", 0)]?.values.first == 1000)
        #expect(expected[DeletionTests.labels("a", 0)]?.count == 100)
        // As it is after a kill: the log has records of before and after the delete.
        let killed = try folder.copy()
        let again = try Store.open(killed, clock)
        #expect(try again.read().mapValues(\.bits) == expected.mapValues(\.bits))
        try await again.flush()
        #expect(try again.read().mapValues(\.bits) == expected.mapValues(\.bits))
        try await again.cleanTombstones()
        again.close()
        try await store.flush()
        try await store.compact()
        #expect(try store.read().mapValues(\.bits) == expected.mapValues(\.bits))
        try await store.cleanTombstones()
        #expect(try store.read().mapValues(\.bits) == expected.mapValues(\.bits))
        store.close()
        for other in [folder, killed] {
            store = try Store.open(other, clock)
            #expect(try store.read().mapValues(\.bits) == expected.mapValues(\.bits))
            store.close()
        }
    }

    @Test(
        "A segment of which everything is deleted is gone when the call returns; others shrink when cleaned"
    )
    func room() async throws {
        let store = try Store.open(folder, clock)
        defer { store.close() }
        try await fill(store, count: 1000)
        try await store.flush()
        try await fill(store, from: DeletionTests.start + DeletionTests.day, count: 1000)
        try await store.flush()
        let before = try folder.names("segments")
        #expect(before.count == 2)
        let firstDay = TimeRange(.min, Timestamp(millis: DeletionTests.start + DeletionTests.day - 1))
        try await store.delete(DeletionTests.request([Matcher("__name__", .notEqual, "")], firstDay))
        #expect(try folder.names("segments").count == 1)
        let bytes = store.figures.segmentBytes
        try await store.delete(DeletionTests.request(DeletionTests.onlyA))
        #expect(store.figures.segmentBytes == bytes)
        try await store.cleanTombstones()
        #expect(store.figures.segmentBytes < bytes)
        #expect(store.figures.segmentSampleCount == 2000)
        #expect(store.telemetry.deletedSamples.value == 6000)
        #expect(try names(store) == ["b"])
        #expect(try folder.names("deletes").isEmpty)
        #expect(store.state.withLock { $0.tombstones.isEmpty })
    }

    @Test("A merge drops what is deleted, and keeps what was written after")
    func merge() async throws {
        let store = try Store.open(folder, clock)
        defer { store.close() }
        try await fill(store)
        try await store.flush()
        try await store.delete(DeletionTests.request(DeletionTests.onlyA))
        try await fill(store, from: DeletionTests.start + 200 * 60_000, count: 10)
        try await store.flush()
        try await store.compact()
        #expect(store.figures.segmentCount == 1)
        #expect(store.figures.segmentSampleCount == 2 * 100 + 4 * 10)
        #expect(try store.read(DeletionTests.onlyA).values.allSatisfy { $0.count == 10 })
    }

    @Test("Series that change their retention are not merged over a delete, which would take what came after")
    func retentions() {
        func candidate(_ file: String, _ sequence: UInt64, _ retentionMillis: Int64?)
            -> CompactionPlanner.Candidate
        {
            CompactionPlanner.Candidate(
                file: file,
                sequence: sequence,
                range: TimeRange(Timestamp(millis: 0), Timestamp(millis: 1000)),
                level: 0,
                retentionMillis: retentionMillis,
                byteCount: 10,
                sampleCount: 10,
                sparseSampleCount: 10
            )
        }
        let year = 365 * DeletionTests.day
        func plan(_ other: Int64?, _ deletes: [UInt64]) -> CompactionPlanner.Plan? {
            CompactionPlanner(
                candidates: [candidate("1", 5, year), candidate("2", 9, other)],
                now: Timestamp(millis: 10 * DeletionTests.day),
                isForced: true,
                deletes: deletes
            ).next()
        }
        #expect(plan(nil, [7]) == nil)
        #expect(plan(nil, [4, 9]) != nil)
        #expect(plan(year, [7]) != nil)
    }

    @Test("A delete outlives a loss of the catalog, and one of its file")
    func lost() async throws {
        let store = try Store.open(folder, clock)
        try await fill(store)
        try await store.flush()
        try await fill(store, from: DeletionTests.start + DeletionTests.day)
        try await store.delete(DeletionTests.request(DeletionTests.onlyA))
        try await fill(store, from: DeletionTests.start + 2 * DeletionTests.day, count: 5)
        let expected = try store.read().mapValues(\.bits)
        let killed = try [folder.copy(), folder.copy(), folder.copy()]
        store.close()
        for file in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
            do { try FileManager.default.removeItem(atPath: "\(killed[0].path)/\(file)") } catch {}
        }
        try FileManager.default.removeItem(atPath: "\(killed[1].path)/deletes")
        var check = DirectoryCheck(killed[2].path, rebuildsCatalog: true)
        #expect(try !check.run().isDamaged)
        for folder in killed {
            let again = try Store.open(folder, clock)
            #expect(try again.read().mapValues(\.bits) == expected)
            #expect(try folder.names("deletes").count == 1)
            #expect(again.state.withLock { $0.tombstones.all.count } == 1)
            try await again.cleanTombstones()
            #expect(try again.read().mapValues(\.bits) == expected)
            again.close()
            let last = try Store.open(folder, clock)
            #expect(try last.read().mapValues(\.bits) == expected)
            last.close()
        }
    }

    @Test("A file of a delete that the catalog does not know, and one without end, are no deletes")
    func leftOver() async throws {
        var store = try Store.open(folder, clock)
        try await fill(store)
        store.close()
        let record = TombstoneRecord(
            number: 7,
            sequence: 1000,
            range: .all,
            selections: [DeletionTests.onlyA, [Matcher("x", .notRegex, "y.*"), Matcher("é", .regex, "")]],
            nextLog: 3
        )
        let files = TombstoneFiles(of: folder.path, PosixFileSystem())
        try files.put(record)
        #expect(try files.records().sound == [record])
        let bytes = TombstoneFiles.encode(record)
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 4
            #expect(throws: (any Error).self) { _ = try TombstoneFiles.decode(damaged) }
            #expect(throws: (any Error).self) { _ = try TombstoneFiles.decode(Array(bytes[..<place])) }
        }
        store = try Store.open(folder, clock)
        #expect(try names(store) == ["a", "b"])
        #expect(try folder.names("deletes").isEmpty)
        store.close()
    }

    @Test("Counting tells how much would go, and changes nothing")
    func count() async throws {
        let store = try Store.open(folder, clock)
        defer { store.close() }
        try await fill(store)
        try await store.flush()
        try await fill(store, from: DeletionTests.start + 50 * 60_000)
        let instance = [Matcher("i", .equal, "0")]
        let range = TimeRange(.min, Timestamp(millis: DeletionTests.start + 99 * 60_000))
        let request = DeleteRequest(selections: [DeletionTests.onlyA, instance], range: range)
        let found = try store.count(request, budget: .unlimited()).count
        #expect(found.seriesCount == 3 && found.sampleCount == 300)
        #expect(try store.read().values.reduce(0) { $0 + $1.count } == 600)
        try await store.delete(request)
        #expect(try store.read().values.reduce(0) { $0 + $1.count } == 300)
        #expect(try store.count(request, budget: .unlimited()).count == DeletionCount())
    }

    @Test("Windows have all of a bucket of which only times without samples are deleted")
    func windows() async throws {
        let store = try Store.open(folder, clock)
        defer { store.close() }
        let hour: Int64 = 3_600_000
        // As a flush leaves it that knows of the deletes: nothing before 05:01, nothing behind 19:58.
        let first = DeletionTests.start + 5 * hour + 60_000
        try await fill(store, from: first, count: 15 * 60 - 2)
        try await store.flush()
        let deleted = [
            TimeRange(.min, Timestamp(millis: first - 60_000)),
            TimeRange(Timestamp(millis: DeletionTests.start + 20 * hour - 60_000), .max),
        ]
        let day = TimeRange(
            Timestamp(millis: DeletionTests.start),
            Timestamp(millis: DeletionTests.start + DeletionTests.day - 1)
        )
        let segment = try #require(store.state.withLock { $0.segments.first })
        let labels = SelectedLabels([DeletionTests.labels("a", 0)])
        var memory = SelectionMemory(.unlimited())
        let series = SelectedSeries(
            [SelectedSource(segment, ordinals: [0], labels, deleted: [0: deleted])],
            in: day,
            try RetentionClasses(.keepForever),
            now: clock.now,
            &memory,
            isOver: { false }
        )
        let request = SelectRequest(matchers: [], range: day)
        let set = StoredSeriesSet(series, request, [], .unlimited())
        var column = SampleColumn()
        try set.read(0, into: &column)
        var states: [WindowState] = []
        #expect(try set.states(of: 0, in: [day], [.sum, .ends], into: &states))
        #expect(column.count == 15 * 60 - 2 && states.first?.count == column.count)
        #expect(states.first?.firstMillis == column.timestamps.first)
        #expect(states.first?.lastMillis == column.timestamps.last)
        #expect(states.first?.total == column.values.reduce(0, +))
    }

    @Test("More deletes than may wait are refused by name")
    func limit() async throws {
        let store = try Store.open(folder, clock)
        defer { store.close() }
        let record = TombstoneRecord(number: 1, sequence: 0, range: .all, selections: [], nextLog: 0)
        let one = try Tombstone(record)
        store.state.withLock { state in
            for _ in 0..<Limits.default.deletesInForce { state.tombstones.append(one) }
        }
        await #expect(throws: StorageError.tooManyDeletes(limit: Limits.default.deletesInForce)) {
            try await store.delete(DeletionTests.request(DeletionTests.onlyA))
        }
    }

    @Test("Times without deleted ones, at borders and with histograms")
    func columns() {
        var column = SampleColumn()
        for time in 0..<10 {
            if time == 5 {
                column.append(millis: 5, histogram: NativeHistogram(count: 1, sum: 2))
            } else {
                column.append(millis: Int64(time), value: Double(time))
            }
        }
        func range(_ start: Int64, _ end: Int64) -> TimeRange {
            TimeRange(Timestamp(millis: start), Timestamp(millis: end))
        }
        #expect(column.without([]).timestamps == column.timestamps)
        #expect(column.without([range(0, 4), range(6, 6)]).timestamps == [5, 7, 8, 9])
        #expect(column.without([range(0, 4)]).histograms[0]?.sum == 2)
        #expect(column.without([range(-9, -1), range(9, 99)]).timestamps == Array(Int64(0)..<9))
        #expect(column.without([.all]).isEmpty)
        #expect(
            DeletedTimes.joined([range(5, 9), range(0, 4), range(20, 30)]) == [range(0, 9), range(20, 30)]
        )
    }
}
