import Model

/// What becomes of rollups when a series is written again.
enum RollupCopying {
    /// Those that there are go along as they are; for one segment.
    case keep
    /// There shall be those of these levels, finer ones first; some may only be there for speed.
    case make([RollupLevel], forSpeed: Set<RollupLevel> = [])
}

extension SegmentMerge {
    /// A chunk of the series that it stands at, and the part that has it.
    private typealias Found = (chunk: Segment.Chunk, part: Part)
    /// The times that are deleted, by segment.
    private typealias Deleted = [Int: [TimeRange]]

    /// Writes the series that it stands at to `writer`, samples and rollups; only the chunks of which
    /// `isWanted` is true.
    ///
    /// Of equal times the later segment counts. Chunks that are long enough, well encoded and share no time
    /// with another are copied as they are, unless something of the series is deleted: then what is left is
    /// written anew, and its rollups are made of that.
    mutating func copySeries(
        to writer: inout SegmentWriter,
        rollups copying: RollupCopying,
        where isWanted: (Segment.Chunk) -> Bool = { _ in true }
    ) throws {
        var (raw, rolled): ([Found], [Found]) = ([], [])
        // By segment; a delete does not concern what was written after it.
        var deleted: Deleted = [:]
        var isTouched = false
        for part in parts {
            let ranges = deletedRanges(of: part)
            if !ranges.isEmpty { deleted[part.source] = ranges }
            for chunk in try chunks(of: part) where isWanted(chunk) {
                if ranges.contains(where: { $0.overlaps(chunk.range) }) { isTouched = true }
                if chunk.isRaw { raw.append((chunk, part)) } else { rolled.append((chunk, part)) }
            }
        }
        var copying = copying
        if isTouched, case .keep = copying {
            let present = Set(rolled.compactMap(\.chunk.level))
            copying = .make(present.sorted())
        }
        switch copying {
        case .keep:
            writer.beginSeries(labels)
            try copySamples(raw, to: &writer, isRolledUp: false)
            for (chunk, part) in rolled { try writer.append(try encoded(chunk, of: part)) }
        case .make(let levels, let forSpeed):
            if !isTouched, canReuse(raw, rolled, levels) {
                writer.beginSeries(labels)
                try copySamples(raw, to: &writer, isRolledUp: false)
                try copyRollups(rolled, to: &writer)
            } else {
                let rollups = try rollups(raw, rolled, levels, forSpeed, without: deleted)
                writer.beginSeries(labels, rollups)
                try copySamples(
                    raw,
                    to: &writer,
                    isRolledUp: !levels.isEmpty,
                    without: isTouched ? deleted : nil
                )
            }
        }
        try writer.endSeries()
    }

    // MARK: - Samples

    private mutating func copySamples(
        _ all: [Found],
        to writer: inout SegmentWriter,
        isRolledUp: Bool,
        without deleted: Deleted? = nil
    ) throws {
        let all = all.filter { !DeletedTimes.cover(deleted?[$0.part.source] ?? [], $0.chunk.range) }
        // Stable, so that chunks with the same beginning stay in the order of their segments.
        let order = all.indices.sorted { (all[$0].chunk.minMillis, $0) < (all[$1].chunk.minMillis, $1) }
        var position = 0
        while position < order.count {
            // The chunks that share times with each other, directly or by way of others.
            var end = position
            var last = Int64.min
            repeat {
                last = max(last, all[order[end]].chunk.maxMillis)
                end += 1
            } while end < order.count && all[order[end]].chunk.minMillis <= last
            let (chunk, part) = all[order[position]]
            let isCopied = deleted == nil && level(of: part) > 0
            if end == position + 1, chunk.count >= SegmentFormat.sufficientChunk, isCopied {
                let column = isRolledUp ? try read(chunk, of: part) : nil
                try writer.append(try encoded(chunk, of: part), rollingUp: column)
            } else {
                var column = SampleColumn()
                for index in order[position..<end].sorted() {
                    let samples = try read(all[index].chunk, of: all[index].part)
                    column = column.merged(with: samples.without(deleted?[all[index].part.source] ?? []))
                }
                if !column.isEmpty { try writer.append(column) }
            }
            position = end
        }
    }

    // MARK: - Rollups

    /// Whether the rollups of the parts are those of all samples together: all have the same levels, and no
    /// day is shared.
    private func canReuse(_ raw: [Found], _ rolled: [Found], _ levels: [RollupLevel]) -> Bool {
        guard !rolled.isEmpty else { return false }
        let days = RollupLevel.day.millis
        var present: [(source: Int, levels: Set<RollupLevel>, range: TimeRange)] = []
        for (chunk, part) in raw + rolled {
            let range = TimeRange(
                chunk.range.start.floored(toMillis: days),
                chunk.range.end.floored(toMillis: days)
            )
            if let index = present.firstIndex(where: { $0.source == part.source }) {
                present[index].range.start = min(present[index].range.start, range.start)
                present[index].range.end = max(present[index].range.end, range.end)
                if let level = chunk.level { present[index].levels.insert(level) }
            } else {
                present.append((part.source, chunk.level.map { [$0] } ?? [], range))
            }
        }
        guard let first = present.first, present.allSatisfy({ $0.levels == first.levels }),
            levels.allSatisfy(first.levels.contains)
        else { return false }
        present.sort { $0.range.start < $1.range.start }
        return zip(present, present.dropFirst()).allSatisfy { $0.range.end < $1.range.start }
    }

    /// Copies rollups whose buckets are all different; short chunks are joined.
    private mutating func copyRollups(_ rolled: [Found], to writer: inout SegmentWriter) throws {
        for level in RollupLevel.allCases {
            var waiting = SeriesRollup(level: level)
            let chunks = rolled.filter { $0.chunk.level == level }
            for (chunk, part) in chunks.sorted(by: { $0.chunk.minMillis < $1.chunk.minMillis }) {
                if chunk.count >= SegmentFormat.sufficientRollupChunk, self.level(of: part) > 0 {
                    try writer.append(waiting)
                    waiting = SeriesRollup(level: level)
                    try writer.append(try encoded(chunk, of: part))
                } else {
                    waiting.append(try rollup(chunk, of: part))
                }
            }
            try writer.append(waiting)
        }
    }

    /// What a writer has to do about the rollups where they have to be made anew.
    ///
    /// Where samples of a part are gone, its buckets are what is left of them. Up to the end of that day
    /// the buckets of all parts are added up, whatever their samples.
    private mutating func rollups(
        _ raw: [Found],
        _ rolled: [Found],
        _ levels: [RollupLevel],
        _ forSpeed: Set<RollupLevel>,
        without deleted: Deleted
    ) throws -> SeriesRollups {
        guard let startMillis = goneUntil(raw, rolled) else {
            return SeriesRollups(levels, forSpeed: forSpeed)
        }
        let before = TimeRange(.min, Timestamp(millis: startMillis - 1))
        var known: [RollupLevel: SeriesRollup] = [:]
        for part in parts {
            var own: [RollupLevel: SeriesRollup] = [:]
            for (chunk, _) in rolled.filter({ $0.part.source == part.source }) {
                guard let level = chunk.level, chunk.minMillis < startMillis else { continue }
                var found = try rollup(chunk, of: part)
                found.remove(from: startMillis)
                own[level, default: SeriesRollup(level: level)].append(found)
            }
            if own.isEmpty {
                var fold = RollupFold(levels)
                for (chunk, _) in raw.filter({ $0.part.source == part.source })
                where chunk.minMillis < startMillis {
                    let samples = try read(chunk, of: part).sliced(to: before)
                    fold.add(samples.without(deleted[part.source] ?? []))
                }
                for rollup in fold.rollups(sparseToo: true) { own[rollup.level] = rollup }
            } else if let ranges = deleted[part.source] {
                SegmentMerge.remove(ranges, from: &own)
            }
            for (level, rollup) in own { known[level, default: SeriesRollup(level: level)].formUnion(rollup) }
        }
        // A level that is not wanted any more goes on as long as nothing else is left.
        let all = RollupLevel.allCases.filter { levels.contains($0) || known[$0] != nil }
        return SeriesRollups(all, known: Array(known.values), startMillis: startMillis)
    }

    /// Removes the buckets that something is deleted of; coarser ones are made again of the finer ones that
    /// are left in them.
    private static func remove(
        _ deleted: [TimeRange],
        from rollups: inout [RollupLevel: SeriesRollup]
    ) {
        var finer: SeriesRollup?
        for level in RollupLevel.allCases {
            rollups[level]?.remove(deleted, finer: finer)
            finer = rollups[level] ?? finer
        }
    }

    /// The end of the last day of which a part has rollups but not all samples, in milliseconds; nil if
    /// nothing is gone.
    private func goneUntil(_ raw: [Found], _ rolled: [Found]) -> Int64? {
        var until: Int64?
        for part in parts {
            let rolled = rolled.filter { $0.part.source == part.source }.map(\.chunk)
            guard let first = rolled.map(\.minMillis).min(), let last = rolled.map(\.maxMillis).max() else {
                continue
            }
            let rawStart = raw.filter { $0.part.source == part.source }.map(\.chunk.minMillis).min()
            guard first < rawStart ?? .max else { continue }
            let gone = Timestamp(millis: rawStart ?? last).floored(toMillis: RollupLevel.day.millis)
            until = max(until ?? .min, gone.advanced(byMillis: RollupLevel.day.millis).millis)
        }
        return until
    }
}
