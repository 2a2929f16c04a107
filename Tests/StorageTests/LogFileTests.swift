import Model
import Synchronization
import Testing

@testable import Storage

@Suite("Files of the log")
struct LogFileTests {
    /// A log file of small groups; the write of group i has one sample of value i and series i % 5.
    private func makeFile(
        count: Int,
        number: UInt64 = 7,
        isClosed: Bool = false
    ) -> (bytes: [UInt8], ends: [Int]) {
        var bytes = LogFile.header(number)
        var ends: [Int] = []
        let builder = LogRecordBuilder()
        for index in 0..<count {
            let series = UInt32(index % 5)
            if index < 5 {
                let labels = Labels(["__name__": "m", "i": "\(series)"]).packed
                unsafe labels.withUnsafeBytes { unsafe builder.define(series, packed: $0) }
            }
            builder.append(series, millis: Int64(index) * 1000, bits: Double(index).bitPattern)
            let content = builder.finish(sequence: UInt64(index + 1))
            var startsGroup = true
            let definitions = content.definitions.isEmpty ? [] : [content.definitions]
            for piece in definitions + [content.record] + definitions {
                LogFile.append(
                    LogFile.Block(piece),
                    number: number,
                    startsGroup: startsGroup,
                    to: &bytes
                )
                startsGroup = false
            }
            ends.append(bytes.count)
        }
        bytes += LogFile.endMark(number, at: bytes.count, isClosed: isClosed)
        return (bytes, ends)
    }

    /// The values of the writes whose series are defined, and what else was found.
    private func read(
        _ bytes: [UInt8],
        number: UInt64 = 7,
        pieceByteCount: Int = 4 << 20
    ) throws -> (values: [Double], report: LogFileReport) {
        var values: [Double] = []
        var defined: Set<UInt32> = []
        let files = MemoryFile(bytes)
        let report = try LogFile.read(
            path: "x",
            number: number,
            fileSystem: files,
            pieceByteCount: pieceByteCount
        ) { record in
            switch record {
            case .definitions(let found): defined.formUnion(found.entries.map(\.series))
            case .write(let write):
                if defined.isSuperset(of: write.series) { values += write.values }
            case .metadata: break
            }
        }
        return (values, report)
    }

    @Test("a file has the bytes that the format page says")
    func golden() {
        var bytes = LogFile.header(7)
        LogFile.append(
            LogFile.Block(Array("sextant log".utf8)),
            number: 7,
            startsGroup: true,
            to: &bytes
        )
        bytes += LogFile.endMark(7, at: bytes.count, isClosed: true)
        let expected: [UInt8] =
            Array("SXTNTLOG".utf8) + [2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0] + LogFileTests.goldenChecksums[0]
            + [0xf5, 0x53, 0x58, 0xfa, 11, 0, 0, 0, 11, 0, 0, 0x80] + LogFileTests.goldenChecksums[1]
            + LogFileTests.goldenChecksums[2] + Array("sextant log".utf8)
            + [0xf5, 0x53, 0x58, 0xfb, 1, 0, 0, 0] + LogFileTests.goldenChecksums[3]
        #expect(bytes == expected)
    }

    /// The checksums of header, head, content and end mark in `golden`, made by another program.
    private static let goldenChecksums: [[UInt8]] = [
        [0xe6, 0xe6, 0xd3, 0xb4],
        [0xf7, 0xf6, 0xb0, 0x1c],
        [0xa1, 0xe6, 0x51, 0x45],
        [0x5a, 0xc0, 0x6f, 0xe0],
    ]

    @Test("cut anywhere, a file keeps every record that is whole and calls the rest torn")
    func torn() throws {
        let (bytes, ends) = makeFile(count: 12)
        for cut in 0...bytes.count {
            let (values, report) = try read(Array(bytes[..<cut]))
            // The samples of a group count before the copy of its definitions is whole.
            let whole = ends.filter { $0 <= cut }.count
            #expect(values.prefix(whole).elementsEqual((0..<whole).map(Double.init)), "cut at \(cut)")
            #expect(values.count <= whole + 1, "cut at \(cut)")
            #expect(report.damagedCount == 0, "cut at \(cut)")
            #expect(report.hasEnd == (cut == bytes.count), "cut at \(cut)")
            #expect(report.tornByteCount <= cut, "cut at \(cut)")
        }
    }

    @Test("a changed bit anywhere costs one write at most, never yields a wrong value and is noticed")
    func damaged() throws {
        for isClosed in [false, true] {
            let (bytes, _) = makeFile(count: 12, isClosed: isClosed)
            for position in 0..<bytes.count {
                for bit in 0..<8 {
                    var changed = bytes
                    changed[position] ^= 1 << UInt8(bit)
                    let (values, report) = try read(changed)
                    let place = "byte \(position) bit \(bit) closed \(isClosed)"
                    #expect(values.count >= 11, "\(place)")
                    #expect(values == Array(Set(values)).sorted(), "\(place)")
                    #expect(Set(values).isSubset(of: Set((0..<12).map(Double.init))), "\(place)")
                    #expect(
                        report.damagedCount > 0 || report.tornByteCount > 0 || !report.hasEnd,
                        "\(place) unnoticed"
                    )
                    // Damage before the last record is never taken for a write that was under way.
                    if values.count == 11 && values.last == 11 {
                        #expect(report.damagedCount > 0, "\(place)")
                    }
                }
            }
        }
    }

    @Test("a stretch of zeros costs the records that it touches", arguments: 0..<30)
    func zeroed(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let (bytes, ends) = makeFile(count: 60, isClosed: true)
        // The definitions are in the first groups, and so are their copies.
        let start = Int.random(in: ends[5]..<bytes.count - 100, using: &random)
        let length = Int.random(in: 1...100, using: &random)
        var changed = bytes
        for position in start..<start + length { changed[position] = 0 }
        let (values, report) = try read(changed)
        let starts = [LogFile.headerByteCount] + ends
        let expected = (0..<60).filter { ends[$0] <= start || starts[$0] >= start + length }
        #expect(Set(expected.map(Double.init)).isSubset(of: Set(values)), "seed \(seed)")
        #expect(report.damagedCount > 0, "seed \(seed)")
    }

    @Test("what an older file left behind the end is neither read nor counted as damage")
    func recycled() throws {
        let (old, _) = makeFile(count: 200, number: 6)
        let (new, ends) = makeFile(count: 20, number: 7)
        for written in [0, 1, 7, 20] {
            let end = written == 0 ? LogFile.headerByteCount : ends[written - 1]
            let mark = LogFile.endMark(7, at: end, isClosed: false)
            let bytes = Array(new[..<end]) + mark + old[(end + mark.count)...]
            let (values, report) = try read(bytes)
            #expect(values == (0..<written).map(Double.init))
            #expect(report.hasEnd && report.damagedCount == 0 && report.tornByteCount == 0)
            #expect(report.byteCount == end && report.fileByteCount == old.count)
        }
    }

    @Test("a write that was under way over an older file is torn wherever it stopped")
    func tornOverOlder() throws {
        let (old, _) = makeFile(count: 200, number: 6)
        let (new, ends) = makeFile(count: 20, number: 7)
        for cut in LogFile.headerByteCount..<new.count {
            let (values, report) = try read(Array(new[..<cut]) + old[cut...])
            let whole = ends.filter { $0 <= cut }.count
            #expect(values.prefix(whole).elementsEqual((0..<whole).map(Double.init)), "cut at \(cut)")
            #expect(values.count <= whole + 1, "cut at \(cut)")
            #expect(report.damagedCount == 0, "cut at \(cut)")
        }
    }

    @Test("pages of the last group may reach the disk in any order")
    func tornGroup() throws {
        // Three records in one group that was never acknowledged; the first one did not reach the disk.
        var bytes = makeFile(count: 8).bytes
        bytes.removeLast(LogFile.endMarkByteCount)
        let start = bytes.count
        let builder = LogRecordBuilder()
        var ends: [Int] = []
        for index in 8..<11 {
            builder.append(0, millis: Int64(index), bits: Double(index).bitPattern)
            let block = LogFile.Block(builder.finish(sequence: UInt64(index)).record)
            LogFile.append(block, number: 7, startsGroup: index == 8, to: &bytes)
            ends.append(bytes.count)
        }
        bytes += LogFile.endMark(7, at: bytes.count, isClosed: false)
        for position in start..<ends[0] { bytes[position] = 0 }
        let (values, report) = try read(bytes)
        #expect(Array(values.prefix(8)) == (0..<8).map(Double.init))
        #expect(report.damagedCount == 0, "nobody was told that these were stored")
        // Once a later group has been written, the same gap is damage.
        bytes.removeLast(LogFile.endMarkByteCount)
        builder.append(0, millis: 20, bits: Double(20).bitPattern)
        LogFile.append(
            LogFile.Block(builder.finish(sequence: 20).record),
            number: 7,
            startsGroup: true,
            to: &bytes
        )
        #expect(try read(bytes).report.damagedCount == 1)
    }

    @Test("pieces of any size give the same", arguments: [1, 7, 24, 100, 1000])
    func pieces(pieceByteCount: Int) throws {
        var (bytes, _) = makeFile(count: 50)
        #expect(try read(bytes, pieceByteCount: pieceByteCount).values == (0..<50).map(Double.init))
        bytes[bytes.count / 2] ^= 4
        let whole = try read(bytes)
        let pieced = try read(bytes, pieceByteCount: pieceByteCount)
        #expect(whole.values.count >= 49)
        #expect(pieced.values == whole.values)
        #expect(pieced.report == whole.report)
    }

    @Test("the end is found in 64 MiB of an older file without delay")
    func largeRecycled() throws {
        var old = LogFile.header(6)
        let builder = LogRecordBuilder()
        var random = SeededGenerator(seed: 1)
        for series in 0..<2000 as Range<UInt32> { builder.append(series, millis: 0, bits: random.next()) }
        let block = LogFile.Block(builder.finish(sequence: 1).record)
        while old.count < 64 << 20 { LogFile.append(block, number: 6, startsGroup: true, to: &old) }
        // Torn in the second record, so that the whole rest has to be looked at.
        let (new, ends) = makeFile(count: 3, number: 7)
        old.replaceSubrange(0..<ends[1], with: new[..<ends[1]])
        let start = ContinuousClock.now
        let (values, report) = try read(old)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        #expect(values == [0, 1])
        #expect(report.damagedCount == 0 && !report.hasEnd)
        #expect(seconds < 10, "took \(seconds) s even in a debug build")
        print("64 MiB of older records passed in \(seconds) s")
    }

    @Test("a file of a newer or older format is refused by name, a damaged header is not")
    func versions() throws {
        let (bytes, _) = makeFile(count: 3)
        func header(version: UInt8) -> [UInt8] {
            var header = Array(LogFile.header(7).dropLast(4))
            header[8] = version
            header.append(littleEndian: LogFileTests.crc32c(header))
            return header
        }
        #expect(throws: StorageError.newerFormat(path: "x", found: 99, supported: 2)) {
            _ = try read(header(version: 99) + bytes.dropFirst(24))
        }
        #expect(throws: StorageError.olderFormat(path: "x", found: 1, supported: 2)) {
            _ = try read(header(version: 1) + bytes.dropFirst(24))
        }
        var damaged = bytes
        damaged[8] = 99
        let (values, report) = try read(damaged)
        #expect(values == [0, 1, 2] && report.damagedCount == 1)
    }

    @Test("names carry the number")
    func names() {
        #expect(LogFile.name(7) == "000000000007.log")
        #expect(LogFile.number(ofName: LogFile.name(.max)) == .max)
        #expect(LogFile.number(ofName: LogFile.spareName(7)) == nil)
        #expect(LogFile.number(ofName: "x.log") == nil)
    }

    /// CRC32C bit by bit, as its definition says.
    private static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        var state = UInt32.max
        for byte in bytes {
            state ^= UInt32(byte)
            for _ in 0..<8 { state = (state >> 1) ^ (state & 1 == 1 ? 0x82f6_3b78 : 0) }
        }
        return ~state
    }
}

/// A file system of one file in memory, for reading.
private struct MemoryFile: FileSystem, File {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func open(_ path: String) throws(FileError) -> any File { self }
    func size() throws(FileError) -> Int { bytes.count }
    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset + count <= bytes.count else {
            throw FileError("read", "x", code: 0)
        }
        return Array(bytes[offset..<offset + count])
    }

    private var unused: FileError { FileError("use", "x", code: 1) }
    func createDirectory(_ path: String) throws(FileError) { throw unused }
    func list(_ directory: String) throws(FileError) -> [String] { throw unused }
    func create(_ path: String) throws(FileError) -> any File { throw unused }
    func openForWriting(_ path: String) throws(FileError) -> any File { throw unused }
    func rename(_ path: String, to newPath: String) throws(FileError) { throw unused }
    func remove(_ path: String) throws(FileError) { throw unused }
    func link(_ path: String, to newPath: String) throws(FileError) { throw unused }
    func removeDirectory(_ path: String) throws(FileError) { throw unused }
    func syncDirectory(_ path: String) throws(FileError) { throw unused }
    func lock(_ path: String) throws(FileError) -> (any File)? { throw unused }
    func diskSpace(of directory: String) throws(FileError) -> DiskSpace { throw unused }
    func write(_ bytes: [UInt8]) throws(FileError) { throw unused }
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) { throw unused }
    func sync() throws(FileError) { throw unused }
    func truncate(to size: Int) throws(FileError) { throw unused }
}
