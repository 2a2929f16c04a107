import Foundation
import Model
import Testing

@testable import Storage

/// A store with segments of several frames, merged ones too, and samples in the log.
private struct DamageFixture: Sendable {
    static let seriesCount = 24
    static let batchSampleCount = 250
    static let start: Int64 = 1_767_225_600_000
    static let now = Timestamp(millis: start + 30 * 3_600_000)

    let picture: StorePicture
    /// The series, and the samples of each.
    let labels: [Labels]
    let columns: [SampleColumn]
    /// How many samples each file holds.
    let whole: Int
    /// Where the blocks of each segment end: what comes behind can be made again.
    let blockEnds: [String: Int]

    init() async throws {
        let folder = try ScratchFolder()
        let files = MemoryFileSystem(root: folder.path)
        let store = try DamageFixture.open(files)
        var random = SeededGenerator(seed: 5)
        for part in 0..<4 {
            for series in 0..<DamageFixture.seriesCount {
                var batch = SampleBatch()
                batch.beginSeries(packed: DamageFixture.labels(series).packed)
                for sample in 0..<DamageFixture.batchSampleCount {
                    let millis = DamageFixture.start + Int64(part) * 7_200_000 + Int64(sample) * 15_000
                    batch.append(millis: millis, value: Double.random(in: 0...1, using: &random))
                }
                if series == 0 {
                    batch.metadata = [MetricMetadata(name: "m\(part)", kind: .gauge, help: "Part \(part).")]
                }
                _ = try await store.append(batch)
            }
            if part < 3 { try await store.flush() }
            if part == 1 { try await store.compact() }
        }
        let set = try store.select(SelectRequest(matchers: [], range: .all), budget: .unlimited())
        var columns: [SampleColumn] = []
        for index in 0..<set.count {
            var column = SampleColumn()
            try set.read(index, into: &column)
            columns.append(column)
        }
        labels = (0..<set.count).map { set.labels(at: $0) }
        self.columns = columns
        whole = columns.reduce(0) { $0 + $1.count }
        var blockEnds: [String: Int] = [:]
        for segment in store.state.withLock({ $0.segments }) {
            blockEnds["segments/\(segment.record.file)"] = try segment.blockTable().directories.last?.end
        }
        self.blockEnds = blockEnds
        // As a kill would leave it: the log has no closed end, the catalog a write-ahead file.
        picture = StorePicture(disk: files.disk, catalog: CatalogPicture(of: folder.path))
        store.close()
    }

    static func labels(_ series: Int) -> Labels { Labels(["__name__": "m", "i": "\(series)"]) }

    static func open(_ files: MemoryFileSystem) throws -> Store {
        try Workload.open(files, now: { now }) { $0.logFileBytes = 64 << 10 }
    }
}

@Suite struct DamageTests {
    /// What happens to a file.
    enum Damage: String, CaseIterable, Sendable {
        case bitFlip, truncation, zeroedBlock

        /// How many are tried.
        var count: Int { self == .bitFlip ? Lane.count(1000, soak: 100_000) : Lane.count(500, soak: 50_000) }

        fileprivate func apply(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
            guard !bytes.isEmpty else { return }
            switch self {
            case .bitFlip: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
            case .truncation: bytes.removeLast(1 + random.below(bytes.count))
            case .zeroedBlock:
                let size = [512, 4096][random.below(2)]
                let start = random.below(bytes.count) / size * size
                let end = min(bytes.count, start + size)
                for index in start..<end { bytes[index] = 0 }
            }
        }
    }

    @Test(
        "damage to any file gives no wrong value, costs what was damaged, is told of, and the store starts",
        arguments: Damage.allCases
    )
    func anyFile(damage: Damage) async throws {
        let seed = Lane.seed
        print("damage test: \(damage), SEXTANT_SEED=\(seed)")
        let fixture = try await DamageFixture()
        let disk = fixture.picture.disk
        let names = disk.names.keys.sorted() + fixture.picture.catalog.files.keys.sorted()
        #expect(names.count >= 5, "\(names)")
        var random = SeededGenerator(seed: seed)
        var lossCount = 0
        var mostLost: [String: Int] = [:]
        for number in 0..<damage.count {
            let name = names[number % names.count]
            var picture = fixture.picture
            var bytes = picture.bytes(of: name)
            let before = bytes
            damage.apply(&bytes, &random)
            if bytes == before { continue }
            picture.replace(name, with: bytes)
            let state = "\(damage) \(number) of \(name), seed \(seed)"
            let lost = try check(fixture, picture, state)
            if lost > 0 { lossCount += 1 }
            if let end = fixture.blockEnds[name], bytes.count == before.count {
                let isBehind = zip(bytes, before).prefix(end).allSatisfy { $0 == $1 }
                if isBehind { #expect(lost == 0, "\(state)") }
            }
            let kind = String(name.split(separator: ".").last ?? "")
            mostLost[kind] = max(mostLost[kind] ?? 0, lost)
        }
        print("damage test: \(damage) cost samples \(lossCount) times, at most \(mostLost)")
        #expect(lossCount > 0)
        #expect((mostLost["sqlite"] ?? 0) + (mostLost["sqlite-wal"] ?? 0) == 0)
        // A record of the log has the samples of one batch.
        if damage == .bitFlip { #expect((mostLost["log"] ?? 0) <= DamageFixture.batchSampleCount) }
    }

    @Test("a flip anywhere behind the blocks of a segment costs nothing") func tables() async throws {
        let fixture = try await DamageFixture()
        #expect(!fixture.blockEnds.isEmpty)
        for (name, end) in fixture.blockEnds {
            let whole = fixture.picture.bytes(of: name)
            for offset in end..<whole.count {
                var bytes = whole
                bytes[offset] ^= 1 << UInt8(offset % 8)
                var picture = fixture.picture
                picture.replace(name, with: bytes)
                let state = "byte \(offset) of \(whole.count) of \(name)"
                let lost = try check(fixture, picture, state)
                #expect(lost == 0, "\(state)")
            }
        }
    }

    /// How many samples are lost.
    private func check(_ fixture: DamageFixture, _ picture: StorePicture, _ state: String) throws -> Int {
        let (folder, files) = try picture.restored()
        defer { withExtendedLifetime(folder) {} }
        let store = try DamageFixture.open(files)
        defer { store.close() }
        let set = try store.select(SelectRequest(matchers: [], range: .all), budget: .unlimited())
        var found = 0
        for index in 0..<set.count {
            var column = SampleColumn()
            try set.read(index, into: &column)
            guard let place = fixture.labels.firstIndex(of: set.labels(at: index)) else {
                Issue.record("\(state): \(set.labels(at: index)) was never written")
                continue
            }
            let complete = fixture.columns[place]
            var position = 0
            for (sample, millis) in column.timestamps.enumerated() {
                while position < complete.count, complete.timestamps[position] < millis { position += 1 }
                let isRight =
                    position < complete.count && complete.timestamps[position] == millis
                    && complete.values[position].bitPattern == column.values[sample].bitPattern
                if !isRight { Issue.record("\(state): a wrong value in \(set.labels(at: index))") }
            }
            found += column.count
        }
        let lost = fixture.whole - found
        if lost > 0 {
            #expect(!set.warnings.isEmpty, "\(state): \(lost) samples are lost without a warning")
            let telemetry = store.telemetry
            let count =
                telemetry.damagedSegments.value + telemetry.damagedRecords.value + telemetry.tornLogs.value
            #expect(count > 0, "\(state): \(lost) samples are lost and no metric says so")
        }
        return lost
    }
}

extension StorePicture {
    /// The bytes of a file, by its path in the data directory.
    func bytes(of name: String) -> [UInt8] {
        if let bytes = catalog.files[name] { return Array(bytes) }
        return disk.names[name].flatMap { disk.contents[$0]?.seen } ?? []
    }

    /// Puts other bytes into a file.
    mutating func replace(_ name: String, with bytes: [UInt8]) {
        if catalog.files[name] != nil {
            catalog.files[name] = Data(bytes)
        } else if let number = disk.names[name] {
            disk.contents[number] = MemoryDisk.Content(bytes)
        }
    }
}
