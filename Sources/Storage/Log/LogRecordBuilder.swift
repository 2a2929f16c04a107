import ChunkCodec
import Model

/// Builds the content of one write's records while its samples are put into the head.
///
/// Adding a sample stores it and nothing more; `finish` writes the columns. One builder serves one write
/// after the other and keeps its memory.
/// Sendable: whoever has the store's lock has the builder to himself.
///
/// Format: docs/formats/log.md "Write" and "Definitions".
@safe final class LogRecordBuilder: @unchecked Sendable {
    private struct Sample: BitwiseCopyable {
        var millis: Int64
        var bits: UInt64
    }

    /// The samples of one series from `start` up to the start of the next run.
    private struct Run: BitwiseCopyable {
        var series: UInt32
        var start: Int
    }

    @safe private struct Core {
        /// Room for one more sample and one more run is made before one is added.
        var samples = GrowingBuffer<Sample>(capacity: 4096)
        var runs = GrowingBuffer<Run>(capacity: 4096)
        var sampleCount = 0
        var runCount = 0
        /// The series of the last run; none of 32 bits before the first.
        var openSeries = Int64(-1)
        var definitions = GrowingBuffer<UInt8>(capacity: 4096)
        var definitionBytes = 0
        var definitionCount = 0
        /// One more than the series that was defined last.
        var nextDefinition: Int64 = 0
        var output = GrowingBuffer<UInt8>(capacity: 64 << 10)

        mutating func free() {
            unsafe samples.free()
            unsafe runs.free()
            unsafe definitions.free()
            unsafe output.free()
        }
    }

    /// The most bytes of the parts of the content, for the size of the output.
    private enum Bound {
        static let head = 64
        static let run = 32
        static let sample = 32
    }

    /// Buffers above this number of values are given back after a record.
    private static let keptCount = 256 << 10

    private let core: UnsafeMutablePointer<Core>
    private var histograms = HistogramColumn()
    private var histogramByteCount = 0

    /// An empty builder.
    init() {
        unsafe core = .allocate(capacity: 1)
        unsafe core.initialize(to: Core())
    }

    deinit {
        unsafe core.pointee.free()
        unsafe core.deinitialize(count: 1)
        unsafe core.deallocate()
    }

    /// Whether nothing was added.
    var isEmpty: Bool { unsafe core.pointee.sampleCount == 0 && core.pointee.definitionCount == 0 }

    /// The number of samples that were added.
    var sampleCount: Int { unsafe core.pointee.sampleCount }

    /// The memory that what was added takes, in bytes; the content will have about a fifth of it.
    var byteCount: Int {
        unsafe core.pointee.definitionBytes + core.pointee.sampleCount * MemoryLayout<Sample>.stride
            + core.pointee.runCount * MemoryLayout<Run>.stride + histogramByteCount
    }

    /// Notes the labels of a series that appears in this log file for the first time.
    ///
    /// `series` is a number of the caller's choice that stands for these labels in this file; `packed` is
    /// `Labels.packed`.
    func define(_ series: UInt32, packed: UnsafeRawBufferPointer) {
        let core = unsafe self.core
        let start = unsafe core.pointee.definitionBytes
        let most = start + packed.count + 2 * Varint.maxByteCount
        unsafe core.pointee.definitions.grow(toHold: most, keeping: start)
        var output = unsafe ByteOutput(core.pointee.definitions.base + start)
        unsafe output.put(signed: Int64(series) &- core.pointee.nextDefinition)
        unsafe output.put(UInt64(truncatingIfNeeded: packed.count))
        unsafe output.put(packed)
        unsafe core.pointee.definitionBytes = output.position - core.pointee.definitions.base
        unsafe core.pointee.definitionCount &+= 1
        unsafe core.pointee.nextDefinition = Int64(series) &+ 1
    }

    /// Adds a sample; the samples of a series take least room if they follow each other.
    @inline(__always)
    func append(_ series: UInt32, millis: Int64, bits: UInt64) {
        let core = unsafe self.core
        let count = unsafe core.pointee.sampleCount
        if unsafe Int64(series) != core.pointee.openSeries { begin(series) }
        if unsafe count == core.pointee.samples.capacity {
            unsafe core.pointee.samples.grow(toHold: count &+ 1, keeping: count)
        }
        unsafe core.pointee.samples.base[count] = Sample(millis: millis, bits: bits)
        unsafe core.pointee.sampleCount = count &+ 1
    }

    /// Adds a native histogram.
    func append(_ series: UInt32, millis: Int64, histogram: NativeHistogram) {
        histograms.append(histogram, at: sampleCount)
        histogramByteCount += 16 * histogram.heldSampleCount
        append(series, millis: millis, bits: NativeHistogram.placeholder.bitPattern)
    }

    /// The content of the records of the write with the number `sequence`; the builder is empty afterwards.
    func finish(sequence: UInt64) -> LogContent {
        var content = LogContent(definitions: definitions(), record: samples(sequence))
        if !histograms.isEmpty {
            var record = [LogRecord.histogramWriteKind]
            Varint.append(count: content.record.count, to: &record)
            record.append(contentsOf: content.record)
            HistogramCodec.encode(histograms, in: 0..<sampleCount, into: &record)
            content.record = record
        }
        removeAll()
        return content
    }

    /// Forgets what was added.
    func removeAll() {
        let core = unsafe self.core
        unsafe core.pointee.sampleCount = 0
        unsafe core.pointee.runCount = 0
        unsafe core.pointee.openSeries = -1
        unsafe core.pointee.definitionBytes = 0
        unsafe core.pointee.definitionCount = 0
        unsafe core.pointee.nextDefinition = 0
        histograms = HistogramColumn()
        histogramByteCount = 0
        unsafe core.pointee.samples.shrink(ifAbove: LogRecordBuilder.keptCount)
        unsafe core.pointee.runs.shrink(ifAbove: LogRecordBuilder.keptCount)
        unsafe core.pointee.definitions.shrink(ifAbove: LogRecordBuilder.keptCount)
        unsafe core.pointee.output.shrink(ifAbove: LogRecordBuilder.keptCount)
    }

    // MARK: - Private

    private func definitions() -> [UInt8] {
        let count = unsafe core.pointee.definitionCount
        guard count > 0 else { return [] }
        var bytes = [LogRecord.definitionsKind]
        unsafe bytes.reserveCapacity(core.pointee.definitionBytes + 1 + Varint.maxByteCount)
        Varint.append(count: count, to: &bytes)
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(
                start: core.pointee.definitions.base,
                count: core.pointee.definitionBytes
            )
        )
        return bytes
    }

    private func samples(_ sequence: UInt64) -> [UInt8] {
        let core = unsafe self.core
        let sampleCount = unsafe core.pointee.sampleCount
        let runCount = unsafe core.pointee.runCount
        let most = Bound.head + runCount * Bound.run + sampleCount * Bound.sample
        unsafe core.pointee.output.grow(toHold: most, keeping: 0)
        let base = unsafe core.pointee.output.base
        var output = unsafe ByteOutput(base)
        unsafe output.put(byte: LogRecord.writeKind)
        unsafe output.put(sequence)
        unsafe output.put(UInt64(truncatingIfNeeded: runCount))
        unsafe output.put(UInt64(truncatingIfNeeded: sampleCount))
        // The end of the last run, as the start of one more.
        unsafe core.pointee.runs.grow(toHold: runCount + 1, keeping: runCount)
        let runs = unsafe core.pointee.runs.base
        unsafe runs[runCount] = Run(series: 0, start: sampleCount)
        let samples = unsafe core.pointee.samples.base
        unsafe LogRecordBuilder.putSeries(runs, runCount, &output)
        unsafe LogRecordBuilder.putSampleCounts(runs, runCount, &output)
        unsafe LogRecordBuilder.putTimes(samples, sampleCount, &output)
        unsafe LogRecordBuilder.putValues(samples, sampleCount, runs, runCount, &output)
        return unsafe Array(UnsafeBufferPointer(start: base, count: output.position - base))
    }

    @inline(__always)
    private func begin(_ series: UInt32) {
        let core = unsafe self.core
        let count = unsafe core.pointee.runCount
        if unsafe count == core.pointee.runs.capacity {
            unsafe core.pointee.runs.grow(toHold: count &+ 1, keeping: count)
        }
        unsafe core.pointee.runs.base[count] = Run(series: series, start: core.pointee.sampleCount)
        unsafe core.pointee.runCount = count &+ 1
        unsafe core.pointee.openSeries = Int64(series)
    }

    /// The series of the runs, as stretches of rising numbers.
    private static func putSeries(
        _ runs: UnsafeMutablePointer<Run>,
        _ runCount: Int,
        _ output: inout ByteOutput
    ) {
        var index = 0
        var expected: Int64 = 0
        while index < runCount {
            let first = unsafe Int64(runs[index].series)
            let start = index
            repeat {
                index &+= 1
            } while unsafe index < runCount
                && Int64(runs[index].series) == first &+ Int64(index &- start)
            unsafe output.put(signed: first &- expected)
            unsafe output.put(UInt64(truncatingIfNeeded: index &- start &- 1))
            expected = first &+ Int64(index &- start)
        }
    }

    /// How many samples each run has, with how many runs after it have as many.
    private static func putSampleCounts(
        _ runs: UnsafeMutablePointer<Run>,
        _ runCount: Int,
        _ output: inout ByteOutput
    ) {
        var index = 0
        while index < runCount {
            let count = unsafe runs[index &+ 1].start &- runs[index].start
            let start = index
            repeat {
                index &+= 1
            } while unsafe index < runCount
                && runs[index &+ 1].start &- runs[index].start == count
            unsafe output.put(UInt64(truncatingIfNeeded: count))
            unsafe output.put(UInt64(truncatingIfNeeded: index &- start &- 1))
        }
    }

    /// The difference of each time to the one before, with how many after it have the same.
    private static func putTimes(
        _ samples: UnsafeMutablePointer<Sample>,
        _ sampleCount: Int,
        _ output: inout ByteOutput
    ) {
        var index = 0
        var previous: Int64 = 0
        while index < sampleCount {
            let difference = unsafe samples[index].millis &- previous
            let start = index
            repeat {
                unsafe previous = samples[index].millis
                index &+= 1
            } while unsafe index < sampleCount && samples[index].millis &- previous == difference
            unsafe output.put(signed: difference)
            unsafe output.put(UInt64(truncatingIfNeeded: index &- start &- 1))
        }
    }

    /// The codes of the values, two in a byte, then their bytes.
    private static func putValues(
        _ samples: UnsafeMutablePointer<Sample>,
        _ sampleCount: Int,
        _ runs: UnsafeMutablePointer<Run>,
        _ runCount: Int,
        _ output: inout ByteOutput
    ) {
        let codes = unsafe output.position
        unsafe output.position += (sampleCount &+ 1) / 2
        var index = 0
        var codePair: UInt64 = 0
        for run in 0..<runCount {
            let end = unsafe runs[run &+ 1].start
            var scale = LogValueCode.noScale
            var integer: Int64 = 0
            while index < end {
                let (code, bytes) = unsafe LogValueCode.encode(
                    samples[index].bits,
                    scale: &scale,
                    integer: &integer
                )
                unsafe output.put(
                    low: LogValueCode.byteCount(UInt8(truncatingIfNeeded: code)),
                    of: bytes
                )
                // Two bytes hold four codes; each is shifted in from above.
                codePair = (codePair &>> 4) | (code &<< 4)
                unsafe codes[index &>> 1] = UInt8(truncatingIfNeeded: codePair)
                index &+= 1
            }
        }
        if sampleCount & 1 == 1 { unsafe codes[sampleCount &>> 1] &>>= 4 }
    }
}
