import Catalog
import Foundation
import Model
import Testing

@testable import Storage

@Suite struct VerifyTests {
    private static let start: Int64 = 1_767_225_600_000
    private static let hour: Int64 = 3_600_000
    private let clock = TestClock(start + 30 * hour)

    /// A closed store with two segments of many frames and samples in the log.
    private func makeFolder() async throws -> (folder: TemporaryFolder, content: [Labels: [Int64: UInt64]]) {
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        var random = SeededGenerator(seed: 11)
        for part in 0..<3 {
            for series in 0..<40 {
                var batch = SampleBatch()
                let labels = Labels(["__name__": "m", "i": "\(series)"])
                batch.beginSeries(packed: labels.packed)
                for sample in 0..<600 {
                    let millis = VerifyTests.start + Int64(part) * VerifyTests.hour + Int64(sample) * 1000
                    batch.append(millis: millis, value: Double.random(in: 0...1, using: &random))
                }
                if series == 0 {
                    batch.metadata = [MetricMetadata(name: "m\(part)", kind: .gauge, help: "Part \(part).")]
                }
                _ = try await store.append(batch)
            }
            if part < 2 { try await store.flush() }
        }
        let content = try store.read().mapValues(\.bits)
        store.close()
        return (folder, content)
    }

    /// Compares without printing thousands of samples.
    private func isEqual(_ first: [Labels: [Int64: UInt64]], _ second: [Labels: [Int64: UInt64]]) -> Bool {
        first == second
    }

    private func count(_ content: [Labels: [Int64: UInt64]]) -> Int {
        content.values.reduce(0) { $0 + $1.count }
    }

    /// Turns over bits of a byte of a file; `place` is a part of its size, or negative from its end.
    private func damage(_ folder: TemporaryFolder, _ name: String, at place: Double) throws {
        let url = URL(fileURLWithPath: "\(folder.path)/\(name)")
        var bytes = try Data(contentsOf: url)
        let offset = place < 0 ? bytes.count + Int(place) : Int(Double(bytes.count) * place)
        bytes[offset] ^= 0x55
        try bytes.write(to: url)
    }

    private func verify(_ folder: TemporaryFolder, rebuildsCatalog: Bool = false) throws -> VerifyReport {
        var check = DirectoryCheck(folder.path, rebuildsCatalog: rebuildsCatalog)
        return try check.run()
    }

    /// What a store in the folder has now, and what it warns of.
    private func read(
        _ folder: TemporaryFolder
    ) throws -> (content: [Labels: [Int64: UInt64]], warnings: [String]) {
        let store = try Store.open(folder, clock)
        defer { store.close() }
        let set = try store.select(SelectRequest(matchers: [], range: .all), budget: .unlimited())
        return (try store.read().mapValues(\.bits), set.warnings)
    }

    @Test("A sound directory is found sound and stays as it is")
    func sound() async throws {
        let (folder, content) = try await makeFolder()
        for _ in 0..<2 {
            let report = try verify(folder)
            #expect(report.findings.isEmpty && !report.isDamaged)
            #expect(report.fileCount == 4)
            #expect(report.sampleCount == 3 * 40 * 600)
        }
        let found = try read(folder)
        #expect(isEqual(found.content, content) && found.warnings.isEmpty)
    }

    @Test("A directory that is in use, is missing or has nothing of ours is refused by one line")
    func refused() async throws {
        let (folder, _) = try await makeFolder()
        let store = try Store.open(folder, clock)
        #expect(throws: StorageError.alreadyInUse(directory: folder.path)) { try verify(folder) }
        store.close()
        let empty = try TemporaryFolder()
        #expect(throws: StorageError.noData(directory: empty.path)) { try verify(empty) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: empty.path).isEmpty)
        var missing = DirectoryCheck("\(empty.path)/none", rebuildsCatalog: false)
        #expect(throws: StorageError.self) { try missing.run() }
    }

    @Test("A damaged chunk costs what stands in its frame; the file goes to quarantine until it is removed")
    func damagedChunk() async throws {
        let (folder, content) = try await makeFolder()
        let names = try folder.names("segments")
        try damage(folder, "segments/\(names[0])", at: 0.3)
        let report = try verify(folder)
        #expect(report.isDamaged && report.findings.count == 1)
        #expect(try folder.names("quarantine") == [names[0]])
        #expect(try !folder.names("segments").contains(names[0]))
        #expect(!(try verify(folder).isDamaged))

        let found = try read(folder)
        var lostSamples = 0
        for (labels, samples) in content {
            let left = found.content[labels] ?? [:]
            #expect(left.allSatisfy { samples[$0.key] == $0.value })
            lostSamples += samples.count - left.count
        }
        #expect(lostSamples > 0 && lostSamples < 40 * 600 / 2)
        #expect(found.warnings.count == 1 && found.warnings[0].contains(names[0]))
        // It is told of after every start, until the file is removed.
        #expect(try read(folder).warnings == found.warnings)
        try FileManager.default.removeItem(atPath: "\(folder.path)/quarantine/\(names[0])")
        #expect(try read(folder).warnings.isEmpty)
        #expect(isEqual(try read(folder).content, found.content))
    }

    @Test(
        "A segment whose footer or tables are damaged is written again from what its frames hold",
        arguments: [-120.0, -90, -20],
        [false, true]
    )
    func damagedTables(place: Double, isFoundByStore: Bool) async throws {
        let (folder, content) = try await makeFolder()
        let names = try folder.names("segments")
        try damage(folder, "segments/\(names[1])", at: place)
        if !isFoundByStore {
            let report = try verify(folder)
            #expect(report.isDamaged && report.findings.map(\.file) == ["segments/\(names[1])"])
        }
        let found = try read(folder)
        #expect(isEqual(found.content, content) && found.warnings.isEmpty)
        #expect(try folder.names("quarantine") == [names[1]])
        #expect(try !folder.names("segments").contains(names[1]))
        #expect(!(try verify(folder).isDamaged))
    }

    @Test("A segment that is cut off keeps the series whose blocks are there")
    func cutOff() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        var batch = SampleBatch()
        for series in 0..<700 {
            let labels = Labels(["__name__": "m", "i": "\(1000 + series)"])
            batch.beginSeries(packed: labels.packed)
            for sample in 0..<20 {
                let millis = VerifyTests.start + Int64(sample) * 15_000
                batch.append(millis: millis, value: Double(series * 1000 + sample) / 7)
            }
        }
        _ = try await store.append(batch)
        try await store.flush()
        let content = try store.read().mapValues(\.bits)
        store.close()
        let name = try #require(try folder.names("segments").first)
        let url = URL(fileURLWithPath: "\(folder.path)/segments/\(name)")
        let bytes = try Data(contentsOf: url)
        try bytes.prefix(bytes.count * 6 / 10).write(to: url)
        let found = try read(folder)
        #expect(found.warnings.count == 1 && found.warnings[0].contains("samples are lost"))
        #expect(found.content.count >= 256 && found.content.count < 700)
        #expect(isEqual(found.content, content.filter { found.content[$0.key] != nil }))
        #expect(try read(folder).warnings == found.warnings)
    }

    @Test("A segment that nothing is known of any more goes to quarantine as a whole")
    func unknownSegment() async throws {
        let (folder, content) = try await makeFolder()
        let names = try folder.names("segments")
        try damage(folder, "segments/\(names[1])", at: -20)
        for ending in ["", "-wal", "-shm"] {
            let path = "\(folder.path)/catalog.sqlite\(ending)"
            if FileManager.default.fileExists(atPath: path) {
                try FileManager.default.removeItem(atPath: path)
            }
        }
        #expect(try verify(folder).isDamaged)
        #expect(try folder.names("quarantine") == [names[1]])
        let found = try read(folder)
        #expect(found.warnings.count == 1)
        let lost = VerifyTests.start + VerifyTests.hour..<VerifyTests.start + 2 * VerifyTests.hour
        for (labels, samples) in content {
            let isRight = found.content[labels] == samples.filter { !lost.contains($0.key) }
            #expect(isRight, "\(labels)")
        }
    }

    @Test("A damaged record of the log is told of and the file is kept, also when the log is gone")
    func damagedLog() async throws {
        let (folder, content) = try await makeFolder()
        let name = try #require(try folder.names("wal").first)
        try damage(folder, "wal/\(name)", at: 0.31)
        let report = try verify(folder)
        #expect(report.isDamaged && report.findings.map(\.file) == ["wal/\(name)"])
        #expect(try folder.names("quarantine") == [name])
        let store = try Store.open(folder, clock)
        try await store.flush()
        store.close()
        let found = try read(folder)
        #expect(found.warnings.count == 1 && found.warnings[0].contains(name))
        #expect(count(content) - count(found.content) == 600, "one record")
    }

    @Test("A catalog is made again from segments and log", arguments: [false, true])
    func rebuilt(wasRemoved: Bool) async throws {
        let (folder, content) = try await makeFolder()
        if wasRemoved {
            for ending in ["", "-wal", "-shm"] {
                let path = "\(folder.path)/catalog.sqlite\(ending)"
                if FileManager.default.fileExists(atPath: path) {
                    try FileManager.default.removeItem(atPath: path)
                }
            }
        }
        let report = try verify(folder, rebuildsCatalog: true)
        #expect(!report.isDamaged && report.findings.count == (wasRemoved ? 1 : 1), "\(report.findings)")
        let catalog = try Catalog(path: "\(folder.path)/catalog.sqlite")
        #expect(try catalog.segments().count == 2)
        // The metadata of flushed writes was in the old catalog only.
        let names = try catalog.metadata().map(\.name).sorted()
        #expect(names == (wasRemoved ? ["m2"] : ["m0", "m1", "m2"]))
        try catalog.close()
        let found = try read(folder)
        #expect(isEqual(found.content, content) && found.warnings.isEmpty)
    }

    @Test("With a damaged catalog the store starts, keeps what is sound of it, and has all samples")
    func damagedCatalog() async throws {
        let (original, content) = try await makeFolder()
        var quarantined = 0
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(original.path)/catalog.sqlite"))
        let used = bytes.indices.filter { bytes[$0] != 0 }
        for step in 0..<30 {
            let folder = try original.copy()
            let offset = used[used.count * step / 30]
            try damage(folder, "catalog.sqlite", at: Double(offset - bytes.count))
            let found = try read(folder)
            #expect(isEqual(found.content, content) && found.warnings.isEmpty, "step \(step)")
            if try folder.names("").contains("quarantine") {
                quarantined += 1
                #expect(try folder.names("quarantine").contains("catalog-1.sqlite"))
            }
        }
        // Some bytes mean nothing.
        #expect(quarantined > 20)
    }

    @Test("Segments that the catalog has lost count again")
    func forgottenSegments() async throws {
        let (folder, content) = try await makeFolder()
        let catalog = try Catalog(path: "\(folder.path)/catalog.sqlite")
        var change = CatalogChange(counters: try catalog.counters())
        change.lostFiles = try folder.names("segments")
        try catalog.commit(change)
        try catalog.close()
        let found = try read(folder)
        #expect(isEqual(found.content, content) && found.warnings.isEmpty)
        #expect(try folder.names("segments").count == 2)
    }

    @Test("Files that a merge has replaced do not count again")
    func replacedSegments() async throws {
        let (folder, content) = try await makeFolder()
        let before = try folder.copy()
        let store = try Store.open(folder, clock)
        try await store.compact()
        store.close()
        let merged = try folder.names("segments")
        // As if the removals had not become durable.
        for name in try before.names("segments") {
            try FileManager.default.copyItem(
                atPath: "\(before.path)/segments/\(name)",
                toPath: "\(folder.path)/segments/\(name)"
            )
        }
        #expect(isEqual(try read(folder).content, content))
        #expect(try folder.names("segments") == merged)
    }

    @Test(
        "A check in the background finds damage, puts the file aside and tells of it; a merge goes on after"
    )
    func scrub() async throws {
        let (folder, _) = try await makeFolder()
        let names = try folder.names("segments")
        let store = try Store.open(folder, clock)
        defer { store.close() }
        try damage(folder, "segments/\(names[0])", at: 0.3)
        store.scrub.queue.sync { store.scrubOnce(bytesPerSecond: 0) }
        #expect(try folder.names("quarantine") == [names[0]])
        let set = try store.select(SelectRequest(matchers: [], range: .all), budget: .unlimited())
        #expect(set.warnings.count == 1)
        #expect(store.telemetry.damagedSegments.value == 1)
        let left = try store.read().mapValues(\.bits)
        #expect(count(left) > 40 * 600 * 2)
        try await store.compact()
        #expect(isEqual(try store.read().mapValues(\.bits), left))
        // The files go with their last reader, and there is one.
        #expect(store.state.withLock { $0.segments.count } == 1)
    }

    @Test("A merge that meets damage takes what is sound")
    func mergeMeetsDamage() async throws {
        let (folder, _) = try await makeFolder()
        let names = try folder.names("segments")
        try damage(folder, "segments/\(names[1])", at: 0.3)
        let store = try Store.open(folder, clock)
        defer { store.close() }
        try await store.compact()
        #expect(try folder.names("segments").count == 1)
        #expect(try folder.names("quarantine") == [names[1]])
        #expect(try store.read().count == 40)
    }

    @Test("A merge without room on the disk is not begun")
    func noRoom() async throws {
        let (folder, content) = try await makeFolder()
        let store = try Store.open(folder, clock) { $0.diskReserveBytes = 1 << 60 }
        defer { store.close() }
        let names = try folder.names("segments")
        await #expect {
            try await store.compact()
        } throws: { error in
            guard case .noRoom = error as? StorageError else { return false }
            return true
        }
        #expect(try folder.names("segments") == names)
        #expect(isEqual(try store.read().mapValues(\.bits), content))
    }
}
