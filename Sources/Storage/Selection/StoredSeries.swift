import Model

/// Where samples of one series lie.
enum SeriesPart: Sendable {
    /// In a segment, under this ordinal; samples of the times `deleted` are not.
    case segment(Segment, ordinal: UInt32, deleted: [TimeRange])
    /// In a head; samples of the times `deleted` are not.
    case head(HeadSeries, deleted: [TimeRange])
}

/// One selected series: everything that has samples of it, in the order of writing.
struct StoredSeries: Sendable {
    let parts: [SeriesPart]
    /// How long what is stored of it is kept.
    let times: RetentionTimes
    /// The time of the snapshot.
    let now: Timestamp

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
