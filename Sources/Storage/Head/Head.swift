import Model

/// The samples that are in no segment yet, by series.
///
/// A head is born empty and takes writes under the store's lock. Then it is frozen: a new head takes the
/// writes, this one is read until it is flushed, and dropped whole. A series has a number in the head, in the
/// order in which they came; what it is in another head or in a segment only its labels tell.
///
/// The newest samples of a series are as they came, all others are in runs.
/// Sendable: whoever changes it has the store's lock to himself; once frozen it does not change.
@safe final class Head: @unchecked Sendable {
    /// The memory that a series takes besides its samples, as a rule, in bytes.
    static let usualSeriesByteCount = 512

    private static let entriesPerBlock = 1024
    private static let leastTail: UInt8 = 4
    /// From how many samples on it is worth while to remember how the labels of a series are spelled.
    static let leastSpelledSampleCount: UInt32 = 8

    @safe private struct Core {
        var memory = HeadMemory()
        var entries: [UnsafeMutablePointer<HeadEntry>] = unsafe []
        var count = 0
        var sampleCount = 0
        var minMillis = Int64.max
        var maxMillis = Int64.min
        var newCount = 0
        /// Tails that series have outgrown, by size: 4, 8, 16.
        var freeTails: [[UnsafeMutablePointer<HeadSample>]] = unsafe [[], [], []]
        /// The log file that `isInLog` of entries is about.
        var epoch: UInt64 = 0
        var previousSeries = HeadEntry.none
        /// How clients spell the labels of series that get samples again and again.
        var spellings = HeadSpellings()
    }

    /// What a sample did to its series.
    enum Placement {
        /// It is newer than all before it.
        case atEnd
        /// It has the time of the one before it, which it replaced.
        case overwritesLast
        /// It is not newer than all before it.
        case outOfOrder
    }

    private let core: UnsafeMutablePointer<Core>
    private let table: HeadTable
    /// The series of the head before this one.
    private let previous: HeadTable?
    private let previousMetrics: HeadIndex.MetricCounts
    private var retentions: [Int64?] = [nil]
    /// The labels of its series.
    let index = HeadIndex()
    /// What does not fit into 64 bits.
    private var extras = HeadExtras()

    /// An empty head that follows `previous`.
    convenience init(after previous: Head) {
        self.init(after: previous.table, previous.index.metricCounts())
    }

    /// An empty head for which the series of `previous` are not new.
    ///
    /// - Parameters:
    ///   - previous: The series that were written before it began.
    ///   - metrics: How many of them each metric has.
    init(after previous: HeadTable? = nil, _ metrics: HeadIndex.MetricCounts = HeadIndex.MetricCounts()) {
        unsafe core = .allocate(capacity: 1)
        unsafe core.initialize(to: Core())
        self.previous = previous
        previousMetrics = metrics
        table = HeadTable(seed: previous?.seed ?? .random(in: .min ... .max))
    }

    deinit {
        unsafe core.pointee.memory.free()
        unsafe core.pointee.spellings.free()
        while let block = unsafe core.pointee.entries.popLast() { unsafe block.deallocate() }
        unsafe core.deinitialize(count: 1)
        unsafe core.deallocate()
    }

    // MARK: - Figures

    /// The number of series.
    var seriesCount: Int { unsafe core.pointee.count }
    /// The number of samples, those replaced later counted.
    var sampleCount: Int { unsafe core.pointee.sampleCount }
    /// The time of the oldest sample in milliseconds; the largest number without samples.
    var minMillis: Int64 { unsafe core.pointee.minMillis }
    /// The time of the newest sample in milliseconds; the smallest number without samples.
    var maxMillis: Int64 { unsafe core.pointee.maxMillis }
    /// The series that were written to this head or to the one before.
    var activeSeriesCount: Int { (previous?.count ?? 0) + (unsafe core.pointee.newCount) }
    /// The series of the head before.
    var previousSeriesCount: Int { previous?.count ?? 0 }
    /// The memory that it takes, in bytes.
    var byteCount: Int {
        let entries = unsafe core.pointee.entries.count * Head.entriesPerBlock
        return unsafe core.pointee.memory.byteCount + core.pointee.spellings.byteCount
            + entries * MemoryLayout<HeadEntry>.stride
            + table.byteCount + index.byteCount + extras.byteCount
    }

    /// The larger number of series that a metric has in this head and in the one before.
    func seriesCount(ofMetric name: String) -> Int {
        max(index.seriesCount(ofMetric: name), previousMetrics[name])
    }

    // MARK: - Series

    /// Whether spellings of this kind are remembered: it is not packed, and the first one that came.
    func remembers(_ spelling: any LabelSpelling) -> Bool {
        unsafe core.pointee.spellings.isOfKind(spelling)
    }

    /// The series that `spelled` is, if it came after the one found last the time before; else nil.
    ///
    /// `isRemembered` is what `remembers` says of the spelling.
    @inline(__always)
    func follower(
        _ spelled: UnsafeRawBufferPointer,
        _ spelling: any LabelSpelling,
        isRemembered: Bool
    ) -> UInt32? {
        let previous = unsafe core.pointee.previousSeries
        guard previous != HeadEntry.none else { return nil }
        let guess = unsafe entry(previous).pointee.follower
        guard guess != HeadEntry.none else { return nil }
        let known = unsafe entry(guess).pointee.spelling
        if unsafe !isRemembered || known == HeadEntry.none || !core.pointee.spellings.isEqual(known, spelled)
        {
            guard unsafe spelling.isEqual(spelled, packed: entry(guess).pointee.packed) else { return nil }
            if isRemembered { unsafe noteSpelling(spelled, of: guess) }
        }
        unsafe core.pointee.previousSeries = guess
        return guess
    }

    /// Remembers that a client spells the labels of a series like this, in a spelling that is remembered.
    ///
    /// Bytes that are the same are recognised much faster than labels are, and in whatever order these stand.
    /// Series with few samples, of which many may come and go, are not worth the memory.
    @inline(__always)
    func noteSpelling(_ spelled: UnsafeRawBufferPointer, of series: UInt32) {
        let entry = unsafe entry(series)
        guard unsafe entry.pointee.spelling == HeadEntry.none,
            unsafe entry.pointee.sampleCount >= Head.leastSpelledSampleCount
        else { return }
        unsafe entry.pointee.spelling = core.pointee.spellings.add(spelled) ?? HeadEntry.none
    }

    /// The series with these labels, or nil.
    func find(_ labels: Labels) -> UInt32? {
        let found = unsafe labels.packed.withUnsafeBytes { packed in
            table.find(unsafe table.hash(packed)) { unsafe isEqual(entry($0).pointee.packed, packed) }
        }
        if let found { noteOrder(found) }
        return found
    }

    /// Whether the head before had a series with these labels.
    func isKnown(_ labels: Labels) -> Bool {
        guard let previous else { return false }
        return unsafe labels.packed.withUnsafeBytes { packed in
            // The hash has 64 bits; the chance to take another series for it is negligible.
            unsafe previous.find(previous.hash(packed)) { _ in true } != nil
        }
    }

    /// Adds a series that is not in the head.
    func add(_ labels: Labels, retentionMillis: Int64?) -> UInt32 {
        let core = unsafe self.core
        let series = UInt32(truncatingIfNeeded: unsafe core.pointee.count)
        if !isKnown(labels) { unsafe core.pointee.newCount += 1 }
        unsafe labels.packed.withUnsafeBytes { packed in
            let hash = unsafe table.hash(packed)
            let copy = unsafe core.pointee.memory.take(packed.count)
            if let start = packed.baseAddress { unsafe copy.copyMemory(from: start, byteCount: packed.count) }
            if unsafe core.pointee.count % Head.entriesPerBlock == 0 {
                unsafe core.pointee.entries.append(.allocate(capacity: Head.entriesPerBlock))
            }
            unsafe core.pointee.count += 1
            unsafe entry(series).initialize(
                to: HeadEntry(
                    labels: copy,
                    count: packed.count,
                    hash: hash,
                    retention: retention(retentionMillis)
                )
            )
            table.add(series, hash) { unsafe entry($0).pointee.hash }
            unsafe index.add(series, packed: entry(series).pointee.packed)
        }
        noteOrder(series)
        return series
    }

    /// The series with these labels, which is added if it is new.
    func series(of labels: Labels, retentionMillis: () -> Int64?) -> UInt32 {
        find(labels) ?? add(labels, retentionMillis: retentionMillis())
    }

    /// The labels of a series.
    func labels(_ series: UInt32) -> Labels {
        unsafe Labels(trusted: Array(entry(series).pointee.packed))
    }

    /// How long samples of a series are kept, in milliseconds; nil for ever.
    func retentionMillis(_ series: UInt32) -> Int64? {
        retentions[Int(unsafe entry(series).pointee.retention)]
    }

    /// Changes how long samples are kept.
    func setRetention(_ retentionMillis: (Labels) -> Int64?) {
        retentions = [nil]
        for series in 0..<UInt32(truncatingIfNeeded: seriesCount) {
            unsafe entry(series).pointee.retention = retention(retentionMillis(labels(series)))
        }
    }

    /// All series in the order of their labels.
    func seriesInLabelOrder() -> [UInt32] {
        // Labels are compared as label sets, not as packed bytes.
        (0..<UInt32(truncatingIfNeeded: seriesCount)).map { ($0, labels($0)) }
            .sorted { $0.1 < $1.1 }.map(\.0)
    }

    // MARK: - Log

    /// Notes that records are written to the log file `epoch` from now on.
    func beginWrite(epoch: UInt64) {
        guard unsafe core.pointee.epoch != epoch else { return }
        unsafe core.pointee.epoch = epoch
        for series in 0..<UInt32(truncatingIfNeeded: seriesCount) {
            unsafe entry(series).pointee.isInLog = false
        }
    }

    /// Explains the series in the log file unless that was done.
    @inline(__always)
    func define(_ series: UInt32, in record: LogRecordBuilder) {
        let entry = unsafe entry(series)
        if unsafe entry.pointee.isInLog { return }
        unsafe entry.pointee.isInLog = true
        unsafe record.define(series, packed: entry.pointee.packed)
    }

    // MARK: - Samples

    /// Adds a sample to a series.
    @inline(__always)
    func append(_ series: UInt32, millis: Int64, bits: UInt64) -> Placement {
        let entry = unsafe entry(series)
        let tailCount = Int(unsafe entry.pointee.tailCount)
        var placement = Placement.atEnd
        if unsafe millis <= entry.pointee.maxMillis {
            if tailCount > 0, let tail = unsafe entry.pointee.tail,
                unsafe tail[tailCount &- 1].millis == millis
            {
                unsafe tail[tailCount &- 1].bits = bits
                return .overwritesLast
            }
            unsafe noteOutOfOrder(entry, millis)
            placement = .outOfOrder
        } else {
            unsafe entry.pointee.maxMillis = millis
            unsafe core.pointee.maxMillis = max(core.pointee.maxMillis, millis)
        }
        if unsafe entry.pointee.sampleCount == 0 || placement == .outOfOrder {
            unsafe entry.pointee.minMillis = min(entry.pointee.minMillis, millis)
            unsafe core.pointee.minMillis = min(core.pointee.minMillis, millis)
        }
        if unsafe entry.pointee.tailCount == entry.pointee.tailCapacity { unsafe makeRoom(entry) }
        let place = Int(unsafe entry.pointee.tailCount)
        unsafe entry.pointee.tail?[place] = HeadSample(millis: millis, bits: bits)
        unsafe entry.pointee.tailCount &+= 1
        unsafe entry.pointee.sampleCount &+= 1
        unsafe core.pointee.sampleCount &+= 1
        return placement
    }

    /// Adds a native histogram to a series.
    func append(_ series: UInt32, millis: Int64, histogram: NativeHistogram) -> Placement {
        append(series, millis: millis, bits: extras.add(histogram))
    }

    /// The bits to append for a number with the bits `bits`: nearly always these.
    @inline(__always)
    func storable(_ bits: UInt64) -> UInt64 {
        HeadExtras.isMarked(bits) ? extras.add(bits: bits) : bits
    }

    /// Whether a series may have samples in `range`.
    func hasSamples(_ series: UInt32, in range: TimeRange) -> Bool {
        let entry = unsafe entry(series)
        return unsafe entry.pointee.minMillis <= range.end.millis
            && entry.pointee.maxMillis >= range.start.millis
    }

    /// What the head has of a series now.
    func snapshot(_ series: UInt32) -> HeadSeries {
        let entry = unsafe entry(series)
        return unsafe HeadSeries(self, entry.pointee, tail: Array(tail(of: entry))[...], extras)
    }

    /// What the head has now of those of `series` that have samples in `range`, with their labels.
    func snapshots(of series: [UInt32], in range: TimeRange) -> [(labels: Labels, series: HeadSeries)] {
        let found = series.filter { hasSamples($0, in: range) }
        // One array for all: one for each would be most of the work.
        var tails: [HeadSample] = []
        tails.reserveCapacity(found.reduce(0) { $0 + Int(unsafe entry($1).pointee.tailCount) })
        for series in found { unsafe tails.append(contentsOf: tail(of: entry(series))) }
        var start = 0
        return found.map { series in
            let entry = unsafe entry(series)
            let end = start + Int(unsafe entry.pointee.tailCount)
            defer { start = end }
            return (labels(series), unsafe HeadSeries(self, entry.pointee, tail: tails[start..<end], extras))
        }
    }

    /// What the head has now of each of `series`.
    func snapshots(
        ofEach series: [UInt32]
    ) -> [(number: UInt32, labels: Labels, series: HeadSeries)] {
        series.map { ($0, labels($0), snapshot($0)) }
    }

    // MARK: - Private

    private func tail(of entry: UnsafeMutablePointer<HeadEntry>) -> UnsafeBufferPointer<HeadSample> {
        unsafe UnsafeBufferPointer(start: entry.pointee.tail, count: Int(entry.pointee.tailCount))
    }

    @inline(__always)
    private func entry(_ series: UInt32) -> UnsafeMutablePointer<HeadEntry> {
        let place = Int(series)
        return unsafe core.pointee.entries[place / Head.entriesPerBlock] + place % Head.entriesPerBlock
    }

    /// Remembers that `series` came after the one before it.
    private func noteOrder(_ series: UInt32) {
        let previous = unsafe core.pointee.previousSeries
        if previous != HeadEntry.none { unsafe entry(previous).pointee.follower = series }
        unsafe core.pointee.previousSeries = series
    }

    private func retention(_ millis: Int64?) -> UInt16 {
        if let known = retentions.firstIndex(of: millis) { return UInt16(known) }
        precondition(retentions.count < UInt16.max, "BUG: too many times of retention")
        retentions.append(millis)
        return UInt16(retentions.count - 1)
    }

    private func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        unsafe PackedSpelling.shared.isEqual(left, packed: right)
    }

    @inline(never)
    private func noteOutOfOrder(_ entry: UnsafeMutablePointer<HeadEntry>, _ millis: Int64) {
        unsafe entry.pointee.isOutOfOrder = true
        let count = Int(unsafe entry.pointee.tailCount)
        guard count >= Int(Head.leastTail), let tail = unsafe entry.pointee.tail else { return }
        // What comes after a step back is a run of its own, so that runs are in order as a rule.
        if unsafe millis < tail[count - 1].millis { unsafe encode(entry) }
    }

    /// Makes room for one more sample in the tail of a series.
    @inline(never)
    private func makeRoom(_ entry: UnsafeMutablePointer<HeadEntry>) {
        let capacity = unsafe entry.pointee.tailCapacity
        guard capacity < HeadRun.longest else { return unsafe encode(entry) }
        let larger = max(Head.leastTail, capacity * 2)
        let tail = unsafe takeTail(larger)
        if let old = unsafe entry.pointee.tail {
            unsafe tail.update(from: old, count: Int(capacity))
            unsafe core.pointee.freeTails[Head.sizeClass(capacity)].append(old)
        }
        unsafe entry.pointee.tail = tail
        unsafe entry.pointee.tailCapacity = larger
    }

    private func takeTail(_ capacity: UInt8) -> UnsafeMutablePointer<HeadSample> {
        let sizeClass = Head.sizeClass(capacity)
        if sizeClass < 3, let free = unsafe core.pointee.freeTails[sizeClass].popLast() { return unsafe free }
        return unsafe core.pointee.memory.take(Int(capacity), of: HeadSample.self)
    }

    /// 0 for 4 samples, 1 for 8, 2 for 16, 3 for 32.
    private static func sizeClass(_ capacity: UInt8) -> Int {
        capacity.trailingZeroBitCount - leastTail.trailingZeroBitCount
    }

    /// Puts the tail of a series into a run.
    private func encode(_ entry: UnsafeMutablePointer<HeadEntry>) {
        guard let tail = unsafe entry.pointee.tail else { return }
        unsafe withUnsafeTemporaryAllocation(byteCount: HeadRun.mostBytes, alignment: 8) { scratch in
            guard let output = scratch.baseAddress else { return }
            let byteCount = unsafe HeadRun.encode(
                tail,
                count: Int(entry.pointee.tailCount),
                exponent: &entry.pointee.exponent,
                previous: entry.pointee.lastRun,
                to: output
            )
            let run = unsafe core.pointee.memory.take(byteCount)
            unsafe run.copyMemory(from: output, byteCount: byteCount)
            unsafe entry.pointee.lastRun = UnsafeRawPointer(run)
        }
        unsafe entry.pointee.tailCount = 0
    }
}
