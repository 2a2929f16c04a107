import Model

/// Where samples of one series lie.
enum SeriesPart: Sendable {
    /// In a segment, under this ordinal; samples of the times `deleted` are not.
    case segment(Segment, ordinal: UInt32, deleted: [TimeRange])
    /// In a head; samples of the times `deleted` are not.
    case head(HeadSeries, deleted: [TimeRange])
}

/// One selected series: its labels, and everything that has samples of it, in the order of writing.
struct StoredSeries: Sendable {
    var labels: Labels
    var parts: [SeriesPart]
    /// Samples before this time have expired, in milliseconds.
    var earliestMillis: Int64

    /// Whether it has samples in `range` that have not expired; it has some in `range`.
    func isLive(in range: TimeRange) -> Bool {
        if earliestMillis <= range.start.millis { return true }
        guard earliestMillis <= range.end.millis else { return false }
        let live = TimeRange(Timestamp(millis: earliestMillis), range.end)
        return parts.contains { part in
            switch part {
            case .head(let head, let deleted):
                guard head.maxMillis >= earliestMillis else { return false }
                return deleted.isEmpty || head.hasLive(in: live, deleted)
            case .segment(let segment, let ordinal, let deleted):
                // What cannot be read now says so when its samples are read.
                do throws(StorageError) {
                    var reader = Segment.Reader()
                    return deleted.isEmpty
                        ? try segment.hasSamples(ordinal, in: live)
                        : try segment.hasLive(ordinal, in: live, deleted, &reader)
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
}

/// Joins what segments and heads found, by labels.
enum SeriesMerge {
    /// Calls `body` with each series of all `sources`, in label order, and with its parts in the order of
    /// `sources`.
    static func run(_ sources: [SelectedSource], _ body: (Labels, [SeriesPart]) -> Void) {
        var positions = [Int](repeating: 0, count: sources.count)
        var open = sources.indices.filter { !sources[$0].labels.isEmpty }
        if let only = open.first, open.count == 1 {
            for (labels, part) in zip(sources[only].labels, sources[only].parts) { body(labels, [part]) }
            return
        }
        while let first = open.first {
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
