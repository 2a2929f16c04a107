import ChunkCodec
import Model

/// Native histograms as bytes: each as what differs from the one before.
///
/// Nothing is compressed further here: a log record and a frame of a segment compress what they hold. All 64
/// bits of each number come back. Reading checks every length and index, whatever the bytes are.
///
/// Format: docs/formats/chunk.md "Native histograms".
enum HistogramCodec {
    private static let sameLayout: UInt8 = 1
    private static let wholeNumbers: UInt8 = 2
    private static let resetShift: UInt8 = 4

    /// Appends the histograms of a column that stand in `range`, with their positions in it.
    static func encode(_ column: HistogramColumn, in range: Range<Int>, into bytes: inout [UInt8]) {
        let members = column.indices(in: range)
        Varint.append(count: members.count, to: &bytes)
        var expected = range.lowerBound
        var index = members.lowerBound
        while index < members.upperBound {
            let first = column.positions[index]
            let start = index
            repeat {
                index += 1
            } while index < members.upperBound
                && column.positions[index] == first + (index - start)
            Varint.append(count: first - expected, to: &bytes)
            Varint.append(count: index - start - 1, to: &bytes)
            expected = first + (index - start)
        }
        encode(column.values[members], into: &bytes)
    }

    /// Reads what `encode` wrote of a column whose `range` has `sampleCount` samples.
    static func decodeColumn(sampleCount: Int, from reader: inout ByteReader) throws(CodecError)
        -> HistogramColumn
    {
        let count = try reader.readCount(limit: sampleCount)
        var positions: [Int] = []
        var expected = 0
        while positions.count < count {
            let first = expected + (try reader.readCount(limit: sampleCount - expected))
            let more = try reader.readCount(limit: count - positions.count - 1)
            guard more < sampleCount - first else { throw .badException }
            positions.append(contentsOf: first...first + more)
            expected = first + more + 1
        }
        var column = HistogramColumn()
        for (position, histogram) in zip(positions, try decode(count: count, from: &reader)) {
            column.append(histogram, at: position)
        }
        return column
    }

    /// Appends `histograms` to `bytes`.
    static func encode(_ histograms: some Sequence<NativeHistogram>, into bytes: inout [UInt8]) {
        var previous = NativeHistogram()
        for histogram in histograms {
            let isSame = hasLayout(histogram, of: previous)
            if !isSame { previous = NativeHistogram() }
            let isWhole = isWhole(histogram) && Self.isWhole(previous)
            bytes.append(
                (isSame ? sameLayout : 0) | (isWhole ? wholeNumbers : 0)
                    | histogram.counterReset.rawValue << resetShift
            )
            if !isSame { encodeLayout(histogram, into: &bytes) }
            Varint.append((histogram.sum.bitPattern ^ previous.sum.bitPattern).byteSwapped, to: &bytes)
            let (numbers, before) = (numbers(of: histogram), numbers(of: previous))
            for (place, number) in numbers.enumerated() {
                let old = place < before.count ? before[place] : 0
                if isWhole {
                    Varint.append(signed: Int64(number) - Int64(old), to: &bytes)
                } else {
                    Varint.append((number.bitPattern ^ old.bitPattern).byteSwapped, to: &bytes)
                }
            }
            previous = histogram
        }
    }

    /// Reads `count` histograms that `encode` wrote.
    static func decode(count: Int, from reader: inout ByteReader) throws(CodecError) -> [NativeHistogram] {
        var histograms: [NativeHistogram] = []
        var previous = NativeHistogram()
        // Each takes at least a byte for its flags, sum, count and zero count.
        guard count <= reader.remainingCount / 4 else {
            throw .truncated(neededBytes: count * 4, availableBytes: reader.remainingCount)
        }
        histograms.reserveCapacity(count)
        for _ in 0..<count {
            let flags = try reader.readUInt8()
            guard let reset = NativeHistogram.CounterReset(rawValue: flags >> resetShift),
                flags & 0x0f & ~(sameLayout | wholeNumbers) == 0
            else { throw .unsupportedValueKind(flags) }
            var histogram = previous
            histogram.counterReset = reset
            if flags & sameLayout == 0 {
                histogram = try decodeLayout(&reader)
                histogram.counterReset = reset
                previous = NativeHistogram()
            }
            histogram.sum = Double(
                bitPattern: try reader.readVarint().byteSwapped ^ previous.sum.bitPattern
            )
            let isWhole = flags & wholeNumbers != 0
            guard !isWhole || Self.isWhole(previous) else { throw .badException }
            histogram.count = try number(isWhole, previous.count, &reader)
            histogram.zeroCount = try number(isWhole, previous.zeroCount, &reader)
            for place in histogram.positive.counts.indices {
                let old = place < previous.positive.count ? previous.positive.counts[place] : 0
                histogram.positive.counts[place] = try number(isWhole, old, &reader)
            }
            for place in histogram.negative.counts.indices {
                let old = place < previous.negative.count ? previous.negative.counts[place] : 0
                histogram.negative.counts[place] = try number(isWhole, old, &reader)
            }
            histograms.append(histogram)
            previous = histogram
        }
        return histograms
    }

    // MARK: - Numbers

    private static func number(_ isWhole: Bool, _ old: Double, _ reader: inout ByteReader) throws(CodecError)
        -> Double
    {
        guard isWhole else {
            return Double(bitPattern: try reader.readVarint().byteSwapped ^ old.bitPattern)
        }
        let (sum, overflow) = Int64(old).addingReportingOverflow(try reader.readSignedVarint())
        guard !overflow, sum.magnitude < 1 << 53 else { throw .badException }
        return Double(sum)
    }

    private static func numbers(of histogram: NativeHistogram) -> [Double] {
        [histogram.count, histogram.zeroCount] + histogram.positive.counts + histogram.negative.counts
    }

    /// Whether all counts are integers that come back from an `Int64` bit by bit.
    private static func isWhole(_ histogram: NativeHistogram) -> Bool {
        func isWhole(_ number: Double) -> Bool {
            number.magnitude < 0x1p53 && number.rounded(.towardZero) == number
                && !(number == 0 && number.sign == .minus)
        }
        return isWhole(histogram.count) && isWhole(histogram.zeroCount)
            && histogram.positive.counts.allSatisfy(isWhole) && histogram.negative.counts.allSatisfy(isWhole)
    }

    // MARK: - Layouts

    private static func hasLayout(_ histogram: NativeHistogram, of other: NativeHistogram) -> Bool {
        histogram.schema == other.schema
            && histogram.zeroThreshold.bitPattern == other.zeroThreshold.bitPattern
            && histogram.positive.indices == other.positive.indices
            && histogram.negative.indices == other.negative.indices
            && histogram.customBounds.elementsEqual(other.customBounds) { $0.bitPattern == $1.bitPattern }
    }

    private static func encodeLayout(_ histogram: NativeHistogram, into bytes: inout [UInt8]) {
        Varint.append(signed: Int64(histogram.schema), to: &bytes)
        Varint.append(histogram.zeroThreshold.bitPattern.byteSwapped, to: &bytes)
        Varint.append(count: histogram.customBounds.count, to: &bytes)
        for bound in histogram.customBounds { Varint.append(bound.bitPattern.byteSwapped, to: &bytes) }
        for buckets in [histogram.positive, histogram.negative] {
            Varint.append(count: buckets.count, to: &bytes)
            var expected: Int64 = 0
            for index in buckets.indices {
                Varint.append(signed: Int64(index) - expected, to: &bytes)
                expected = Int64(index) + 1
            }
        }
    }

    /// A histogram with the layout that comes next, and counts of 0.
    private static func decodeLayout(_ reader: inout ByteReader) throws(CodecError) -> NativeHistogram {
        var histogram = NativeHistogram()
        guard let schema = Int32(exactly: try reader.readSignedVarint()),
            schema == NativeHistogram.customSchema
                || NativeHistogram.exponentialSchemas.contains(schema)
        else { throw .badException }
        histogram.schema = schema
        histogram.zeroThreshold = Double(bitPattern: try reader.readVarint().byteSwapped)
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            histogram.customBounds.append(Double(bitPattern: try reader.readVarint().byteSwapped))
        }
        histogram.positive = try decodeIndices(&reader)
        histogram.negative = try decodeIndices(&reader)
        return histogram
    }

    private static func decodeIndices(_ reader: inout ByteReader) throws(CodecError) -> HistogramBuckets {
        var buckets = HistogramBuckets()
        var expected: Int64 = 0
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            let (sum, overflow) = expected.addingReportingOverflow(try reader.readSignedVarint())
            guard !overflow, let index = Int32(exactly: sum), buckets.isEmpty || sum >= expected else {
                throw .badException
            }
            buckets.append(index: index, count: 0)
            expected = sum + 1
        }
        return buckets
    }
}
