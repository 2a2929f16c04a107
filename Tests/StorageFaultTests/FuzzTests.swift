import ChunkCodec
import Foundation
import Model
import Testing

@testable import Storage

/// Readers of files get bytes that a seeded mutator has changed: they may refuse them or read something, and
/// must not trap nor go on for ever.
///
/// Where a checksum would end the test at once, it is made right again.
@Suite struct FuzzTests {
    @Test("segments")
    func segments() async throws {
        try await fuzz("segment", Lane.count(1500, soak: 1_000_000)) { fixture, name, random in
            guard name.hasSuffix(".seg") else { return nil }
            var bytes = fixture.bytes(of: name)
            if random.below(4) == 0 {
                Mutator.mutate(&bytes, &random)
            } else {
                Mutator.mutateFrames(&bytes, &random)
            }
            return bytes
        }
    }

    @Test("log files")
    func logs() async throws {
        try await fuzz("log", Lane.count(1500, soak: 1_000_000)) { fixture, name, random in
            guard name.hasSuffix(".log"), let number = LogFile.number(ofName: Mutator.last(name)) else {
                return nil
            }
            var bytes = fixture.bytes(of: name)
            if random.below(4) == 0 {
                Mutator.mutate(&bytes, &random)
            } else {
                Mutator.mutateRecords(&bytes, number, &random)
            }
            return bytes
        }
    }

    @Test("catalogs")
    func catalogs() async throws {
        try await fuzz("catalog", Lane.count(400, soak: 200_000)) { fixture, name, random in
            guard name.contains("sqlite") else { return nil }
            var bytes = fixture.bytes(of: name)
            Mutator.mutate(&bytes, &random)
            return bytes
        }
    }

    /// Opens and reads a store again and again, each time with one file changed by `change`, which gives nil
    /// for files that it is not about.
    private func fuzz(
        _ title: String,
        _ count: Int,
        _ change: (StorePicture, String, inout SeededGenerator) -> [UInt8]?
    ) async throws {
        let seed = Lane.seed
        print("fuzz test: \(title), SEXTANT_SEED=\(seed)")
        let folder = try ScratchFolder()
        let files = MemoryFileSystem(root: folder.path)
        let workload = Workload()
        let written = try FuzzTests.open(files, workload)
        await workload.run(written)
        _ = try await written.append(FuzzTests.dense)
        try await written.flush()
        try await written.compact()
        #expect(try FuzzTests.chunkKinds(written).isSuperset(of: 0...7))
        _ = try await written.append(Workload.lastBatch)
        let fixture = StorePicture(disk: files.disk, catalog: CatalogPicture(of: folder.path))
        written.close()
        var random = SeededGenerator(seed: seed)
        let names = fixture.disk.names.keys.sorted() + fixture.catalog.files.keys.sorted()
        var done = 0
        while done < count {
            let before = done
            for name in names {
                guard let bytes = change(fixture, name, &random) else { continue }
                done += 1
                var picture = fixture
                picture.replace(name, with: bytes)
                let (folder, files) = try picture.restored()
                defer { withExtendedLifetime(folder) {} }
                do {
                    let store = try FuzzTests.open(files, workload)
                    _ = try Workload.readTelling(store)
                    try FuzzTests.readStates(store)
                    try await store.compact()
                    store.close()
                } catch let error as StorageError {
                    // A forged checksum may stand over the number of a newer format, or over anything else.
                    guard title != "catalog" else { throw error }
                }
            }
            #expect(done > before, "there is no \(title)")
            if done == before { return }
        }
    }
}

extension FuzzTests {
    /// Opens a store that rolls everything up.
    private static func open(_ files: MemoryFileSystem, _ workload: Workload) throws -> Store {
        try Workload.open(files, now: { workload.marks.now }) { options in
            let rollups = RollupLevel.allCases.map { RetentionTimes.Rollup(level: $0, keptMillis: nil) }
            options.retention.defaultTimes = RetentionTimes(rawMillis: 400 * 86_400_000, rollups: rollups)
        }
    }

    /// Counters of numbers and of native histograms, which are rolled up to all levels: regular ones, and
    /// some with resets and another resolution.
    private static var dense: SampleBatch {
        var batch = SampleBatch()
        let start: Int64 = 1_767_225_600_000 + 3 * 86_400_000
        for series in 0..<3 {
            batch.beginSeries(packed: Labels(["__name__": "d", "i": "\(series)"]).packed)
            for step in 0..<300 {
                let millis = start + Int64(step) * 15_000
                guard series > 0 else {
                    batch.append(millis: millis, value: Double(step))
                    continue
                }
                let grown = Double(series == 2 ? step % 50 : step)
                var histogram = NativeHistogram(schema: series == 2 ? Int32(step / 100) : 3, count: 4 * grown)
                histogram.sum = grown / 8
                for index in 0..<Int32(4) { histogram.positive.append(index: index, count: grown) }
                batch.append(millis: millis, histogram: histogram)
            }
        }
        return batch
    }

    /// The kinds of all chunks.
    private static func chunkKinds(_ store: Store) throws -> Set<UInt8> {
        var kinds: Set<UInt8> = []
        for segment in store.state.withLock({ $0.segments }) {
            for ordinal in 0..<UInt32(segment.seriesCount) {
                kinds.formUnion(try segment.chunks(of: ordinal).map(\.kind))
            }
        }
        return kinds
    }

    /// Reads states of windows on and off the borders of buckets.
    private static func readStates(_ store: Store) throws {
        let set = try store.select(SelectRequest(matchers: [], range: .all), budget: .unlimited())
        let start: Int64 = 1_767_225_600_000
        let lengths: [Int64] = [300_000, 3_600_000, 7_000_001, 86_400_000]
        let windows = (0..<40).map { number in
            let from = start + Int64(number) * 400_000
            let length = lengths[number / 10] - 1
            return TimeRange(Timestamp(millis: from), Timestamp(millis: from + length))
        }
        let parts: WindowParts = [.sum, .extremes, .increase, .area]
        for index in 0..<set.count {
            var states: [WindowState] = []
            _ = try set.states(of: index, in: windows, parts, into: &states)
            _ = try set.histogramStates(of: index, in: windows, parts) { _, _ in }
        }
    }
}

/// Changes bytes at random.
enum Mutator {
    private static let integers: [UInt8] = [0, 1, 0x7f, 0x80, 0xfe, 0xff]

    /// The last part of a path.
    static func last(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }

    /// Flips, overwrites, inserts, removes and copies.
    static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        for _ in 0...random.below(4) {
            guard !bytes.isEmpty else { return }
            let place = random.below(bytes.count)
            switch random.below(6) {
            case 0: bytes[place] ^= 1 << UInt8(random.below(8))
            case 1: bytes[place] = integers[random.below(integers.count)]
            case 2: bytes.insert(UInt8(random.below(256)), at: place)
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(64)))
            case 4:
                let copy = bytes[place..<min(bytes.count, place + 1 + random.below(64))]
                bytes.insert(contentsOf: Array(copy), at: random.below(bytes.count))
            default: bytes.removeLast(random.below(bytes.count))
            }
        }
    }

    /// Overwrites some bytes of a stretch, whose size stays.
    static func overwrite(_ bytes: inout [UInt8], _ range: Range<Int>, _ random: inout SeededGenerator) {
        guard !range.isEmpty else { return }
        for _ in 0...random.below(3) {
            let place = range.lowerBound + random.below(range.count)
            bytes[place] =
                random.below(2) == 0
                ? bytes[place] ^ (1 << UInt8(random.below(8))) : integers[random.below(integers.count)]
        }
    }

    /// Changes the content of frames of a segment, or its footer, and makes their checksums right again.
    static func mutateFrames(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        var frames: [Range<Int>] = []
        var position = SegmentFormat.header.count
        while position < bytes.count {
            var reader = ByteReader(bytes[position...])
            do throws(CodecError) { _ = try Frame.read(from: &reader) } catch { break }
            let end = bytes.count - reader.remainingCount
            frames.append(position..<end)
            position = end
        }
        // The last frames are the directory, where most can go wrong.
        for _ in 0...random.below(2) {
            let footer = bytes.count - SegmentFormat.footerByteCount
            if frames.isEmpty || random.below(6) == 0 {
                overwrite(&bytes, footer..<footer + 84, &random)
                seal(&bytes, footer..<footer + 84)
            } else {
                let frame = frames[
                    random.below(2) == 0
                        ? frames.count - 1 - random.below(min(3, frames.count))
                        : random.below(frames.count)
                ]
                overwrite(&bytes, frame.lowerBound + 1..<frame.upperBound - 4, &random)
                seal(&bytes, frame.lowerBound..<frame.upperBound - 4)
            }
        }
    }

    /// Changes records of a log file and makes their checksums right again.
    static func mutateRecords(_ bytes: inout [UInt8], _ number: UInt64, _ random: inout SeededGenerator) {
        var records: [Range<Int>] = []
        var position = LogFile.headerByteCount
        while position + LogFile.recordHeadByteCount <= bytes.count,
            bytes[position + 3] == LogFile.recordMarker
        {
            let stored = (0..<4).reduce(0) { $0 | Int(bytes[position + 4 + $1]) << (8 * $1) }
            let end = position + LogFile.recordHeadByteCount + stored
            guard end <= bytes.count else { break }
            records.append(position..<end)
            position = end
        }
        guard !records.isEmpty else { return }
        for _ in 0...random.below(3) {
            let record = records[random.below(records.count)]
            let content = record.lowerBound + LogFile.recordHeadByteCount
            if random.below(5) == 0 {
                overwrite(&bytes, record.lowerBound + 4..<record.lowerBound + 12, &random)
            }
            overwrite(&bytes, content..<record.upperBound, &random)
            let head = LogFile.headChecksum(bytes[record.lowerBound..<record.lowerBound + 12], number)
            put(head, &bytes, record.lowerBound + 12)
            let whole = Checksum.crc32c(bytes[content..<record.upperBound], continuing: head)
            put(whole, &bytes, record.lowerBound + 16)
        }
    }

    /// Writes the checksum of a stretch behind it.
    private static func seal(_ bytes: inout [UInt8], _ range: Range<Int>) {
        put(Checksum.crc32c(bytes[range]), &bytes, range.upperBound)
    }

    private static func put(_ checksum: UInt32, _ bytes: inout [UInt8], _ offset: Int) {
        for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(byte))) }
    }
}
