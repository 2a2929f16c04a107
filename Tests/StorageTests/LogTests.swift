import Glibc
import Model
import Testing

@testable import Storage

@Suite("The log: group commit, files and spares")
struct LogTests {
    @Test("what is acknowledged is in the files, in order", arguments: Durability.allCases)
    func roundTrip(durability: Durability) async throws {
        let bench = try LogBench { $0.durability = durability }
        for value in 0..<10 { try await bench.write(value) }
        #expect(try bench.read().values == Array(0..<10))
        bench.log.close()
        let (values, reports) = try bench.read()
        #expect(values == Array(0..<10))
        #expect(reports.map(\.damagedCount) == [0])
        #expect(reports.allSatisfy { $0.hasEnd && $0.tornByteCount == 0 })
        #expect(throws: SinkError.self) { _ = try bench.log.beginWrite() }
    }

    @Test("writes that come while a sync is under way share the next one")
    func groupCommit() async throws {
        let bench = try LogBench()
        try await bench.write(0)
        let before = bench.files.count(.sync)
        bench.files.holdSyncs()
        let first = try bench.begin(1)
        // The first write waits in its sync; the others come meanwhile.
        while bench.files.count(.write) < 3 { await Task.yield() }
        let others = try (2..<50).map { try bench.begin($0) }
        bench.files.letSyncsGo()
        try await first.wait()
        for other in others { try await other.wait() }
        #expect(bench.files.count(.sync) - before == 2)
        #expect(try bench.read().values == Array(0..<50))
        #expect(bench.telemetry.logRecords.value == 50)
    }

    @Test("a full file is followed by a new one, and both can be read by themselves")
    func roll() async throws {
        let bench = try LogBench { $0.logFileBytes = 4096 }
        for value in 0..<20 { try await bench.write(value, sampleCount: 1000) }
        let (values, reports) = try bench.read()
        #expect(values == Array(0..<20))
        #expect(reports.count > 2)
        #expect(reports.allSatisfy { $0.hasEnd && $0.damagedCount == 0 })
        #expect(reports.dropLast().allSatisfy { $0.byteCount >= 4096 })
        #expect(bench.log.byteCount == reports.reduce(0) { $0 + $1.byteCount })
        #expect(bench.log.diskByteCount == reports.reduce(0) { $0 + $1.fileByteCount })
    }

    @Test("before anything in a new file is acknowledged the old one is durable")
    func syncAtRoll() async throws {
        let bench = try LogBench {
            $0.durability = .interval
            $0.logFileBytes = 1
        }
        try await bench.write(1)
        #expect(bench.files.syncedNames.filter { $0 == LogFile.name(1) }.count == 1, "the header only")
        try await bench.write(2)
        #expect(bench.files.syncedNames.filter { $0 == LogFile.name(1) }.count == 2)
        #expect(bench.files.syncedNames.last != LogFile.name(1))
    }

    @Test("a new file is begun on request, and old ones are deleted")
    func beginFile() async throws {
        let bench = try LogBench()
        #expect(bench.log.beginFile() == 1, "nothing was written yet")
        try await bench.write(1)
        let number = bench.log.beginFile()
        #expect(number == 2)
        try await bench.write(2)
        #expect(try bench.numbers() == [1, 2])
        bench.log.removeFiles(below: number)
        bench.log.settle()
        #expect(try bench.numbers() == [2])
        #expect(try bench.read().values == [2])
        // The file that takes the next write stays, whatever is asked for.
        bench.log.removeFiles(below: 99)
        bench.log.settle()
        #expect(try bench.numbers() == [2])
        #expect(try bench.folder.names("") == ["000000000002.log"], "a small file makes no spare")
    }

    @Test("a large old file is overwritten by the next one, whose end is found")
    func recycle() async throws {
        let bench = try LogBench { $0.logFileBytes = 64 << 10 }
        var value = 0
        var expected: [Int] = []
        for round in 0..<6 {
            let number = bench.log.beginFile()
            bench.log.removeFiles(below: number)
            expected = []
            // Fewer each time, so that more of the older file stays behind the end.
            for _ in 0..<(12 - 2 * round) {
                try await bench.write(value, sampleCount: 2000)
                expected.append(value)
                value += 1
            }
            let (values, reports) = try bench.read()
            #expect(values == expected, "round \(round)")
            #expect(reports.allSatisfy { $0.hasEnd && $0.damagedCount == 0 && $0.tornByteCount == 0 })
        }
        #expect(bench.telemetry.logFilesRecycled.value >= 3)
        #expect(try bench.folder.names("").filter { $0.hasSuffix(".spare") }.count <= 1)
        let sizes = try bench.folder.names("").map { name in
            try PosixFileSystem().open("\(bench.folder.path)/\(name)").size()
        }
        #expect(bench.log.diskByteCount == sizes.reduce(0, +))
        #expect(bench.log.byteCount < bench.log.diskByteCount)
    }

    @Test("small writes go over zeros that were written before, and the end is found")
    func room() async throws {
        let bench = try LogBench()
        var sizes: Set<Int> = []
        for value in 0..<200 {
            try await bench.write(value)
            sizes.insert(bench.log.diskByteCount)
        }
        #expect(sizes.count < 50, "most writes leave the file as long as it is")
        let (values, reports) = try bench.read()
        #expect(values == Array(0..<200))
        #expect(reports.allSatisfy { $0.hasEnd && $0.damagedCount == 0 && $0.tornByteCount == 0 })
        #expect(reports.reduce(0) { $0 + $1.fileByteCount } == bench.log.diskByteCount)
    }

    @Test("no room for zeros is no failure of the write")
    func noRoom() async throws {
        let bench = try LogBench()
        for value in 0..<5 { try await bench.write(value) }
        // From the sixth write on only the first of its calls works.
        for value in 5..<40 {
            bench.files.fail(.write, skipping: 1, code: ENOSPC, lasting: true)
            try await bench.write(value)
            bench.files.heal()
        }
        #expect(try bench.read().values == Array(0..<40))
    }

    @Test("a forced flush keeps no spare, and one that a dead daemon left goes at the start")
    func noSpare() async throws {
        let bench = try LogBench { $0.logFileBytes = 64 << 10 }
        for value in 0..<5 { try await bench.write(value, sampleCount: 4000) }
        bench.log.removeFiles(below: bench.log.beginFile())
        bench.log.settle()
        let copy = try bench.folder.copy()
        #expect(try copy.names("").filter { $0.hasSuffix(".spare") }.count == 1)
        try LogFile.removeSpares(in: copy.path, PosixFileSystem())
        #expect(try copy.names("").isEmpty)
        bench.log.removeFiles(below: bench.log.beginFile(), keepSpare: false)
        bench.log.settle()
        #expect(try bench.folder.names("").isEmpty)
        #expect(bench.log.diskByteCount == 0)
        try await bench.write(7)
        #expect(try bench.read().values == [7])
    }

    @Test("files that an earlier daemon wrote are deleted, not overwritten")
    func foreignFiles() async throws {
        let earlier = try LogBench { $0.logFileBytes = 64 << 10 }
        for value in 0..<5 { try await earlier.write(value, sampleCount: 4000) }
        earlier.log.close()
        let size = earlier.log.diskByteCount
        let options = earlier.options
        let log = Log(
            directory: earlier.folder.path,
            firstNumber: 9,
            existing: [1: size],
            options: options,
            telemetry: earlier.telemetry
        )
        #expect(log.byteCount == size)
        log.removeFiles(below: log.beginFile())
        log.settle()
        #expect(try earlier.folder.names("").filter { $0.hasPrefix("000000000001") }.isEmpty)
    }

    @Test("definitions stand in the file more than once, far enough from each other")
    func copies() async throws {
        let bench = try LogBench()
        for value in 0..<40 { try await bench.write(value, sampleCount: 500) }
        let path = "\(bench.folder.path)/\(LogFile.name(1))"
        let file = try PosixFileSystem().open(path)
        let bytes = try file.read(at: 0, count: try file.size())
        // Without the first records that define the series, all but their own samples are read.
        var counts: [Int] = []
        for length in [30, 100] {
            var changed = bytes
            for position in LogFile.headerByteCount..<LogFile.headerByteCount + length {
                changed[position] ^= 0x55
            }
            let copy = try TemporaryFolder()
            let target = try PosixFileSystem().create("\(copy.path)/\(LogFile.name(1))")
            try target.write(changed)
            let found = try LogBench(copy).read()
            counts.append(found.values.count)
            #expect(found.reports.map(\.damagedCount).reduce(0, +) > 0)
        }
        #expect(counts.allSatisfy { $0 >= 39 })
    }

    @Test("the POSIX file system says what is wrong, and writes where it is told")
    func posix() throws {
        let files = PosixFileSystem()
        let full = try files.openForWriting("/dev/full")
        #expect(throws: FileError("write", "/dev/full", code: ENOSPC)) { try full.write([1], at: 0) }
        #expect(throws: FileError.self) { _ = try files.openForWriting("/dev/null/x") }
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/a"
        let made = try files.create(path)
        try made.write([1, 2, 3])
        try made.write([4])
        let again = try files.openForWriting(path)
        try again.write([9, 9], at: 1)
        try again.write([7], at: 6)
        #expect(try again.read(at: 0, count: 7) == [1, 9, 9, 4, 0, 0, 7])
        let space = try files.diskSpace(of: folder.path)
        #expect(space.byteCount > 0 && space.freeByteCount <= space.byteCount)
        #expect(throws: FileError.self) { _ = try files.diskSpace(of: "\(folder.path)/none") }
    }
}
