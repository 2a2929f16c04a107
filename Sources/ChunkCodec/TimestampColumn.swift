/// The times of a chunk: a timestamp block of docs/formats/chunk.md.
///
/// A time is a place on a grid of fixed steps plus what it misses the place by, so that the regular times of
/// a scrape take a few bytes a chunk. Any integers come back as they were, in any order; the number of them
/// is not in the block.
package enum TimestampColumn {
    /// The intervals that are taken for meant if the times come near them, in milliseconds.
    private static let usualSteps: [Int64] = [
        1000, 5000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
        3_600_000, 86_400_000,
    ]
    /// A usual step is near if it differs by at most one part in so many (2 %).
    private static let nearness: Int64 = 50

    /// Appends the block of `timestamps` (at most `ChunkLimits.maxSampleCount`), which is empty if they are.
    package static func encode(
        _ timestamps: ArraySlice<Int64>,
        effort: EncodingEffort,
        into bytes: inout [UInt8]
    ) {
        guard !timestamps.isEmpty else { return }
        ChunkLimits.expect(sampleCount: timestamps.count)
        timestamps.withUnsafeBufferPointer { timestamps in
            withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 &* timestamps.count) { scratch in
                guard let scratch = scratch.baseAddress else { return }
                encode(timestamps, scratch: scratch, effort: effort, into: &bytes)
            }
        }
    }

    /// Appends the block of `timestamps` (at most `ChunkLimits.maxSampleCount`), which is empty if they are.
    package static func encode(_ timestamps: [Int64], effort: EncodingEffort, into bytes: inout [UInt8]) {
        encode(timestamps[...], effort: effort, into: &bytes)
    }

    /// Appends the `count` times of a block that fills `bytes` to `timestamps`.
    ///
    /// `timestamps` is unchanged if this throws. Memory is taken for at most `ChunkLimits.maxSampleCount`
    /// times.
    package static func decode(
        _ bytes: ArraySlice<UInt8>,
        count: Int,
        into timestamps: inout [Int64]
    ) throws(CodecError) {
        var reader = ByteReader(bytes)
        let oldCount = timestamps.count
        try decode(from: &reader, count: count, into: &timestamps)
        guard reader.isAtEnd else {
            timestamps.removeSubrange(oldCount...)
            throw .trailingBytes(count: reader.remainingCount)
        }
    }

    /// Appends the `count` times of the block at `reader` to `timestamps` and moves behind the block.
    ///
    /// `timestamps` is unchanged if this throws. Memory is taken for at most `ChunkLimits.maxSampleCount`
    /// times.
    package static func decode(
        from reader: inout ByteReader,
        count: Int,
        into timestamps: inout [Int64]
    ) throws(CodecError) {
        try ChunkLimits.check(sampleCount: count)
        guard count > 0 else { return }
        try timestamps.append(addingCapacity: count) { (span: inout OutputSpan<Int64>) throws(CodecError) in
            try span.withUnsafeMutableBufferPointer { buffer, initializedCount throws(CodecError) in
                guard let start = buffer.baseAddress else { return }
                try start.withMemoryRebound(to: UInt64.self, capacity: count) { words throws(CodecError) in
                    try decode(from: &reader, count: count, to: words)
                }
                initializedCount = count
            }
        }
    }

    // MARK: Encoding

    private static func encode(
        _ timestamps: UnsafeBufferPointer<Int64>,
        scratch: UnsafeMutablePointer<UInt64>,
        effort: EncodingEffort,
        into bytes: inout [UInt8]
    ) {
        let start = bytes.count
        var isSettled = false
        for step in steps(of: timestamps) where !isSettled {
            var candidate: [UInt8] = []
            let isExact = append(timestamps, step: step, scratch: scratch, to: &candidate)
            isSettled = isExact || effort == .flush
            if bytes.count == start || candidate.count < bytes.count - start {
                bytes.removeSubrange(start...)
                bytes.append(contentsOf: candidate)
            }
        }
    }

    /// Appends the block for a grid of `step` (>= 0) and tells whether all times lie on the grid.
    private static func append(
        _ timestamps: UnsafeBufferPointer<Int64>,
        step: Int64,
        scratch: UnsafeMutablePointer<UInt64>,
        to bytes: inout [UInt8]
    ) -> Bool {
        let count = timestamps.count
        let strides = scratch
        let misses = scratch + count
        strides[0] = 1
        misses[0] = 0
        var gridTime = timestamps[0]
        var anyMiss: UInt64 = 0
        for index in 1..<max(count, 1) {
            // Away from the grid by more than half a step, or wrapped around: any stride is right, the miss
            // mends it.
            let away = timestamps[index] &- gridTime
            var stride: Int64 = 1
            if step > 0, away &- step > step / 2 || away &- step < -(step / 2) {
                let (quotient, rest) = away.quotientAndRemainder(dividingBy: step)
                stride = quotient &+ (rest > step / 2 ? 1 : rest < -(step / 2) ? -1 : 0)
            }
            gridTime = gridTime &+ stride &* step
            strides[index] = UInt64(bitPattern: stride)
            let miss = UInt64(bitPattern: timestamps[index] &- gridTime)
            misses[index] = miss
            anyMiss |= miss
        }
        Varint.append(signed: timestamps[0], to: &bytes)
        Varint.append(UInt64(step), to: &bytes)
        // Times are shared by many series, so that the full search costs little.
        IntegerColumn.append(strides, count: count, effort: .compaction, to: &bytes)
        IntegerColumn.append(misses, count: count, effort: .compaction, to: &bytes)
        return anyMiss == 0
    }

    /// The steps to try, the likeliest first.
    private static func steps(of timestamps: UnsafeBufferPointer<Int64>) -> [Int64] {
        guard timestamps.count > 1 else { return [0] }
        var deltas = (1..<timestamps.count).map { max(0, timestamps[$0] &- timestamps[$0 - 1]) }
        let median = medianOf(&deltas)
        var steps: [Int64] = []
        if let usual = usualSteps.first(where: { (median &- $0).magnitude <= $0 / nearness }) {
            steps.append(usual)
        }
        if !steps.contains(median) { steps.append(median) }
        if median != 0 { steps.append(0) }
        return steps
    }

    private static func medianOf(_ deltas: inout [Int64]) -> Int64 {
        // Nearly always all are equal or in few groups, and a vote of the first settles it.
        let first = deltas[0]
        var equalCount = 0
        for delta in deltas where delta == first { equalCount += 1 }
        if equalCount * 2 > deltas.count { return first }
        deltas.sort()
        return deltas[deltas.count / 2]
    }

    // MARK: Decoding

    private static func decode(
        from reader: inout ByteReader,
        count: Int,
        to words: UnsafeMutablePointer<UInt64>
    ) throws(CodecError) {
        let first = UInt64(bitPattern: try reader.readSignedVarint())
        let step = try reader.readVarint()
        if let stride = try IntegerColumn.decodeIfAllEqual(from: &reader) {
            try IntegerColumn.decode(from: &reader, count: count, to: words)
            let distance = stride &* step
            var gridTime = first
            for index in 0..<count {
                words[index] = words[index] &+ gridTime
                gridTime = gridTime &+ distance
            }
            return
        }
        let strides = try IntegerColumn.read(from: &reader, count: count)
        try IntegerColumn.decode(from: &reader, count: count, to: words)
        strides.withUnsafeBufferPointer { strides in
            var gridTime = first
            words[0] = words[0] &+ gridTime
            for index in 1..<max(count, 1) {
                gridTime = gridTime &+ strides[index] &* step
                words[index] = words[index] &+ gridTime
            }
        }
    }
}
