import Model

/// The label sets of the selected series of one source, in its order.
///
/// Where many series of a block of a segment are selected it is the block that is kept, which has them packed
/// close and which others have too; a label set of its own is made when it is asked for.
struct SelectedLabels: Sendable {
    /// Selected series of one block of a segment.
    private struct Run {
        /// The place of the first of them.
        var start: Int
        /// The ordinal of the block's first series.
        var firstOrdinal: UInt32
        var block: LabelsBlock
    }

    /// From so many selected series a block is kept.
    private static let seriesPerKeptBlock = 16

    /// One for each series; none if there are runs.
    private var own: [Labels] = []
    private var runs: [Run] = []

    /// These label sets.
    init(_ labels: [Labels] = []) {
        own = labels
    }

    /// Those of the series of a segment with these ordinals, which rise.
    ///
    /// - Parameters:
    ///   - segment: The segment.
    ///   - ordinals: The series.
    ///   - reader: Reads the segment.
    ///   - memory: Charged for what is kept; once it has failed, the rest is left out.
    ///   - isOver: Whether to stop, which is asked from time to time; then the rest is left out.
    /// - Throws: What is wrong with the segment.
    init(
        of segment: Segment,
        _ ordinals: [UInt32],
        _ reader: inout Segment.Reader,
        _ memory: inout SelectionMemory,
        isOver: () -> Bool
    ) throws(StorageError) {
        let table = try segment.blockTable()
        let blocks = SelectedLabels.blocks(of: ordinals, table)
        guard ordinals.count >= blocks.count * SelectedLabels.seriesPerKeptBlock else {
            own.reserveCapacity(ordinals.count)
            for (place, ordinal) in ordinals.enumerated() {
                if place % 1024 == 1023, isOver() { return }
                let labels = try segment.labels(of: ordinal, &reader)
                guard memory.add(labels) else { return }
                own.append(labels)
            }
            return
        }
        runs.reserveCapacity(blocks.count)
        for (count, (start, block)) in blocks.enumerated() {
            if count % 16 == 15, isOver() { return }
            let labels = try segment.labelsBlock(block, table)
            guard memory.add(bytes: labels.byteCount) else { return }
            runs.append(Run(start: start, firstOrdinal: table.firstOrdinals[block], block: labels))
        }
    }

    /// The label set at `place`, of a series with this ordinal.
    ///
    /// - Parameters:
    ///   - place: The place.
    ///   - ordinal: The ordinal; of no meaning if the series is of no segment.
    ///   - hint: Where the one before was found, best of the place before; changed to where this one is.
    /// - Returns: The label set.
    func labels(at place: Int, ordinal: UInt32, near hint: inout Int) -> Labels {
        if runs.isEmpty { return own[place] }
        if !holds(hint, place) {
            hint += 1
            if !holds(hint, place) { hint = run(of: place) }
        }
        let run = runs[hint]
        return run.block.labels(at: Int(ordinal - run.firstOrdinal))
    }

    /// Whether a run, if there is one of that number, holds a place.
    @inline(__always)
    private func holds(_ run: Int, _ place: Int) -> Bool {
        guard runs.indices.contains(run), runs[run].start <= place else { return false }
        return run + 1 == runs.count || place < runs[run + 1].start
    }

    private func run(of place: Int) -> Int {
        var (low, high) = (0, runs.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if runs[middle].start <= place { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// The blocks that series lie in, each with the place of the first of them.
    private static func blocks(of ordinals: [UInt32], _ table: BlockTable) -> [(start: Int, block: Int)] {
        var blocks: [(start: Int, block: Int)] = []
        var end: UInt32 = 0
        for (place, ordinal) in ordinals.enumerated() where ordinal >= end || place == 0 {
            let block = table.block(of: ordinal)
            end = table.firstOrdinals[block + 1]
            blocks.append((place, block))
        }
        return blocks
    }
}
