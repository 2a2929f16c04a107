import Model
import Testing

@testable import Storage

@Suite("Partitions of a flush") struct FlushPartitionsTests {
    private static let day: Int64 = 86_400_000

    private static func column(_ times: [Int64]) -> SampleColumn {
        SampleColumn(timestamps: times, values: times.map(Double.init))
    }

    @Test("a head of one day goes into that day") func oneDay() {
        var partitions = FlushPartitions()
        let column = FlushPartitionsTests.column([5 * Self.day, 5 * Self.day + 1, 6 * Self.day - 1])
        partitions.count(column.timestamps)
        partitions.choose()
        let parts = partitions.split(column)
        #expect(parts.count == 1)
        #expect(parts[0].partition == .init(start: 5 * Self.day, length: Self.day))
        #expect(parts[0].column.timestamps == column.timestamps)
    }

    @Test("a few late samples of many days share a partition, the day of the rest has its own")
    func lateSamples() {
        var partitions = FlushPartitions()
        let late = (10..<40).map { Int64($0) * Self.day }
        let today = (0..<2000).map { 100 * Self.day + Int64($0) * 15_000 }
        let column = FlushPartitionsTests.column(late + today)
        partitions.count(column.timestamps)
        partitions.choose()
        let parts = partitions.split(column)
        #expect(parts.last?.partition == .init(start: 100 * Self.day, length: Self.day))
        #expect(parts.last?.column.timestamps == today)
        #expect(parts.count <= 5)
        #expect(parts.dropLast().flatMap(\.column.timestamps) == late)
    }

    @Test(
        "whatever the times are, every sample goes into one partition, which contains it",
        arguments: 0..<50
    )
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let spread = Int64.random(in: 1...400 * Self.day, using: &random)
        let columns = (0..<20).map { _ in
            let times = Set((0..<100).map { _ in Int64.random(in: -spread...spread, using: &random) })
            return FlushPartitionsTests.column(times.sorted())
        }
        var partitions = FlushPartitions()
        for column in columns { partitions.count(column.timestamps) }
        partitions.choose()
        var starts: Set<FlushPartitions.Partition> = []
        for column in columns {
            let parts = partitions.split(column)
            #expect(parts.flatMap(\.column.timestamps).sorted() == column.timestamps, "seed \(seed)")
            for (partition, part) in parts {
                starts.insert(partition)
                #expect(part.timestamps == part.timestamps.sorted(), "seed \(seed)")
                #expect(part.values == part.timestamps.map(Double.init), "seed \(seed)")
                #expect(
                    part.timestamps.allSatisfy {
                        $0 >= partition.start && $0 < partition.start + partition.length
                    },
                    "seed \(seed)"
                )
            }
        }
        // Few days with their share, and the partitions of the rest.
        #expect(starts.count <= 4 + 800 / 32 + 2, "seed \(seed)")
    }
}
