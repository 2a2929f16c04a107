import ChunkCodec
import Model

/// Builds the index of a segment while its series are written, in a bounded part of memory.
///
/// When it has grown too large, it forgets the values of the name that has most and reads the label sets
/// again for them at the end, a part of the values at a time.
struct IndexBuilder {
    /// Calls a closure with each series of the segment and its ordinal, from the start.
    typealias Scan = ((Labels, UInt32) -> Void) throws(FileError) -> Void

    private struct Name {
        var bytes: [UInt8]
        /// The values; nil once they were forgotten.
        var values: LabelValues? = LabelValues()
        /// The series that have the label.
        var all = OrdinalList()
    }

    /// The size from which values are forgotten, in bytes.
    private let limit: Int

    private var names: [Name] = []
    private var numbers: [[UInt8]: Int] = [:]
    /// The names of the series added last, in its order; the next series mostly has the same.
    private var shape: [Int] = []

    /// An index without series.
    ///
    /// Values are forgotten from `limit` bytes on.
    init(limit: Int) {
        self.limit = limit
    }

    /// About what it takes in memory, in bytes.
    var byteCount: Int {
        names.reduce(0) { $0 + 128 + $1.bytes.count + $1.all.extraByteCount + ($1.values?.byteCount ?? 0) }
    }

    /// Forgets values until it is not too large.
    mutating func shrink() {
        while byteCount > limit {
            let largest = names.indices.max { left, right in
                (names[left].values?.byteCount ?? 0) < (names[right].values?.byteCount ?? 0)
            }
            guard let largest, names[largest].values != nil else { return }
            names[largest].values = nil
        }
    }

    /// Adds a series; ordinals rise.
    mutating func add(_ labels: Labels, _ ordinal: UInt32) {
        var position = 0
        var index = 0
        while let (name, value) = labels.next(at: &position) {
            if index == shape.count { shape.append(number(of: labels.packed[name])) }
            if !names[shape[index]].bytes.elementsEqual(labels.packed[name]) {
                shape[index] = number(of: labels.packed[name])
            }
            names[shape[index]].values?.add(labels.packed, value, ordinal)
            names[shape[index]].all.append(ordinal)
            index += 1
        }
        shape.removeLast(shape.count - index)
    }

    /// Writes the index and gives the place of its top.
    ///
    /// `put` writes a section and says where it is.
    func write(
        _ put: ([UInt8]) throws(FileError) -> FilePlace,
        again scan: Scan
    ) throws(FileError) -> FilePlace {
        var writer = IndexWriter()
        for name in names.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            writer.beginName(name.bytes)
            if let values = name.values {
                try values.forEachSorted { value, list throws(FileError) in try writer.add(value, list, put) }
            } else {
                try writeForgotten(name, to: &writer, put, scan)
            }
            try writer.endName(name.all, put)
        }
        return try writer.finish(put)
    }

    // MARK: - Private

    private func writeForgotten(
        _ name: Name,
        to writer: inout IndexWriter,
        _ put: ([UInt8]) throws(FileError) -> FilePlace,
        _ scan: Scan
    ) throws(FileError) {
        var low: [UInt8]? = []
        while let from = low {
            var values = LabelValues(from: from)
            try scan { labels, ordinal in
                var position = 0
                while let (own, value) = labels.next(at: &position) {
                    guard labels.packed[own].elementsEqual(name.bytes) else { continue }
                    values.add(labels.packed, value, ordinal)
                    break
                }
                if values.byteCount > limit { values.dropUpperHalf() }
            }
            try values.forEachSorted { value, list throws(FileError) in try writer.add(value, list, put) }
            low = values.high
        }
    }

    private mutating func number(of name: ArraySlice<UInt8>) -> Int {
        let bytes = Array(name)
        if let known = numbers[bytes] { return known }
        names.append(Name(bytes: bytes))
        numbers[bytes] = names.count - 1
        return names.count - 1
    }
}
