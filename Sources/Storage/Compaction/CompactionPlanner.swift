import Model

/// Chooses which segments to merge next.
///
/// Segments of one day are merged when the day is over, days into eight days and these into 32 as long as
/// many samples sit in short chunks. A merge takes all segments of its partition, so that late data joins
/// what it belongs to; for a little of it a large segment is not written again at once.
struct CompactionPlanner {
    /// The lengths of partitions in milliseconds; level `i + 1` is the result of a merge in `tiers[i]`.
    static let tiers: [Int64] = [1, 8, 32].map { $0 * 86_400_000 }
    /// The lengths of partitions in which segments are merged that have nothing but rollups, in milliseconds;
    /// levels go on behind those of `tiers`.
    static let rollupTiers: [Int64] = [128, 512].map { $0 * 86_400_000 }
    /// How long after its end a partition waits for late samples, in milliseconds.
    static let delayMillis: Int64 = 3_600_000
    /// So many flushes of a partition that is not over yet are merged.
    static let manyFlushes = 8
    /// So many segments of late samples are merged with what they belong to.
    static let manyLate = 6
    /// Late samples are merged at once with segments that have at most so many times their bytes.
    static let lateShare = 4

    /// What the planner looks at of a segment.
    struct Candidate: Hashable {
        var file: String
        var sequence: UInt64
        var range: TimeRange
        var level: Int
        var retentionMillis: Int64?
        var byteCount: Int
        /// The number of samples; 0 if it has nothing but rollups.
        var sampleCount: Int
        /// The samples in chunks that are shorter than chunks should be.
        var sparseSampleCount: Int
    }

    /// A merge to make.
    struct Plan: Hashable {
        /// The segments to merge, in the order of their sequence.
        var files: [String]
        /// The level of the result.
        var level: Int
    }

    /// The segments of the store.
    let candidates: [Candidate]
    /// The time now.
    let now: Timestamp
    /// Whether everything is merged that gains from it, whatever its age.
    var isForced = false
    /// How long samples are kept of which rollups are kept longer; they are merged by day in any case, as
    /// that is what makes the rollups.
    var rolledUpMillis: Set<Int64?> = []
    /// The sequences of the deletes in force.
    var deletes: [UInt64] = []

    /// The next merge, or nil if nothing is worth one.
    func next() -> Plan? {
        for (index, tier) in (CompactionPlanner.tiers + CompactionPlanner.rollupTiers).enumerated() {
            let level = index + 1
            var partitions: [Int64: [Candidate]] = [:]
            for candidate in candidates {
                if let start = CompactionPlanner.partition(of: candidate.range, tier) {
                    partitions[start, default: []].append(candidate)
                }
            }
            for (start, members) in partitions.sorted(by: { $0.key < $1.key }) {
                let end = Timestamp(millis: start).advanced(byMillis: tier - 1)
                guard isAllowed(members, tier), isDue(members, level, end), !isCrossed(members),
                    !isDivided(members)
                else { continue }
                let ordered = members.sorted { ($0.sequence, $0.file) < ($1.sequence, $1.file) }
                return Plan(files: ordered.map(\.file), level: level)
            }
        }
        return nil
    }

    /// The start of the partition of length `tier` that the range lies in; nil if it lies in no single one.
    static func partition(of range: TimeRange, _ tier: Int64) -> Int64? {
        let start = range.start.floored(toMillis: tier)
        return range.end <= start.advanced(byMillis: tier - 1) ? start.millis : nil
    }

    /// The longest partition in which samples kept for `retentionMillis` may be merged, as an index of
    /// `tiers`; nil if they may not.
    static func longestTier(_ retentionMillis: Int64?) -> Int? {
        guard let retentionMillis else { return tiers.count - 1 }
        // A file goes as a whole: a merge must not keep samples much longer than they are wanted.
        return tiers.lastIndex { $0 <= retentionMillis / 2 }
    }

    // MARK: - Private

    private func isAllowed(_ members: [Candidate], _ tier: Int64) -> Bool {
        members.allSatisfy { member in
            // Rollups are few, and kept for long.
            if member.sampleCount == 0 { return true }
            if tier == CompactionPlanner.tiers[0], rolledUpMillis.contains(member.retentionMillis) {
                return true
            }
            guard let longest = CompactionPlanner.longestTier(member.retentionMillis) else { return false }
            return tier <= CompactionPlanner.tiers[longest]
        }
    }

    private func isDue(_ members: [Candidate], _ level: Int, _ end: Timestamp) -> Bool {
        let young = members.filter { $0.level < level }
        let merged = members.filter { $0.level >= level }
        guard !young.isEmpty else {
            // Two results in one partition: of several retentions, or of a start without a catalog.
            return isForced && Set(merged.map(\.retentionMillis)).count < merged.count
        }
        let isOver = isForced || now > end.advanced(byMillis: CompactionPlanner.delayMillis)
        if !merged.isEmpty {
            let youngBytes = young.reduce(0) { $0 + $1.byteCount }
            let mergedBytes = merged.reduce(0) { $0 + $1.byteCount }
            let isLongOver = now > end.advanced(byMillis: CompactionPlanner.tiers[0])
            return isForced || youngBytes >= mergedBytes / CompactionPlanner.lateShare
                || young.count >= CompactionPlanner.manyLate || (isOver && isLongOver)
        }
        if level == 1 {
            return isOver || young.filter { $0.level == 0 }.count >= CompactionPlanner.manyFlushes
        }
        let sparse = young.reduce(0) { $0 + $1.sparseSampleCount }
        let all = young.reduce(0) { $0 + $1.sampleCount }
        let isWorthIt = sparse >= all / 10 && Set(young.map(\.retentionMillis)).count < young.count
        // A flush of many days has nobody to be merged with, but is not small yet, nor rolled up.
        let isFlush = young.contains { $0.level == 0 }
        return isOver && (isFlush || (young.count > 1 && isWorthIt))
    }

    /// Whether members of several retentions were written on both sides of a delete.
    ///
    /// The result of a retention has the number of its own inputs, and may have series of others: it could be
    /// of before the delete by its number, with samples that were written after it.
    private func isDivided(_ members: [Candidate]) -> Bool {
        guard Set(members.map(\.retentionMillis)).count > 1 else { return false }
        return deletes.contains { delete in
            members.contains { $0.sequence <= delete } && members.contains { $0.sequence > delete }
        }
    }

    /// Whether a segment that is not among `members` was written between them and has samples of the same
    /// time: then a merge would change which write is the last.
    private func isCrossed(_ members: [Candidate]) -> Bool {
        guard let low = members.map(\.sequence).min(), let high = members.map(\.sequence).max() else {
            return true
        }
        let files = Set(members.map(\.file))
        return candidates.contains { other in
            !files.contains(other.file) && other.sequence > low && other.sequence < high
                && members.contains { $0.range.overlaps(other.range) }
        }
    }
}
