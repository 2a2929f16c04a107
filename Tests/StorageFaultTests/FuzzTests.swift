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
        let written = try workload.open(files)
        await workload.run(written)
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
                    let store = try workload.open(files)
                    _ = try Workload.readTelling(store)
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
