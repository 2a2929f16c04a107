import ChunkCodec
import Model

/// The bytes of a chunk of rollups of native histograms.
///
/// Counts and times are a rollup column, whose numbers are all 0; behind it come the marks, and the
/// histograms in three sections, so that a reader decodes only what it wants. Format: docs/formats/chunk.md
/// "Rollups of native histograms".
enum HistogramRollupCodec {
    /// What is written of a bucket beside its histograms: `HistogramState.Marks`, and above them these bits.
    private struct Word: OptionSet {
        let rawValue: UInt64
        /// The sum does not exist.
        static let noTotal = Word(rawValue: 1 << 7)
        /// It does not because custom bounds have nothing in common; else buckets are of different sorts.
        static let noTotalForBounds = Word(rawValue: 1 << 8)
        /// Counters were reset, and the sum of what came before is there.
        static let resets = Word(rawValue: 1 << 9)
        /// That sum does not exist.
        static let noResets = Word(rawValue: 1 << 10)
        /// It does not because custom bounds have nothing in common.
        static let noResetsForBounds = Word(rawValue: 1 << 11)
        /// The lowest schema between first and last is not that of the last.
        static let schema = Word(rawValue: 1 << 12)

        /// All bits.
        static let all: UInt64 = 1 << 13 - 1

        /// The marks.
        var marks: HistogramState.Marks {
            HistogramState.Marks(rawValue: UInt8(truncatingIfNeeded: rawValue & 0x7f))
        }
    }

    /// Appends the buckets of a chunk, starts rising.
    static func encode(
        _ rollups: [HistogramRollup],
        level: RollupLevel,
        effort: EncodingEffort,
        into bytes: inout [UInt8]
    ) {
        var section: [UInt8] = []
        RollupCodec.encode(rollups.map(\.times), level: level, effort: effort, into: &section)
        append(section, to: &bytes)
        let words = rollups.map { word(of: $0.open) }
        section = []
        var from = 0
        while from < words.count {
            let to = words[from...].firstIndex { $0 != words[from] } ?? words.count
            Varint.append(words[from].rawValue, to: &section)
            Varint.append(count: to - from, to: &section)
            from = to
        }
        for (word, rollup) in zip(words, rollups) where word.contains(.schema) {
            Varint.append(signed: Int64(rollup.open.betweenSchema ?? 0), to: &section)
        }
        append(section, to: &bytes)
        append(
            rollups.flatMap { rollup -> [NativeHistogram] in
                let ends = [rollup.open.first, rollup.open.last].prefix(rollup.open.count)
                return (rollup.edge.map { [$0] } ?? []) + ends
            },
            to: &bytes
        )
        append(rollups.compactMap { $0.open.count > 1 ? $0.open.total.sum?.value : nil }, to: &bytes)
        append(rollups.compactMap { $0.open.resets.sum?.value }, to: &bytes)
    }

    /// The buckets of a chunk whose bytes fill `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: The chunk's value column.
    ///   - starts: Where they begin.
    ///   - level: The length of the buckets.
    ///   - parts: What is wanted of their states; with any the ends are there too.
    /// - Returns: As many buckets as there are starts.
    /// - Throws: `CodecError` for what no encoder writes, as far as it is looked at.
    static func decode(
        _ bytes: ArraySlice<UInt8>,
        starts: [Int64],
        level: RollupLevel,
        _ parts: WindowParts
    ) throws(CodecError) -> [HistogramRollup] {
        var reader = ByteReader(bytes)
        let times = try RollupCodec.decode(try section(&reader), starts: starts, level: level, [])
        let marks = try section(&reader)
        var rollups: [HistogramRollup] = []
        rollups.reserveCapacity(times.count)
        for bucket in times { rollups.append(try HistogramRollup(bucket)) }
        let words = try decodeMarks(marks, &rollups, isWanted: !parts.isEmpty)
        let (ends, totals, resets) = (try section(&reader), try section(&reader), try section(&reader))
        try reader.expectEnd()
        guard !parts.isEmpty else { return rollups }
        try decodeEnds(ends, &rollups, words)
        if parts.contains(.sum) { try decodeTotals(totals, &rollups, words) }
        if parts.contains(.increase) { try decodeResets(resets, &rollups, words) }
        return rollups
    }

    // MARK: - Marks

    private static func word(of state: HistogramState) -> Word {
        var word = Word(rawValue: UInt64(state.marks.rawValue))
        switch state.total.mismatch {
        case nil: break
        case .schemas: word.insert(.noTotal)
        case .bounds: word.formUnion([.noTotal, .noTotalForBounds])
        }
        switch state.resets.mismatch {
        case nil: if state.resets.sum != nil { word.insert(.resets) }
        case .schemas: word.insert(.noResets)
        case .bounds: word.formUnion([.noResets, .noResetsForBounds])
        }
        if let schema = state.betweenSchema, state.count < 3 || schema != state.last.schema {
            word.insert(.schema)
        }
        return word
    }

    private static func decodeMarks(
        _ bytes: ArraySlice<UInt8>,
        _ rollups: inout [HistogramRollup],
        isWanted: Bool
    ) throws(CodecError) -> [Word] {
        guard isWanted else { return [] }
        var reader = ByteReader(bytes)
        var words: [Word] = []
        words.reserveCapacity(rollups.count)
        while words.count < rollups.count {
            let word = Word(rawValue: try reader.readVarint())
            let count = try reader.readCount(limit: rollups.count - words.count)
            guard word.rawValue <= Word.all, count > 0 else { throw .badException }
            words.append(contentsOf: repeatElement(word, count: count))
        }
        for index in rollups.indices {
            let word = words[index]
            rollups[index].open.marks = word.marks
            guard word.contains(.schema) else { continue }
            guard let schema = Int32(exactly: try reader.readSignedVarint()),
                schema == NativeHistogram.customSchema
                    || NativeHistogram.exponentialSchemas.contains(schema)
            else { throw .badException }
            rollups[index].open.betweenSchema = schema
        }
        try reader.expectEnd()
        return words
    }

    // MARK: - Histograms

    private static func decodeEnds(
        _ bytes: ArraySlice<UInt8>,
        _ rollups: inout [HistogramRollup],
        _ words: [Word]
    ) throws(CodecError) {
        let count = rollups.reduce(0) { $0 + ($1.edge == nil ? 0 : 1) + min(2, $1.open.count) }
        var ends = try histograms(bytes, count: count)[...]
        for index in rollups.indices {
            if rollups[index].edge != nil { rollups[index].edge = ends.popFirst() }
            let count = rollups[index].open.count
            guard count > 0, let first = ends.popFirst() else { continue }
            let last = count > 1 ? ends.popFirst() ?? first : first
            (rollups[index].open.first, rollups[index].open.last) = (first, last)
            if count > 2, !words[index].contains(.schema) { rollups[index].open.betweenSchema = last.schema }
        }
    }

    private static func decodeTotals(
        _ bytes: ArraySlice<UInt8>,
        _ rollups: inout [HistogramRollup],
        _ words: [Word]
    ) throws(CodecError) {
        let places = rollups.indices.filter {
            rollups[$0].open.count > 1 && !words[$0].contains(.noTotal)
        }
        for (index, total) in zip(places, try histograms(bytes, count: places.count)) {
            rollups[index].open.total = HistogramTotal(total)
        }
        for index in rollups.indices where rollups[index].open.count > 0 {
            if words[index].contains(.noTotal) {
                let isForBounds = words[index].contains(.noTotalForBounds)
                rollups[index].open.total = HistogramTotal(mismatch: isForBounds ? .bounds : .schemas)
            } else if rollups[index].open.count == 1 {
                rollups[index].open.total = HistogramTotal(rollups[index].open.first)
            }
        }
    }

    private static func decodeResets(
        _ bytes: ArraySlice<UInt8>,
        _ rollups: inout [HistogramRollup],
        _ words: [Word]
    ) throws(CodecError) {
        let places = rollups.indices.filter { words[$0].contains(.resets) }
        for (index, sum) in zip(places, try histograms(bytes, count: places.count)) {
            rollups[index].open.resets = HistogramTotal(sum)
        }
        for index in rollups.indices where words[index].contains(.noResets) {
            let isForBounds = words[index].contains(.noResetsForBounds)
            rollups[index].open.resets = HistogramTotal(mismatch: isForBounds ? .bounds : .schemas)
        }
    }

    private static func histograms(
        _ bytes: ArraySlice<UInt8>,
        count: Int
    ) throws(CodecError) -> [NativeHistogram] {
        var reader = ByteReader(bytes)
        let histograms = try HistogramCodec.decode(count: count, from: &reader)
        try reader.expectEnd()
        return histograms
    }

    // MARK: - Sections

    private static func append(_ histograms: [NativeHistogram], to bytes: inout [UInt8]) {
        var section: [UInt8] = []
        HistogramCodec.encode(histograms, into: &section)
        append(section, to: &bytes)
    }

    private static func append(_ section: [UInt8], to bytes: inout [UInt8]) {
        Varint.append(count: section.count, to: &bytes)
        bytes.append(contentsOf: section)
    }

    private static func section(_ reader: inout ByteReader) throws(CodecError) -> ArraySlice<UInt8> {
        try reader.readBytes(count: try reader.readCount(limit: reader.remainingCount))
    }
}

extension HistogramRollup {
    /// Counts and times, as of numbers that are all 0.
    fileprivate var times: RollupBucket {
        var bucket = RollupBucket(start: start)
        if edge != nil { bucket.edge = .number }
        guard open.count > 0 else { return bucket }
        bucket.open.count = open.count
        (bucket.open.firstMillis, bucket.open.lastMillis) = (open.firstMillis, open.lastMillis)
        (bucket.open.least, bucket.open.greatest) = (0, 0)
        return bucket
    }

    /// What `times` says; the histograms are still to come.
    fileprivate init(_ times: RollupBucket) throws(CodecError) {
        guard times.edge != .nan, times.open.nanCount == 0 else { throw .badException }
        self.init(start: times.start)
        if times.edge == .number { edge = NativeHistogram() }
        open.count = times.open.count
        (open.firstMillis, open.lastMillis) = (times.open.firstMillis, times.open.lastMillis)
    }
}
