import Model

/// What a writer does about the rollups of one series: folds its samples while they are written, and puts
/// what is known of samples that are gone before that.
struct SeriesRollups {
    /// Buckets of samples that are gone, by level; all of them lie before `startMillis`.
    private let known: [SeriesRollup]
    /// Samples before this time are not folded, in milliseconds; a multiple of every level's length.
    private let startMillis: Int64
    private var fold: RollupFold

    /// Rolls all samples up to `levels`, finer ones first; without levels there are no rollups.
    ///
    /// - Parameters:
    ///   - levels: The levels to make.
    ///   - forSpeed: Those of them that are not kept for longer than the samples.
    ///   - known: Buckets that stand before those of the samples, by level.
    ///   - startMillis: Where the day begins behind all buckets of `known`.
    init(
        _ levels: [RollupLevel] = [],
        forSpeed: Set<RollupLevel> = [],
        known: [SeriesRollup] = [],
        startMillis: Int64 = .min
    ) {
        fold = RollupFold(levels, forSpeed: forSpeed)
        self.known = known
        self.startMillis = startMillis
    }

    /// Notes samples behind those that it has.
    mutating func add(_ column: SampleColumn) {
        if fold.levels.isEmpty { return }
        if startMillis == .min {
            fold.add(column)
        } else {
            fold.add(column.sliced(to: TimeRange(Timestamp(millis: startMillis), .max)))
        }
    }

    /// All rollups, finer levels first; afterwards there are none.
    mutating func take() -> [SeriesRollup] {
        defer { self = SeriesRollups() }
        let folded = fold.rollups(sparseToo: !known.isEmpty)
        if known.isEmpty { return folded }
        return RollupLevel.allCases.compactMap { level in
            var rollup = known.first { $0.level == level } ?? SeriesRollup(level: level)
            if let behind = folded.first(where: { $0.level == level }) { rollup.append(behind) }
            return rollup.isEmpty ? nil : rollup
        }
    }
}
