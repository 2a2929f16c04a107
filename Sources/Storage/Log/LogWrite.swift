import ChunkCodec
import Model

/// The samples of one write as the log gives them back, in flat columns.
///
/// Format: docs/formats/log.md "Write".
struct LogWrite {
    /// The most samples of a record; more are taken for damage.
    static let maxSampleCount = 64 << 20

    /// The number of the write; rises with each.
    let sequence: UInt64
    /// The series in the order of their samples; one may come again.
    private(set) var series: [UInt32] = []
    /// How many samples of each of `series` follow each other, one at least.
    private(set) var sampleCounts: [Int] = []
    /// The times of all samples.
    private(set) var timestamps: [Int64] = []
    /// The values of all samples.
    private(set) var values: [Double] = []
    /// The samples that are native histograms, by their place among all.
    private(set) var histograms = HistogramColumn()

    /// Reads the content of a record of this kind.
    init(_ content: [UInt8]) throws(CodecError) {
        var reader = ByteReader(content)
        try reader.skip(count: 1)
        sequence = try reader.readVarint()
        // Every sample has half a byte of its own at least.
        let seriesCount = try reader.readCount(limit: LogWrite.maxSampleCount)
        let sampleCount = try reader.readCount(limit: LogWrite.maxSampleCount)
        guard seriesCount <= sampleCount, sampleCount / 2 <= reader.remainingCount else {
            throw .truncated(neededBytes: sampleCount / 2, availableBytes: reader.remainingCount)
        }
        try readSeries(seriesCount, &reader)
        try readSampleCounts(seriesCount, sampleCount, &reader)
        try readTimes(sampleCount, &reader)
        try readValues(sampleCount, &reader)
        try reader.expectEnd()
    }

    /// Reads the content of a record with native histograms: a write, and what stands behind it.
    init(withHistograms content: [UInt8]) throws(CodecError) {
        var reader = ByteReader(content)
        try reader.skip(count: 1)
        let byteCount = try reader.readCount(limit: reader.remainingCount)
        self = try LogWrite(Array(try reader.readBytes(count: byteCount)))
        histograms = try HistogramCodec.decodeColumn(sampleCount: timestamps.count, from: &reader)
        try reader.expectEnd()
    }

    // MARK: - Private

    private mutating func readSeries(_ count: Int, _ reader: inout ByteReader) throws(CodecError) {
        series.reserveCapacity(count)
        var expected: Int64 = 0
        while series.count < count {
            let first = try LogWrite.seriesNumber(expected, try reader.readSignedVarint())
            let more = try reader.readCount(limit: count - series.count - 1)
            let last = try LogWrite.seriesNumber(Int64(first), Int64(more))
            series.append(contentsOf: first...last)
            expected = Int64(last) + 1
        }
    }

    private mutating func readSampleCounts(
        _ count: Int,
        _ sampleCount: Int,
        _ reader: inout ByteReader
    ) throws(CodecError) {
        sampleCounts.reserveCapacity(count)
        var left = sampleCount
        while sampleCounts.count < count {
            let samples = try reader.readCount(limit: left)
            let runs = 1 + (try reader.readCount(limit: count - sampleCounts.count - 1))
            guard samples > 0, runs <= left / samples else { throw .badException }
            left -= samples * runs
            sampleCounts.append(contentsOf: repeatElement(samples, count: runs))
        }
        guard left == 0 else { throw .badException }
    }

    private mutating func readTimes(_ count: Int, _ reader: inout ByteReader) throws(CodecError) {
        timestamps.reserveCapacity(count)
        var time: Int64 = 0
        while timestamps.count < count {
            let difference = try reader.readSignedVarint()
            for _ in 0...(try reader.readCount(limit: count - timestamps.count - 1)) {
                time &+= difference
                timestamps.append(time)
            }
        }
    }

    private mutating func readValues(_ count: Int, _ reader: inout ByteReader) throws(CodecError) {
        let codes = try reader.readBytes(count: (count + 1) / 2)
        var needed = 0
        for position in 0..<count { needed += LogValueCode.byteCount(LogWrite.code(codes, position)) }
        // Of an odd count the last half byte means nothing and is zero.
        guard count & 1 == 0 || codes.last.map({ $0 < 16 }) == true else { throw .badException }
        let bytes = try reader.readBytes(count: needed)
        values.reserveCapacity(count)
        var position = 0
        var offset = bytes.startIndex
        for samples in sampleCounts {
            var scale = LogValueCode.noScale
            var integer: Int64 = 0
            for _ in 0..<samples {
                let code = LogWrite.code(codes, position)
                let byteCount = LogValueCode.byteCount(code)
                let found = LogWrite.low(byteCount, bytes, offset)
                let foundScale = LogValueCode.scale(code)
                if foundScale == LogValueCode.noScale {
                    values.append(Double(bitPattern: found))
                } else {
                    integer = Varint.unzigzag(found) &+ (scale == foundScale ? integer : 0)
                    values.append(LogValueCode.value(integer, scale: foundScale))
                }
                scale = foundScale
                position += 1
                offset += byteCount
            }
        }
    }

    /// The code of the value at `position`.
    @inline(__always)
    private static func code(_ codes: ArraySlice<UInt8>, _ position: Int) -> UInt8 {
        let pair = codes[codes.startIndex &+ position &>> 1]
        return position & 1 == 0 ? pair & 15 : pair &>> 4
    }

    /// The integer in `count` (0...8) bytes from `offset`, the lowest first.
    @inline(__always)
    private static func low(_ count: Int, _ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(bytes[offset &+ index]) &<< (UInt64(index) &* 8) }
        return value
    }

    /// The series number that is `difference` above `expected`.
    static func seriesNumber(_ expected: Int64, _ difference: Int64) throws(CodecError) -> UInt32 {
        let (number, overflow) = expected.addingReportingOverflow(difference)
        guard !overflow, let series = UInt32(exactly: number) else {
            throw .tooLarge(stored: UInt64(bitPattern: number), limit: Int(UInt32.max))
        }
        return series
    }
}
