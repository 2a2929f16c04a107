import Model

/// How the samples of a head are divided among segments: by days if they are few, else by 8 or 32 days and
/// the days that have many samples.
///
/// Most of what a head has is of one day, which gets a segment to be merged with others of that day. Late
/// samples of many days must not make as many files, nor one file that overlaps everything.
struct FlushPartitions {
    /// A partition of time.
    struct Partition: Hashable, Comparable {
        /// Its start in milliseconds.
        var start: Int64
        /// Its length in milliseconds.
        var length: Int64

        /// Earlier partitions come first.
        static func < (left: Partition, right: Partition) -> Bool {
            (left.start, left.length) < (right.start, right.length)
        }
    }

    /// A day that has this share of the samples, or more, gets a segment of its own.
    private static let ownShare = 4
    /// So many partitions are few.
    private static let fewPartitions = 4

    private var counts: [Int64: Int] = [:]
    private var ownDays: Set<Int64> = []
    private var restLength = CompactionPlanner.tiers[0]

    /// Nothing counted yet.
    init() {}

    /// Notes samples whose times, in milliseconds, rise.
    mutating func count(_ timestamps: [Int64]) {
        var from = 0
        while from < timestamps.count {
            let day = FlushPartitions.day(of: timestamps[from])
            let to = FlushPartitions.end(of: day, in: timestamps, from: from)
            counts[day, default: 0] += to - from
            from = to
        }
    }

    /// Notes `count` samples of one day.
    mutating func count(_ count: Int, inDayOf millis: Int64) {
        counts[FlushPartitions.day(of: millis), default: 0] += count
    }

    /// Chooses the partitions; to be called when everything is counted.
    mutating func choose() {
        let all = counts.values.reduce(0, +)
        ownDays = Set(counts.keys)
        guard ownDays.count > FlushPartitions.fewPartitions else { return }
        ownDays = Set(counts.filter { $0.value >= all / FlushPartitions.ownShare }.keys)
        let rest = counts.keys.filter { !ownDays.contains($0) }
        for tier in CompactionPlanner.tiers.dropFirst() {
            restLength = tier
            let partitions = Set(rest.map { Timestamp(millis: $0).floored(toMillis: tier).millis })
            if partitions.count <= FlushPartitions.fewPartitions { break }
        }
    }

    /// The samples of `column` by partition.
    func split(_ column: SampleColumn) -> [(partition: Partition, column: SampleColumn)] {
        var parts: [(partition: Partition, column: SampleColumn)] = []
        var from = 0
        while from < column.count {
            let day = FlushPartitions.day(of: column.timestamps[from])
            let to = FlushPartitions.end(of: day, in: column.timestamps, from: from)
            let partition = partition(ofDay: day)
            if from == 0 && to == column.count { return [(partition, column)] }
            let place =
                parts.firstIndex { $0.partition == partition }
                ?? {
                    parts.append((partition, SampleColumn()))
                    return parts.count - 1
                }()
            parts[place].column.append(column, from..<to)
            from = to
        }
        return parts
    }

    // MARK: - Private

    private func partition(ofDay day: Int64) -> Partition {
        let length = ownDays.contains(day) ? CompactionPlanner.tiers[0] : restLength
        return Partition(start: Timestamp(millis: day).floored(toMillis: length).millis, length: length)
    }

    private static func day(of millis: Int64) -> Int64 {
        Timestamp(millis: millis).floored(toMillis: CompactionPlanner.tiers[0]).millis
    }

    /// The index behind the last sample of the day that begins at `day`.
    private static func end(of day: Int64, in timestamps: [Int64], from: Int) -> Int {
        let last = Timestamp(millis: day).advanced(byMillis: CompactionPlanner.tiers[0] - 1).millis
        guard timestamps[timestamps.count - 1] > last else { return timestamps.count }
        var index = from + 1
        while timestamps[index] <= last { index += 1 }
        return index
    }
}
