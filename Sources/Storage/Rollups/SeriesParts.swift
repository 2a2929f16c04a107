import Model

/// What the parts of one series have in a range of time, and what of it counts: the chunks of its segments,
/// and from when on samples and rollups are there.
struct SeriesParts {
    /// A part that holds samples or rollups.
    struct Part {
        /// Where it is.
        let place: SeriesPart
        /// The times of which nothing counts, as it is deleted; apart from each other and rising.
        var deleted: [TimeRange] = []
        /// The chunks of samples that overlap the range, times rising.
        var raw: [Segment.Chunk] = []
        /// The chunks of rollups that overlap the range, by level.
        var rollups: [RollupLevel: [Segment.Chunk]] = [:]
        /// Samples before this time do not count, in milliseconds.
        var earliestMillis = Int64.min
        /// The times that it has samples at, as far as that was found out; else those of its chunks.
        var times: [Int64]?

        /// The times that it says something about; nil if there are none.
        var range: (first: Int64, last: Int64)? {
            if let times { return times.isEmpty ? nil : (times[0], times[times.count - 1]) }
            var (first, last): (Int64, Int64) = (.max, .min)
            for chunk in raw { (first, last) = (min(first, chunk.minMillis), max(last, chunk.maxMillis)) }
            for chunk in rollups.values.joined() {
                (first, last) = (min(first, chunk.minMillis), max(last, chunk.maxMillis))
            }
            return first <= last ? (first, last) : nil
        }
    }

    /// In the order of writing.
    private(set) var parts: [Part] = []
    /// Whether there are native histograms.
    private(set) var hasHistograms = false
    /// From this time on all samples are there that are not hidden; before it some may be gone.
    private(set) var rawStartMillis = Int64.min
    /// From when on each level is there, or can be made of samples.
    private(set) var startMillis: [RollupLevel: Int64] = [:]
    /// Rollups of a level before this time do not count.
    private(set) var earliestMillis: [RollupLevel: Int64] = [:]
    /// The levels that there are, finer ones first.
    private(set) var levels: [RollupLevel] = []

    /// The parts of `series` that have something in `range`; `chunks` finds the chunks of a segment.
    init(
        _ series: StoredSeries,
        in range: TimeRange,
        _ chunks: (Segment, UInt32) -> ArraySlice<Segment.Chunk>
    ) {
        for level in RollupLevel.allCases {
            earliestMillis[level] = Store.earliest(series.now, series.times.keptMillis(level))
        }
        for place in series.parts {
            var part = Part(place: place)
            switch place {
            case .head(let head, let deleted):
                part.deleted = deleted
                guard head.minMillis <= range.end.millis, head.maxMillis >= range.start.millis else {
                    continue
                }
                part.earliestMillis = series.earliestMillis(besideLevels: [])
            case .segment(let segment, let ordinal, let deleted):
                part.deleted = deleted
                let all = chunks(segment, ordinal)
                let present = Set(all.compactMap(\.level))
                part.earliestMillis = series.earliestMillis(besideLevels: present)
                for chunk in all where chunk.range.overlaps(range) {
                    if chunk.isOfHistograms { hasHistograms = true }
                    if let level = chunk.level {
                        part.rollups[level, default: []].append(chunk)
                    } else {
                        part.raw.append(chunk)
                    }
                }
                guard !part.raw.isEmpty || !part.rollups.isEmpty else { continue }
                note(all, part.earliestMillis)
            }
            parts.append(part)
        }
        levels = Set(parts.flatMap(\.rollups.keys)).sorted()
    }

    /// Notes the times that samples were found at, of a part that has no rollups.
    mutating func note(times: [Int64], ofPart index: Int) { parts[index].times = times }

    /// Notes that a part has native histograms.
    mutating func noteHistograms() { hasHistograms = true }

    /// From when on all samples of a segment are there that count from `earliest` on, in milliseconds, where
    /// `chunks` are all that it has of a series; the smallest time if none are gone.
    static func rawStart(_ chunks: ArraySlice<Segment.Chunk>, _ earliest: Int64) -> Int64 {
        var (first, last): (Int64, Int64) = (.max, .min)
        for chunk in chunks where !chunk.isRaw {
            (first, last) = (min(first, chunk.minMillis), max(last, chunk.maxMillis))
        }
        guard first <= last else { return .min }
        // Before the first samples that are left there were others.
        var start = Int64.min
        let raw = chunks.first { $0.isRaw }?.minMillis
        if first < raw ?? .max { start = raw ?? Timestamp(millis: last).advanced(byMillis: 1).millis }
        if first < earliest { start = max(start, earliest) }
        return start
    }

    /// Notes from when on a segment with rollups has what is not hidden.
    private mutating func note(_ chunks: ArraySlice<Segment.Chunk>, _ earliest: Int64) {
        let rolled = chunks.filter { !$0.isRaw }
        guard let first = rolled.map(\.minMillis).min() else { return }
        let rawStart = SeriesParts.rawStart(chunks, earliest)
        rawStartMillis = max(rawStartMillis, rawStart)
        for level in RollupLevel.allCases {
            var start = Int64.min
            let own = rolled.lazy.filter { $0.level == level }.map(\.minMillis).min()
            if let own {
                // Of a level that is not the first to go some may be gone.
                if own > first, Timestamp(millis: own).floored(toMillis: level.millis).millis > first {
                    start = Timestamp(millis: own).floored(toMillis: level.millis).millis
                }
                if let kept = earliestMillis[level], first < kept { start = max(start, kept) }
            } else {
                // It can be made of samples, where these are left, or of finer ones.
                start = rawStart
            }
            startMillis[level] = max(startMillis[level] ?? .min, start)
        }
    }
}

extension Timestamp {
    /// The time as RFC 3339 writes it, to the second.
    ///
    /// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    var text: String {
        let day = floored(toMillis: 86_400_000).millis
        let seconds = (millis - day) / 1000
        let shifted = day / 86_400_000 + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))T"
            + "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))Z"
    }
}
