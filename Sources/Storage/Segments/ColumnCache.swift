import Synchronization

/// Decoded columns of chunks that were wanted more than once lately, as many as fit into a number of bytes.
///
/// A column enters when it is decoded for the second time in a while, so that a scan over everything does not
/// push out what dashboards read; when there is no room, columns chosen at random go, so that of data larger
/// than the cache a part stays. What nobody wanted for a minute or two goes too (`age`): a daemon that is not
/// asked holds nothing.
final class ColumnCache<Element: Sendable>: Sendable {
    /// What a column is found by.
    struct Key: Hashable, Sendable {
        /// The segment's `identity`.
        var segment: UInt64
        /// Where the column's frame begins in the file.
        var frame: Int
        /// Where the column begins in the frame.
        var offset: Int

        /// Two numbers are quicker to hash than three; keys that differ may share a hash.
        func hash(into hasher: inout Hasher) {
            hasher.combine(segment)
            hasher.combine(frame &* 31 &+ offset)
        }
    }

    /// How the cache is doing.
    struct Figures: Hashable, Sendable {
        /// What the columns take, in bytes.
        var byteCount = 0
        /// The number of columns.
        var count = 0
        /// How often a column that was asked for was there.
        var hitCount = 0
        /// How often it had to be decoded.
        var missCount = 0
    }

    fileprivate struct Entry {
        var key: Key
        var column: [Element]
        /// The last round of `age` in which it was wanted.
        var round: UInt64
    }

    fileprivate struct State {
        var places: [Key: Int] = [:]
        var entries: [Entry] = []
        /// A bit for each hash of what was decoded once; a hash that others have too lets a column in early.
        var seen: [UInt64] = []
        var seenCount = 0
        var round: UInt64 = 0
        var random: UInt64 = 0x9e37_79b9_7f4a_7c15
        var figures = Figures()
    }

    /// The number of bits that remember what was decoded once; a quarter of them, 260,000 columns, are told
    /// apart.
    private static var bitCount: Int { 1 << 20 }
    /// What an entry takes beside its elements, in bytes.
    private static var entryByteCount: Int { 128 }

    /// The most bytes that it keeps.
    let capacity: Int
    private let state = Mutex(State())

    /// An empty cache of at most `capacity` bytes.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// How the cache is doing now.
    var figures: Figures { state.withLock { $0.figures } }

    /// The column that `key` stands for, if it is kept.
    func column(_ key: Key) -> [Element]? {
        state.withLockGivingWay { state in
            guard let place = state.places[key] else {
                state.figures.missCount += 1
                return nil
            }
            state.figures.hitCount += 1
            state.entries[place].round = state.round
            return state.entries[place].column
        }
    }

    /// Keeps a column that was decoded, if it was so before.
    func add(_ key: Key, _ column: [Element]) {
        let byteCount = ColumnCache.byteCount(column)
        guard byteCount <= capacity / 8 else { return }
        let hash = UInt64(truncatingIfNeeded: key.hashValue)
        let removed = state.withLockGivingWay { state -> [[Element]] in
            guard state.hasSeen(hash, of: ColumnCache.bitCount) else { return [] }
            guard state.places[key] == nil else { return [] }
            var removed: [[Element]] = []
            while state.figures.byteCount > capacity - byteCount, !state.entries.isEmpty {
                removed.append(state.removeAtRandom())
            }
            state.places[key] = state.entries.count
            state.entries.append(Entry(key: key, column: column, round: state.round))
            state.figures.byteCount += byteCount
            state.figures.count += 1
            return removed
        }
        // Memory is freed outside the lock.
        _ = removed
    }

    /// Ends a round: what was wanted neither in it nor in the one before goes.
    func age() {
        removeAll { $1 }
        state.withLock { $0.round += 1 }
    }

    /// Forgets everything of a segment.
    func removeAll(of segment: UInt64) {
        removeAll { key, _ in key.segment == segment }
    }

    /// Removes the columns for which `isOver` holds; it is told whether a column is old.
    private func removeAll(where isOver: (Key, Bool) -> Bool) {
        let removed = state.withLock { state -> [[Element]] in
            var removed: [[Element]] = []
            var place = 0
            while place < state.entries.count {
                let entry = state.entries[place]
                if isOver(entry.key, entry.round + 1 < state.round) {
                    removed.append(state.remove(place))
                } else {
                    place += 1
                }
            }
            if state.entries.isEmpty {
                state.places = [:]
                state.entries = []
            }
            return removed
        }
        _ = removed
    }

    fileprivate static func byteCount(_ column: [Element]) -> Int {
        column.count * MemoryLayout<Element>.stride + entryByteCount
    }
}

extension ColumnCache.State {
    /// Whether `hash` was noted before; it is noted now.
    fileprivate mutating func hasSeen(_ hash: UInt64, of bitCount: Int) -> Bool {
        // The more bits are set, the more hashes are taken for others.
        if seenCount > bitCount / 4 { forgetSeen() }
        if seen.isEmpty { seen = [UInt64](repeating: 0, count: bitCount / 64) }
        let bit = Int(truncatingIfNeeded: hash % UInt64(bitCount))
        let mask: UInt64 = 1 << UInt64(bit % 64)
        if seen[bit / 64] & mask != 0 { return true }
        seen[bit / 64] |= mask
        seenCount += 1
        return false
    }

    fileprivate mutating func forgetSeen() {
        seen = []
        seenCount = 0
    }

    fileprivate mutating func removeAtRandom() -> [Element] {
        // Source: Marsaglia's xorshift64.
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return remove(Int(truncatingIfNeeded: random % UInt64(entries.count)))
    }

    fileprivate mutating func remove(_ place: Int) -> [Element] {
        let last = entries.removeLast()
        let removed: ColumnCache.Entry
        if place < entries.count {
            removed = entries[place]
            entries[place] = last
            places[last.key] = place
        } else {
            removed = last
        }
        places[removed.key] = nil
        figures.byteCount -= ColumnCache.byteCount(removed.column)
        figures.count -= 1
        return removed.column
    }
}
