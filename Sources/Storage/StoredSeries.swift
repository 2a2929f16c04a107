import Model

/// Where samples of one series lie.
enum SeriesPart: Sendable {
    /// In a segment, under this ordinal; samples of the times `deleted` are not.
    case segment(Segment, ordinal: UInt32, deleted: [TimeRange])
    /// In a head; samples of the times `deleted` are not.
    case head(HeadSeries, deleted: [TimeRange])
}

/// One selected series: its labels, and everything that has samples of it, in the order of writing.
///
/// An object, because a query hands each series on many times.
final class StoredSeries: Sendable {
    let labels: Labels
    let parts: [SeriesPart]
    /// How long what is stored of it is kept.
    let times: RetentionTimes
    /// The time of the snapshot.
    let now: Timestamp

    init(labels: Labels, parts: [SeriesPart], times: RetentionTimes, now: Timestamp) {
        self.labels = labels
        self.parts = parts
        self.times = times
        self.now = now
    }

    /// Whether no segment has any of it.
    var isOfHeads: Bool {
        parts.allSatisfy { part in
            if case .head = part { true } else { false }
        }
    }

    /// Samples before this time have expired, in milliseconds, if rollups of the levels `present` stand in
    /// their place.
    func earliestMillis(besideLevels present: Set<RollupLevel>) -> Int64 {
        Store.earliest(now, times.keptMillis(besideLevels: present))
    }

    /// Whether it has samples or rollups in `range` that have not expired; it has some in `range`.
    ///
    /// `reader` is best the one of the series before.
    func isLive(in range: TimeRange, _ reader: inout Segment.Reader) -> Bool {
        if Store.earliest(now, times.rawMillis) <= range.start.millis { return true }
        return parts.contains { part in
            switch part {
            case .head(let head, let deleted):
                let earliest = earliestMillis(besideLevels: [])
                guard head.maxMillis >= earliest else { return false }
                let live = TimeRange(max(range.start, Timestamp(millis: earliest)), .max)
                return deleted.isEmpty || head.hasLive(in: live, deleted)
            case .segment(let segment, let ordinal, let deleted):
                // What cannot be read now says so when its samples are read.
                do throws(StorageError) {
                    let chunks = try segment.chunks(of: ordinal, &reader)
                    var present: Set<RollupLevel> = []
                    for chunk in chunks { if let level = chunk.level { present.insert(level) } }
                    for chunk in chunks where chunk.range.overlaps(range) {
                        let earliest = Store.earliest(now, times.keptMillis(chunk, beside: present))
                        guard chunk.maxMillis >= earliest, earliest <= range.end.millis else { continue }
                        if deleted.isEmpty { return true }
                        let live = TimeRange(max(range.start, Timestamp(millis: earliest)), range.end)
                        if try segment.hasLive(chunk, of: ordinal, in: live, deleted, &reader) { return true }
                    }
                    return false
                } catch {
                    return true
                }
            }
        }
    }
}

/// What one segment or head has of a selection: its series in label order.
struct SelectedSource {
    var labels: [Labels] = []
    var parts: [SeriesPart] = []
    /// Whether there may be more, behind the last one.
    var isCut = false

    /// Makes room for so many series at once: growing step by step takes three times the memory.
    mutating func reserveCapacity(_ count: Int) {
        labels.reserveCapacity(count)
        parts.reserveCapacity(count)
    }
}

/// Joins what segments and heads found, by labels.
enum SeriesMerge {
    /// Calls `body` with each series of all `sources`, in label order, and with its parts in the order of
    /// `sources`; ends early once `isOver`, which is asked from time to time.
    static func run(
        _ sources: [SelectedSource],
        isOver: () -> Bool = { false },
        _ body: (Labels, [SeriesPart]) -> Void
    ) {
        var positions = [Int](repeating: 0, count: sources.count)
        var open = sources.indices.filter { !sources[$0].labels.isEmpty }
        if let only = open.first, open.count == 1 {
            for (place, labels) in sources[only].labels.enumerated() {
                if place % 1024 == 1023, isOver() { return }
                body(labels, [sources[only].parts[place]])
            }
            return
        }
        var count = 0
        while let first = open.first {
            count += 1
            if count % 1024 == 0, isOver() { return }
            var least = sources[first].labels[positions[first]]
            var members = [first]
            for source in open.dropFirst() {
                let labels = sources[source].labels[positions[source]]
                if labels == least {
                    members.append(source)
                } else if labels < least {
                    least = labels
                    members = [source]
                }
            }
            body(least, members.map { sources[$0].parts[positions[$0]] })
            for source in members { positions[source] += 1 }
            open.removeAll { positions[$0] == sources[$0].labels.count }
        }
    }
}
