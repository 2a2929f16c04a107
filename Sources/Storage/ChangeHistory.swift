import Model

/// From which time on the samples have changed, and when; so that who remembers an answer can tell how much
/// of it still holds.
///
/// Changes are numbered. Of two changes the later one alone counts if it reaches as far back, so that a store
/// which is written to in order remembers one for each minute, and the oldest of many are taken for one.
struct ChangeHistory {
    /// Changes begin at whole minutes here, so that writes of the same time need not be told apart.
    private static let grainMillis: Int64 = 60_000
    /// The most changes that are remembered.
    private static let limit = 2048

    private struct Change {
        /// The first time that may have changed.
        var since: Timestamp
        /// Its number.
        var mark: UInt64
    }

    /// The number of the last change.
    private(set) var mark: UInt64 = 1
    /// Both times and numbers rise.
    private var changes: [Change] = []

    /// Notes that samples at `since`, and perhaps behind it, are others now.
    mutating func note(since: Timestamp) {
        let since = since.floored(toMillis: ChangeHistory.grainMillis)
        mark += 1
        while let last = changes.last, last.since >= since { changes.removeLast() }
        changes.append(Change(since: since, mark: mark))
        guard changes.count > ChangeHistory.limit else { return }
        changes[0].mark = changes[1].mark
        changes.remove(at: 1)
    }

    /// The last time whose samples, and all before, are as they were when `mark` was the number of the last
    /// change.
    func unchangedThrough(since mark: UInt64) -> Timestamp {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].mark > mark { high = middle } else { low = middle + 1 }
        }
        return low < changes.count ? changes[low].since.advanced(byMillis: -1) : .max
    }
}
