import Model

/// From the labels of a head's series to the series: answers which series satisfy a set of matchers.
///
/// Series are numbers that rise by one. Names and values are not copied: they are looked at where they lie in
/// the packed label sets. So a series costs a few bytes per label it shares with others and about 30 for
/// each value of its own.
///
/// A selection is made in three steps, so that regular expressions are not tried under the store's lock:
/// `prepare` and `finish` need the lock, `Pending.evaluate` between them does not.
/// Sendable: whoever adds series has the store's lock to himself, and so has whoever asks, but for
/// `evaluate`, which reads only what does not change.
@safe final class HeadIndex: @unchecked Sendable {
    /// Where the labels of a series are.
    @safe struct PackedLabels: BitwiseCopyable {
        fileprivate let start: UnsafeRawPointer?
        fileprivate let count: Int

        /// The packed label set.
        var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: start, count: count) }
    }

    /// How many series each metric has.
    struct MetricCounts {
        private var counts: [ByteText: Int] = [:]

        /// No metrics.
        init() {}

        fileprivate init(_ counts: [ByteText: Int]) {
            self.counts = counts
        }

        /// The number of series of the metric `name`.
        subscript(_ name: String) -> Int { counts[ByteText(name)] ?? 0 }
    }

    private let seed = UInt64.random(in: .min ... .max)
    private var names = HeadTexts()
    /// By the number of their name.
    private var labels: [HeadLabel] = []
    private var firstName = -1
    /// The label sets by series; copies of it stay readable while series are added.
    private(set) var series = StableBuffer<PackedLabels>()
    /// Which series have which values.
    private(set) var postings = HeadPostings()
    private var labelByteCount = 0

    /// An index without series.
    init() {}

    deinit {
        for index in labels.indices { unsafe labels[index].free() }
        unsafe names.free()
        unsafe series.free()
        unsafe postings.free()
    }

    /// The number of series.
    var seriesCount: Int { series.count }
    /// The memory that it takes in bytes.
    var byteCount: Int {
        names.byteCount + series.byteCount + postings.byteCount + labelByteCount
            + labels.count * MemoryLayout<HeadLabel>.stride
    }

    /// Adds a series, whose number is one more than that of the one before; the first is 0.
    ///
    /// - Parameters:
    ///   - number: The number.
    ///   - packed: Its labels (`Labels.packed`), which stay where they are as long as the index is used.
    @unsafe func add(_ number: UInt32, packed: UnsafeRawBufferPointer) {
        precondition(Int(number) == series.count, "BUG: series \(number) after \(series.count) series")
        unsafe series.append(PackedLabels(start: packed.baseAddress, count: packed.count))
        var fields = unsafe PackedFields(packed)
        var previous = -1
        while let (name, value) = fields.next() {
            let label = nameNumber(name, after: previous)
            labelByteCount &+= labels[label].add(number, value, seed: seed, &postings)
            previous = label
        }
    }

    /// The number of the label `name`, or nil.
    func number(of name: String) -> Int? {
        unsafe withBytes(of: name) { unsafe number(of: $0) }
    }

    /// As `number(of:)` of bytes.
    func number(of name: UnsafeRawBufferPointer) -> Int? {
        unsafe names.find(name, HeadTexts.hash(name, seed: seed))
    }

    /// The label with this number.
    subscript(label: Int) -> HeadLabel { labels[label] }

    /// The name of the label with this number.
    func nameText(_ label: Int) -> UnsafeRawBufferPointer { unsafe names.entries[label].text }

    /// The names of all labels by number.
    var labelNames: [ByteText] { (0..<names.count).map { unsafe HeadIndex.text(names.entries[$0].text) } }

    /// The number of a value of the label with the number `label`, or nil.
    func value(_ text: UnsafeRawBufferPointer, of label: Int) -> Int? {
        unsafe labels[label].values.find(text, HeadTexts.hash(text, seed: seed))
    }

    /// As `value(_:of:)` of a string.
    func value(_ text: String, of label: Int) -> Int? {
        unsafe withBytes(of: text) { unsafe value($0, of: label) }
    }

    /// The number of series of the metric `name`.
    func seriesCount(ofMetric name: String) -> Int {
        guard let label = number(of: Labels.metricName), let value = value(name, of: label) else { return 0 }
        return labels[label].seriesCount(value, postings)
    }

    /// The number of series of each metric.
    func metricCounts() -> MetricCounts {
        var counts: [ByteText: Int] = [:]
        forEachValue(of: Labels.metricName) { name, count in counts[name] = count }
        return MetricCounts(counts)
    }

    /// Calls `body` with each value of the label `name` and the number of series that have it.
    func forEachValue(of name: String, _ body: (ByteText, Int) -> Void) {
        guard let label = number(of: name) else { return }
        for value in 0..<labels[label].values.count {
            body(
                unsafe HeadIndex.text(labels[label].values.entries[value].text),
                labels[label].seriesCount(value, postings)
            )
        }
    }

    /// The string that `bytes` of a label set are.
    static func text(_ bytes: UnsafeRawBufferPointer) -> ByteText {
        unsafe ByteText(String(decoding: bytes, as: UTF8.self))
    }

    // MARK: - Private

    /// The number of a label, which is added if it is new; `previous` is the label before it in its set.
    @inline(__always)
    private func nameNumber(_ name: PackedField, after previous: Int) -> Int {
        let guess = previous < 0 ? firstName : labels[previous].follower
        if guess >= 0, unsafe names.isEqual(guess, name.text) { return guess }
        let hash = unsafe HeadTexts.hash(name.text, seed: seed)
        let found = unsafe names.find(name.text, hash) ?? addName(name, hash)
        if previous < 0 { firstName = found } else { labels[previous].follower = found }
        return found
    }

    private func addName(_ name: PackedField, _ hash: UInt64) -> Int {
        labels.append(HeadLabel())
        labelByteCount += labels[labels.count - 1].values.byteCount
        return names.add(name, hash, first: 0, seed: seed)
    }

    private func withBytes<Result>(of text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var text = text
        return text.withUTF8 { unsafe body(UnsafeRawBufferPointer($0)) }
    }
}
