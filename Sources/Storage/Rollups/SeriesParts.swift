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
        /// Samples before this time do not count, in milliseconds.
        var earliestMillis = Int64.min
        /// The times that it has samples at, as far as that was found out; else those of its chunks.
        var times: [Int64]? {
            didSet { (first, last) = (times?.first ?? .max, times?.last ?? .min) }
        }

        /// All chunks of the series, if it is a segment's.
        private var chunks: ArraySlice<Segment.Chunk> = []
        private var rawPlaces = 0..<0
        private var rollupPlaces = PerLevel(0..<0)
        private var first = Int64.max
        private var last = Int64.min

        /// A head.
        init(_ place: SeriesPart, deleted: [TimeRange]) {
            self.place = place
            self.deleted = deleted
        }

        /// What a segment has in `range` of a series of which `chunks` are all.
        init(
            _ place: SeriesPart,
            deleted: [TimeRange],
            _ chunks: ArraySlice<Segment.Chunk>,
            in range: TimeRange
        ) {
            self.place = place
            self.deleted = deleted
            self.chunks = chunks
            let start = chunks.startIndex
            (rawPlaces, rollupPlaces) = (start..<start, PerLevel(start..<start))
            // Those of a group follow each other, times rising. Beside rollups of numbers those of native
            // histograms do not count: where a series has both, samples are read.
            let ofNumbers = chunks.contains { !$0.isRaw && !$0.isOfHistograms && $0.range.overlaps(range) }
            for position in chunks.indices where chunks[position].range.overlaps(range) {
                if let level = chunks[position].level {
                    if ofNumbers && chunks[position].isOfHistograms { continue }
                    rollupPlaces[level] = Part.joined(rollupPlaces[level], position)
                } else {
                    rawPlaces = Part.joined(rawPlaces, position)
                }
                first = min(first, chunks[position].minMillis)
                last = max(last, chunks[position].maxMillis)
            }
        }

        private static func joined(_ places: Range<Int>, _ position: Int) -> Range<Int> {
            (places.isEmpty ? position : places.lowerBound)..<position + 1
        }

        /// The chunks of samples that overlap the range, times rising.
        var raw: ArraySlice<Segment.Chunk> { chunks[rawPlaces] }
        /// How many there are.
        var rawCount: Int { rawPlaces.count }
        /// One of them, by its place among them.
        func raw(_ index: Int) -> Segment.Chunk { chunks[rawPlaces.lowerBound + index] }

        /// The chunks of rollups of a level that overlap the range, times rising.
        func rollups(_ level: RollupLevel) -> ArraySlice<Segment.Chunk> { chunks[rollupPlaces[level]] }
        /// Whether there are any of that level.
        func hasRollups(_ level: RollupLevel) -> Bool { !rollupPlaces[level].isEmpty }
        /// Whether there are any.
        var hasRollups: Bool { RollupLevel.allCases.contains { !rollupPlaces[$0].isEmpty } }

        /// The times that it says something about; nil if there are none.
        @inline(__always)
        var range: (first: Int64, last: Int64)? { first <= last ? (first, last) : nil }
    }

    /// In the order of writing.
    private(set) var parts: [Part] = []
    /// Whether there are native histograms.
    private(set) var hasHistograms = false
    /// Whether there are rollups of numbers.
    private(set) var hasNumberRollups = false
    /// From this time on all samples are there that are not hidden; before it some may be gone.
    private(set) var rawStartMillis = Int64.min
    /// From when on each level is there, or can be made of samples.
    private(set) var startMillis = PerLevel(Int64.min)
    /// Rollups of a level before this time do not count.
    private(set) var earliestMillis = PerLevel(Int64.min)
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
        // Most segments of a series have the same levels.
        var known: (levels: PerLevel<Bool>, earliest: Int64)?
        parts.reserveCapacity(series.parts.count)
        for place in series.parts {
            switch place {
            case .head(let head, let deleted):
                guard head.minMillis <= range.end.millis, head.maxMillis >= range.start.millis else {
                    continue
                }
                var part = Part(place, deleted: deleted)
                part.earliestMillis = series.earliestMillis(besideLevels: [])
                parts.append(part)
            case .segment(let segment, let ordinal, let deleted):
                let all = chunks(segment, ordinal)
                var part = Part(place, deleted: deleted, all, in: range)
                var present = PerLevel(false)
                for chunk in all {
                    if let level = chunk.level { present[level] = true }
                    guard chunk.range.overlaps(range) else { continue }
                    if chunk.isOfHistograms {
                        hasHistograms = true
                    } else if !chunk.isRaw {
                        hasNumberRollups = true
                    }
                }
                if let known, known.levels == present {
                    part.earliestMillis = known.earliest
                } else {
                    let levels = Set(RollupLevel.allCases.filter { present[$0] })
                    part.earliestMillis = series.earliestMillis(besideLevels: levels)
                    known = (present, part.earliestMillis)
                }
                guard part.rawCount > 0 || part.hasRollups else { continue }
                note(all, part.earliestMillis)
                parts.append(part)
            }
        }
        for level in RollupLevel.allCases where parts.contains(where: { $0.hasRollups(level) }) {
            levels.append(level)
        }
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
        var first = Int64.max
        var own = PerLevel(Int64?.none)
        for chunk in chunks {
            guard let level = chunk.level else { continue }
            first = min(first, chunk.minMillis)
            own[level] = min(own[level] ?? .max, chunk.minMillis)
        }
        guard first < .max else { return }
        let rawStart = SeriesParts.rawStart(chunks, earliest)
        rawStartMillis = max(rawStartMillis, rawStart)
        for level in RollupLevel.allCases {
            var start = Int64.min
            if let own = own[level] {
                // Of a level that is not the first to go some may be gone.
                let begin = Timestamp(millis: own).floored(toMillis: level.millis).millis
                if own > first, begin > first { start = begin }
                if first < earliestMillis[level] { start = max(start, earliestMillis[level]) }
            } else {
                // It can be made of samples, where these are left, or of finer ones.
                start = rawStart
            }
            startMillis[level] = max(startMillis[level], start)
        }
    }
}

/// A value for each level of rollups.
struct PerLevel<Value> {
    private var values: InlineArray<3, Value>

    /// The same value for all.
    init(_ value: Value) {
        precondition(RollupLevel.allCases.count == 3, "BUG: there are more levels")
        values = InlineArray(repeating: value)
    }

    subscript(level: RollupLevel) -> Value {
        get { values[level.rawValue] }
        set { values[level.rawValue] = newValue }
    }
}

extension PerLevel: Sendable where Value: Sendable {}

extension PerLevel: Equatable where Value: Equatable {
    static func == (left: PerLevel, right: PerLevel) -> Bool {
        RollupLevel.allCases.allSatisfy { left[$0] == right[$0] }
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
