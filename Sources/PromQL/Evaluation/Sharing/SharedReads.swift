import Matching
import Model

/// The samples that selectors of one query have in common: decoded when the first of them reads a series,
/// kept until the last one has.
///
/// Only a part of the query's budget is used for that; series for which there is no room are read again.
struct SharedReads {
    /// The samples of one series.
    private struct Kept {
        var column: SampleColumn
        /// How many samples they are charged as.
        var held: Int
        /// How many selectors still want them.
        var readersLeft: Int
    }

    /// What is known of a group's series.
    private struct State {
        /// The readers that have not begun.
        var waiting: Set<Int>
        /// The matchers of the readers, compiled when they are first needed; nil if they cannot be.
        var compiled: [[CompiledMatcher]]?
        var sets: [Set<Matcher>: any SeriesSet] = [:]
        var kept: [Labels: Kept] = [:]
    }

    private let groups: [ReadGroup]
    private let limit: Int
    private var states: [State]
    private var keptCount = 0

    /// Nothing read yet; at most `limit` samples are kept at once.
    init(_ groups: [ReadGroup], limit: Int) {
        self.groups = groups
        self.limit = limit
        states = groups.map { State(waiting: Set($0.readers.indices)) }
    }

    /// The range that a reader has to read.
    func range(for reader: ReadGroup.Reader) -> TimeRange { groups[reader.group].range }

    /// The series that a reader with the same matchers selected before.
    func series(for reader: ReadGroup.Reader) -> (any SeriesSet)? {
        states[reader.group].sets[groups[reader.group].readers[reader.index]]
    }

    /// Notes that a reader begins to read `set`, which is kept for others with the same matchers.
    mutating func begin(_ reader: ReadGroup.Reader, _ set: any SeriesSet) {
        let readers = groups[reader.group].readers
        states[reader.group].waiting.remove(reader.index)
        let waiting = states[reader.group].waiting
        let isAwaited = waiting.contains { readers[$0] == readers[reader.index] }
        states[reader.group].sets[readers[reader.index]] = isAwaited ? set : nil
        let hasOthers = waiting.contains { readers[$0] != readers[reader.index] }
        if hasOthers, states[reader.group].compiled == nil {
            states[reader.group].compiled = try? readers.map {
                try CompiledMatcher.compile(Array($0), regexLimit: .max)
            }
        }
    }

    /// The samples of a series that were read before, and how many samples the caller has to release; the
    /// last reader takes them away.
    mutating func take(_ labels: Labels, for reader: ReadGroup.Reader) -> (SampleColumn, held: Int)? {
        guard let index = states[reader.group].kept.index(forKey: labels) else { return nil }
        let kept = states[reader.group].kept.values[index]
        guard kept.readersLeft == 1 else {
            states[reader.group].kept.values[index].readersLeft -= 1
            return (kept.column, 0)
        }
        states[reader.group].kept.remove(at: index)
        keptCount -= kept.held
        return (kept.column, kept.held)
    }

    /// Notes that a reader does not need the samples of a series.
    ///
    /// - Returns: How many samples the caller has to release.
    mutating func pass(_ labels: Labels, for reader: ReadGroup.Reader) -> Int {
        take(labels, for: reader)?.held ?? 0
    }

    /// Keeps the samples of a series if others want them and there is room; `held` samples are charged for
    /// them.
    ///
    /// - Returns: Whether they are kept, and with them the charge.
    mutating func keep(
        _ column: SampleColumn,
        _ labels: Labels,
        held: Int,
        readBy reader: ReadGroup.Reader
    ) -> Bool {
        guard held <= limit - keptCount else { return false }
        let count = states[reader.group].waiting.count { wants(labels, reader, $0) }
        guard count > 0 else { return false }
        states[reader.group].kept[labels] = Kept(column: column, held: held, readersLeft: count)
        keptCount += held
        return true
    }

    private func wants(_ labels: Labels, _ reader: ReadGroup.Reader, _ other: Int) -> Bool {
        let readers = groups[reader.group].readers
        if readers[other] == readers[reader.index] { return true }
        guard let compiled = states[reader.group].compiled else { return false }
        return compiled[other].allSatisfy { $0.matches(labels) }
    }
}
