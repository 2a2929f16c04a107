import ChunkCodec
import Model

/// Builds the index of a segment while its series are written.
struct IndexBuilder {
    private struct Name {
        var bytes: [UInt8]
        var values = LabelValues()
    }

    private var names: [Name] = []
    private var numbers: [[UInt8]: Int] = [:]
    /// The names of the series added last, in its order; the next series mostly has the same.
    private var shape: [Int] = []

    /// An index without series.
    init() {}

    /// About what it takes in memory, in bytes.
    var byteCount: Int { names.reduce(0) { $0 + $1.bytes.count + 64 + $1.values.byteCount } }

    /// Adds a series; ordinals rise.
    mutating func add(_ labels: Labels, _ ordinal: UInt32) {
        var position = 0
        var index = 0
        while let (name, value) = labels.next(at: &position) {
            if index == shape.count { shape.append(number(of: labels.packed[name])) }
            if !names[shape[index]].bytes.elementsEqual(labels.packed[name]) {
                shape[index] = number(of: labels.packed[name])
            }
            names[shape[index]].values.add(labels.packed, value, ordinal)
            index += 1
        }
        shape.removeLast(shape.count - index)
    }

    /// Writes the index and gives the place of its top.
    ///
    /// `put` writes a section and says where it is.
    func write(_ put: ([UInt8]) throws(FileError) -> FilePlace) throws(FileError) -> FilePlace {
        var writer = IndexWriter()
        for name in names.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            writer.beginName(name.bytes)
            try name.values.forEachSorted { value, list throws(FileError) in
                try writer.add(value, list, put)
            }
            try writer.endName(name.values.all, put)
        }
        return try writer.finish(put)
    }

    private mutating func number(of name: ArraySlice<UInt8>) -> Int {
        let bytes = Array(name)
        if let known = numbers[bytes] { return known }
        names.append(Name(bytes: bytes))
        numbers[bytes] = names.count - 1
        return names.count - 1
    }
}
