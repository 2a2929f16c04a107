import ChunkCodec

/// A list of series as an index refers to it: where its bytes are.
struct StoredList: Sendable {
    /// The number of series.
    var seriesCount = 0
    /// The number of the section of lists that the bytes stand in; nil: they stand beside the reference.
    var frame: Int?
    /// Where they begin there.
    var offset = 0
    /// How many there are.
    var byteCount = 0

    /// The list without series.
    init() {}

    /// Reads `uv series | uv (bytes << 1 | isElsewhere)` and what follows.
    init(from reader: inout ByteReader) throws(CodecError) {
        seriesCount = try reader.readCount(limit: Int(UInt32.max))
        let size = try reader.readCount(limit: Int(UInt32.max))
        byteCount = size >> 1
        if size & 1 == 0 {
            offset = reader.offset
            try reader.skip(count: byteCount)
        } else {
            frame = try reader.readCount(limit: Int(UInt32.max))
            offset = try reader.readCount(limit: Int(UInt32.max))
        }
    }
}

/// The top of an index: the label names, and where their values are.
final class IndexTop: CachedContent {
    /// A stretch of the values of a name.
    struct Section: Sendable {
        /// Its first value.
        var first: [UInt8]
        /// Where it is.
        var place: FilePlace
    }

    /// A label name.
    struct Name: Sendable {
        /// The name.
        var bytes: [UInt8]
        /// The number of different values.
        var valueCount: Int
        /// The series that have the label.
        var list: StoredList
        /// The values, in byte order.
        var sections: [Section]
    }

    /// The content.
    let bytes: [UInt8]
    /// Where the lists of series are that do not stand beside their value.
    let lists: [FilePlace]
    /// The names in byte order.
    let names: [Name]
    let byteCount: Int

    /// The content of a top in a file of `fileByteCount` bytes.
    init(_ bytes: [UInt8], fileByteCount: Int) throws(CodecError) {
        var reader = ByteReader(bytes)
        var lists: [FilePlace] = []
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            lists.append(try FilePlace(from: &reader, fileByteCount: fileByteCount))
        }
        var names: [Name] = []
        var size = 128 + bytes.count + lists.count * MemoryLayout<FilePlace>.stride
        var name: [UInt8] = []
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            try FrontCoding.read(&reader, after: &name)
            let valueCount = try reader.readCount(limit: Int(UInt32.max))
            let list = try StoredList(from: &reader)
            var sections: [Section] = []
            var first: [UInt8] = []
            for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
                let place = try FilePlace(from: &reader, fileByteCount: fileByteCount)
                try FrontCoding.read(&reader, after: &first)
                sections.append(Section(first: Array(first), place: place))
                size += MemoryLayout<Section>.stride + 32 + first.count
            }
            names.append(Name(bytes: Array(name), valueCount: valueCount, list: list, sections: sections))
            size += MemoryLayout<Name>.stride + 96 + name.count
        }
        try reader.expectEnd()
        self.bytes = bytes
        self.lists = lists
        self.names = names
        byteCount = size
    }

    /// The name that has these bytes, or nil.
    func name(_ bytes: some Collection<UInt8>) -> Name? {
        let place = names.partitionPoint { !$0.bytes.lexicographicallyPrecedes(bytes) }
        guard place < names.count, names[place].bytes.elementsEqual(bytes) else { return nil }
        return names[place]
    }
}

/// A section of values or lists, as its bytes are.
final class IndexSection: CachedContent {
    /// The content.
    let bytes: [UInt8]

    var byteCount: Int { 64 + bytes.count }

    /// A section with this content.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }
}

/// Steps through the values of a section.
struct ValueCursor {
    /// The value it stands at.
    private(set) var value: [UInt8] = []
    /// The series that have the value.
    private(set) var list = StoredList()
    /// The content of the section.
    let bytes: [UInt8]
    private var reader: ByteReader

    /// A cursor before the first value.
    init(_ section: IndexSection) {
        bytes = section.bytes
        reader = ByteReader(bytes)
    }

    /// Goes to the next value; false behind the last.
    mutating func next() throws(CodecError) -> Bool {
        guard !reader.isAtEnd else { return false }
        try FrontCoding.read(&reader, after: &value)
        list = try StoredList(from: &reader)
        return true
    }
}
