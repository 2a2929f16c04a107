import ChunkCodec
import Foundation
import Matching
import Model
import Testing

@testable import Storage

private let start: Int64 = 1_767_225_600_000

/// Segment files by themselves: what is written comes back, and answers equal those of a naive model.
@Suite struct SegmentTests {
    /// Series in label order with their samples.
    typealias Model = [(labels: Labels, column: SampleColumn)]

    static func model(_ random: inout SeededGenerator, seriesCount: Int) -> Model {
        var columns: [Labels: SampleColumn] = [:]
        let scrape = (0..<40).map { start + Int64($0) * 15_000 }
        while columns.count < seriesCount {
            var pairs = [Label("__name__", "metric_\(Int.random(in: 0..<7, using: &random))")]
            pairs.append(Label("id", "\(Int.random(in: 0..<seriesCount * 4, using: &random))"))
            if Bool.random(using: &random) {
                pairs.append(Label("job", ["api", "db", "été", "x"].randomElement(using: &random) ?? "x"))
            }
            if Int.random(in: 0..<5, using: &random) == 0 { pairs.append(Label("rare", "yes")) }
            if Int.random(in: 0..<3, using: &random) == 0 {
                pairs.append(Label("zone", "z\(Int.random(in: 0..<3, using: &random))"))
            }
            var column = SampleColumn()
            let jitter =
                Int.random(in: 0..<4, using: &random) == 0 ? Int64.random(in: 1..<900, using: &random) : 0
            for millis in scrape.prefix(Int.random(in: 1...40, using: &random)) {
                column.append(millis: millis + jitter, value: Double(Int.random(in: 0..<9, using: &random)))
            }
            columns[Labels(pairs)] = column
        }
        return columns.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Writes the series into a file and opens it.
    static func write(
        _ model: Model,
        _ folder: TemporaryFolder,
        name: String = SegmentFormat.name(1),
        level: Int = 0,
        files: SegmentFiles = SegmentFiles(PosixFileSystem()) { _ in }
    ) throws -> Segment {
        let shape = SegmentShape(sequence: 7, level: level)
        let file = try PosixFileSystem().create("\(folder.path)/\(name)")
        var writer = SegmentWriter(file: file, shape: shape)
        for (labels, column) in model { try writer.add(labels, column) }
        try writer.finish()
        return try Segment(name, in: folder.path, files)
    }

    @Test(
        "Labels and samples come back bit by bit, each frame decoded once",
        arguments: [0, 1, 2, 300, 1500]
    )
    func roundTrip(seriesCount: Int) throws {
        var random = SeededGenerator(seed: UInt64(seriesCount))
        let model = SegmentTests.model(&random, seriesCount: seriesCount)
        let folder = try TemporaryFolder()
        let files = SegmentFiles(PosixFileSystem()) { _ in }
        for level in 0...1 {
            let segment = try SegmentTests.write(
                model,
                folder,
                name: SegmentFormat.name(UInt64(level)),
                level: level,
                files: files
            )
            #expect(segment.seriesCount == seriesCount && segment.record.level == level)
            #expect(segment.record.sampleCount == model.reduce(0) { $0 + $1.column.count })
            #expect(segment.parts.named.reduce(0) { $0 + $1.byteCount } == segment.record.byteCount)
            // Opening reads no block.
            #expect(files.cache.figures.missCount == 0 || level > 0)
            let misses = files.cache.figures.missCount
            var reader = Segment.Reader()
            for (ordinal, item) in model.enumerated() {
                let found = try segment.read(UInt32(ordinal), in: .all, &reader)
                #expect(found.bits == item.column.bits)
                #expect(try segment.labels(of: UInt32(ordinal)) == item.labels)
                #expect(try segment.labels(of: UInt32(ordinal), &reader) == item.labels)
            }
            #expect(reader.damages.isEmpty)
            // The table, and for each block its labels and its directory.
            let blockCount = (seriesCount + 255) / 256
            #expect(files.cache.figures.missCount - misses == (seriesCount == 0 ? 0 : 1 + 2 * blockCount))
        }
    }

    @Test("Long series are cut into chunks, and ranges pick among them")
    func longSeries() throws {
        var column = SampleColumn()
        for step in 0..<30_000 { column.append(millis: start + Int64(step) * 1000, value: Double(step % 17)) }
        let folder = try TemporaryFolder()
        let segment = try SegmentTests.write([(Labels(["__name__": "m"]), column)], folder, level: 1)
        #expect(segment.chunkCount == 4)
        var reader = Segment.Reader()
        #expect(try segment.read(0, in: .all, &reader).bits == column.bits)
        for (from, to) in [(0, 0), (8191, 8192), (9000, 29_999), (30_000, 40_000), (-5, -1)] {
            let range = TimeRange(
                Timestamp(millis: start + Int64(from) * 1000),
                Timestamp(millis: start + Int64(to) * 1000)
            )
            let wanted = column.sliced(to: range)
            #expect(try segment.read(0, in: range, &reader).bits == wanted.bits)
            let chunks = try segment.chunks(of: 0)
            #expect(chunks.contains { $0.range.overlaps(range) } == !wanted.isEmpty)
        }
    }

    @Test("The index finds what looking at every series finds", arguments: 0..<6)
    func matchers(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let model = SegmentTests.model(&random, seriesCount: [1, 40, 600, 1500, 300, 90][seed])
        let folder = try TemporaryFolder()
        let segment = try SegmentTests.write(model, folder, level: seed % 2)
        let index = segment.index
        #expect(try index.series(matching: []) == Array(0..<UInt32(model.count)))
        let asked = ["__name__", "id", "job", "rare", "zone", "none"]
        let values = [
            "", "api", "été", "yes", "z1", "metric_3", "1", "12", "a|b|api|", "api|db", ".*", ".+",
            "metric_.*",
            "metric_[12]", "1.*", "1.+", ".*2", ".*3.*", "z[^1]", "1|5|17|200|9999|3", "x?", "(api)?", "é.*",
            "99",
        ]
        for round in 0..<120 {
            let matchers = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                Matcher(
                    asked.randomElement(using: &random) ?? "",
                    Matcher.Kind.allCases.randomElement(using: &random) ?? .equal,
                    values.randomElement(using: &random) ?? ""
                )
            }
            let compiled = try CompiledMatcher.compile(matchers)
            let wanted = model.indices.filter { index in
                compiled.allSatisfy { $0.matches(model[index].labels) }
            }
            let found = try index.series(matching: compiled)
            #expect(found == wanted.map(UInt32.init), "seed \(seed) round \(round): \(matchers)")
            let labels = wanted.map { model[$0].labels }
            #expect(try index.labelNames(of: found) == names(of: labels), "seed \(seed) round \(round)")
            for name in asked {
                let values = Set(labels.compactMap { $0[name].map(ByteText.init) }).sorted().map(\.string)
                #expect(try index.labelValues(of: name, in: found) == values, "seed \(seed) \(name)")
            }
        }
        #expect(try index.labelNames() == names(of: model.map(\.labels)))
        for name in asked {
            let wanted = Set(model.compactMap { $0.labels[name].map(ByteText.init) }).sorted()
                .map(\.string)
            #expect(try index.labelValues(of: name) == wanted)
        }
    }

    @Test("With little memory for it the index is the same", arguments: [2000, 30_000])
    func indexMemory(byteCount: Int) throws {
        var random = SeededGenerator(seed: 77)
        let model = SegmentTests.model(&random, seriesCount: 1000)
        let folder = try TemporaryFolder()
        var contents: [Data] = []
        for limit in [Int.max, byteCount] {
            let path = "\(folder.path)/\(limit)"
            let shape = SegmentShape(sequence: 7, level: 1)
            let file = try PosixFileSystem().create(path)
            var writer = SegmentWriter(file: file, shape: shape, indexByteCount: limit)
            for (labels, column) in model { try writer.add(labels, column) }
            try writer.finish()
            contents.append(try Data(contentsOf: URL(fileURLWithPath: path)))
        }
        #expect(contents[0] == contents[1])
    }

    @Test("What a regular expression finds is kept")
    func keptSets() throws {
        var random = SeededGenerator(seed: 78)
        let model = SegmentTests.model(&random, seriesCount: 3000)
        let folder = try TemporaryFolder()
        let files = SegmentFiles(PosixFileSystem()) { _ in }
        let segment = try SegmentTests.write(model, folder, files: files)
        func found(_ kind: Matcher.Kind, _ pattern: String) throws -> ([UInt32], missCount: Int) {
            let before = files.cache.figures.missCount
            let matchers = try CompiledMatcher.compile([Matcher("id", kind, pattern)])
            return (try segment.index.series(matching: matchers), files.cache.figures.missCount - before)
        }
        for pattern in [".*7.*", ".*[13579]", "[12]..*"] {
            let first = try found(.regex, pattern)
            let again = try found(.regex, pattern)
            #expect(first.missCount > 0 && again.missCount == 0 && first.0 == again.0)
            let others = try found(.notRegex, pattern)
            #expect(others.missCount == 0 && others.0.count == model.count - first.0.count)
        }
    }

    private func names(of labels: [Labels]) -> [String] {
        Set(labels.flatMap { $0.map { ByteText($0.name) } }).sorted().map(\.string)
    }

    @Test("A merge walks all series in label order and copies finished chunks as they are", arguments: 0..<3)
    func merge(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) &+ 100)
        let folder = try TemporaryFolder()
        var expected: [Labels: SampleColumn] = [:]
        var segments: [Segment] = []
        for number in 0..<4 {
            var model = SegmentTests.model(&random, seriesCount: 120)
            var long = SampleColumn()
            for step in 0..<5000 {
                long.append(millis: start + Int64(number * 5000 + step) * 1000, value: Double(step * number))
            }
            model.append((Labels(["__name__": "z"]), long))
            segments.append(
                try SegmentTests.write(model, folder, name: SegmentFormat.name(UInt64(number)), level: 1)
            )
            for (labels, column) in model {
                expected[labels] = expected[labels]?.merged(with: column) ?? column
            }
        }
        let file = try PosixFileSystem().create("\(folder.path)/\(SegmentFormat.name(9))")
        var writer = SegmentWriter(file: file, shape: SegmentShape(sequence: 9, level: 2))
        var all = try SegmentMerge(segments)
        var order: [Labels] = []
        while try all.next() {
            order.append(all.labels)
            try all.copySeries(to: &writer, rollups: .make([]))
        }
        try writer.finish()
        #expect(order == expected.keys.sorted())
        let merged = try Segment(
            SegmentFormat.name(9),
            in: folder.path,
            SegmentFiles(PosixFileSystem()) { _ in }
        )
        var reader = Segment.Reader()
        for (ordinal, labels) in order.enumerated() {
            let found = try merged.read(UInt32(ordinal), in: .all, &reader)
            #expect(found.bits == expected[labels]?.bits)
        }
        // The four long chunks are those of the inputs.
        let chunks = try merged.chunks(of: UInt32(order.count - 1), &reader)
        #expect(chunks.count == 4)
        for (chunk, segment) in zip(chunks, segments) {
            var other = Segment.Reader()
            let last = UInt32(segment.seriesCount - 1)
            let long = try #require(try segment.chunks(of: last, &other).first)
            let source = try segment.encoded(long, of: last, &other)
            let copy = try merged.encoded(chunk, of: UInt32(order.count - 1), &reader)
            #expect(Array(copy.values) == Array(source.values) && copy.timestamps == source.timestamps)
        }
    }

    @Test("Wherever a byte is wrong, what is read is right or missing, never wrong", arguments: 0..<2)
    func damage(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) &+ 500)
        let model = SegmentTests.model(&random, seriesCount: 600)
        let folder = try TemporaryFolder()
        _ = try SegmentTests.write(model, folder, level: seed)
        let bytes = Array(
            try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(SegmentFormat.name(1))"))
        )
        let matchers = try CompiledMatcher.compile([Matcher("__name__", .regex, "metric_[1-3]")])
        let wanted = Set(model.indices.filter { matchers[0].matches(model[$0].labels) }.map(UInt32.init))
        var readCount = 0
        for round in 0..<300 {
            var changed = bytes
            if round % 3 == 0 {
                let from = Int.random(in: 0..<bytes.count, using: &random)
                for place in from..<min(bytes.count, from + 512) { changed[place] = 0 }
            } else {
                changed[Int.random(in: 0..<bytes.count, using: &random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &random)
            }
            try Data(changed).write(to: URL(fileURLWithPath: "\(folder.path)/\(SegmentFormat.name(2))"))
            do {
                let segment = try Segment(
                    SegmentFormat.name(2),
                    in: folder.path,
                    SegmentFiles(PosixFileSystem()) { _ in }
                )
                do {
                    // The index may be passed by, but what it says is right.
                    let found = try segment.index.series(matching: matchers)
                    #expect(wanted.isSuperset(of: found), "seed \(seed) round \(round)")
                } catch {}
                var reader = Segment.Reader()
                for (ordinal, item) in model.enumerated() {
                    do {
                        let found = try segment.read(UInt32(ordinal), in: .all, &reader).bits
                        #expect(found.isEmpty || found == item.column.bits, "seed \(seed) round \(round)")
                        #expect(try segment.labels(of: UInt32(ordinal)) == item.labels)
                        readCount += found.isEmpty ? 0 : 1
                    } catch {}
                }
            } catch {}
        }
        // A wrong byte costs a block of 256 series at most, unless it is in the table of blocks or behind it.
        #expect(readCount > model.count * 300 / 3)
    }

    @Test("A file goes when its last reader does, and files that nobody reads are closed")
    func obsolete() throws {
        let folder = try TemporaryFolder()
        let files = SegmentFiles(PosixFileSystem()) { _ in }
        var random = SeededGenerator(seed: 3)
        let model = SegmentTests.model(&random, seriesCount: 3)
        var segments: [Segment] = []
        for number in 1...SegmentFiles.openFileCount + 5 {
            segments.append(
                try SegmentTests.write(
                    model,
                    folder,
                    name: SegmentFormat.name(UInt64(number)),
                    files: files
                )
            )
        }
        #expect(files.openCount == SegmentFiles.openFileCount)
        var reader = Segment.Reader()
        for segment in segments {
            #expect(try segment.read(1, in: .all, &reader).bits == model[1].column.bits)
            #expect(try segment.labels(of: 2, &reader) == model[2].labels)
        }
        segments[0].markObsolete()
        #expect(FileManager.default.fileExists(atPath: segments[0].path))
        #expect(try segments[0].read(2, in: .all, &reader).bits == model[2].column.bits)
        let path = segments[0].path
        segments.removeFirst()
        #expect(!FileManager.default.fileExists(atPath: path))
        segments = []
        #expect(files.openCount == 0 && files.cache.figures.byteCount == 0)
    }

    @Test("A segment of a pre-release is refused in a sentence")
    func oldFormat() throws {
        let folder = try TemporaryFolder()
        _ = try SegmentTests.write([], folder)
        let path = "\(folder.path)/\(SegmentFormat.name(1))"
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        var footer = bytes.suffix(SegmentFormat.footerByteCount).prefix(80)
        footer.append(contentsOf: [2, 0, 0, 0])
        let checksum = Checksum.crc32c(Array(footer))
        footer.append(contentsOf: (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) })
        bytes.replaceSubrange(bytes.count - SegmentFormat.footerByteCount..<bytes.count - 8, with: footer)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: StorageError.self) {
            _ = try Segment(SegmentFormat.name(1), in: folder.path, SegmentFiles(PosixFileSystem()) { _ in })
        }
        #expect(error?.description.contains("start with an empty data directory") == true)
    }
}
