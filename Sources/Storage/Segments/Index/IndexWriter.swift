import ChunkCodec

/// Lays out an index: names and values come in byte order.
///
/// Format: docs/formats/segment.md "Index".
struct IndexWriter {
    /// Everything of a name but its lists goes into the top.
    private struct Name {
        var bytes: [UInt8]
        var valueCount = 0
        var sections: [(first: [UInt8], place: FilePlace)] = []
    }

    private var top: [UInt8] = []
    private var previousName: [UInt8] = []
    private var nameCount = 0
    private var name = Name(bytes: [])
    private var values: [UInt8] = []
    private var firstValue: [UInt8] = []
    private var previousValue: [UInt8] = []
    /// Lists that wait until they fill a section, and the sections that are written.
    private var lists: [UInt8] = []
    private var listSections: [FilePlace] = []

    /// An empty index.
    init() {}

    /// Begins the name `bytes`, which comes behind all others.
    mutating func beginName(_ bytes: [UInt8]) {
        name = Name(bytes: bytes)
    }

    /// Adds a value, which comes behind all others of the name, and the series that have it.
    mutating func add(
        _ value: ArraySlice<UInt8>,
        _ list: OrdinalList,
        _ put: ([UInt8]) throws(FileError) -> FilePlace
    ) throws(FileError) {
        if values.isEmpty {
            firstValue = Array(value)
            previousValue = []
        }
        FrontCoding.append(value, after: previousValue, to: &values)
        previousValue = Array(value)
        values.append(contentsOf: try encode(list, put))
        name.valueCount += 1
        if values.count >= SegmentFormat.valuesByteCount { try closeValues(put) }
    }

    /// Ends a name that the series of `list` have.
    mutating func endName(
        _ list: OrdinalList,
        _ put: ([UInt8]) throws(FileError) -> FilePlace
    ) throws(FileError) {
        if !values.isEmpty { try closeValues(put) }
        FrontCoding.append(name.bytes[...], after: previousName, to: &top)
        previousName = name.bytes
        nameCount += 1
        Varint.append(count: name.valueCount, to: &top)
        top.append(contentsOf: try encode(list, put))
        Varint.append(count: name.sections.count, to: &top)
        var previous: [UInt8] = []
        for section in name.sections {
            Varint.append(count: section.place.offset, to: &top)
            Varint.append(count: section.place.byteCount, to: &top)
            FrontCoding.append(section.first[...], after: previous, to: &top)
            previous = section.first
        }
    }

    /// Writes what is left and gives the place of the top.
    mutating func finish(
        _ put: ([UInt8]) throws(FileError) -> FilePlace
    ) throws(FileError) -> FilePlace {
        if !lists.isEmpty { try closeLists(put) }
        var content: [UInt8] = []
        Varint.append(count: listSections.count, to: &content)
        for place in listSections {
            Varint.append(count: place.offset, to: &content)
            Varint.append(count: place.byteCount, to: &content)
        }
        Varint.append(count: nameCount, to: &content)
        content.append(contentsOf: top)
        return try put(content)
    }

    // MARK: - Private

    /// Gives `uv series | uv (bytes << 1 | isElsewhere)` and the list, or `uv section | uv offset` of it.
    private mutating func encode(
        _ list: OrdinalList,
        _ put: ([UInt8]) throws(FileError) -> FilePlace
    ) throws(FileError) -> [UInt8] {
        let encoded = list.encoded
        var bytes: [UInt8] = []
        Varint.append(UInt64(list.count), to: &bytes)
        guard encoded.count > SegmentFormat.inlineListByteCount else {
            Varint.append(count: encoded.count << 1, to: &bytes)
            bytes.append(contentsOf: encoded)
            return bytes
        }
        Varint.append(count: encoded.count << 1 | 1, to: &bytes)
        Varint.append(count: listSections.count, to: &bytes)
        Varint.append(count: lists.count, to: &bytes)
        lists.append(contentsOf: encoded)
        if lists.count >= SegmentFormat.listsByteCount { try closeLists(put) }
        return bytes
    }

    private mutating func closeValues(
        _ put: ([UInt8]) throws(FileError) -> FilePlace
    ) throws(FileError) {
        name.sections.append((firstValue, try put(values)))
        values.removeAll(keepingCapacity: true)
    }

    private mutating func closeLists(
        _ put: ([UInt8]) throws(FileError) -> FilePlace
    ) throws(FileError) {
        listSections.append(try put(lists))
        lists.removeAll(keepingCapacity: true)
    }
}

/// Strings in byte order, each as `uv bytes shared with the one before | uv bytes that differ | these bytes`.
enum FrontCoding {
    /// Appends `item`, which comes behind `previous`.
    static func append(_ item: ArraySlice<UInt8>, after previous: [UInt8], to bytes: inout [UInt8]) {
        var shared = 0
        let limit = min(item.count, previous.count)
        while shared < limit, item[item.startIndex + shared] == previous[shared] { shared += 1 }
        Varint.append(count: shared, to: &bytes)
        Varint.append(count: item.count - shared, to: &bytes)
        bytes.append(contentsOf: item[(item.startIndex + shared)...])
    }

    /// Replaces `item` by the one behind it.
    static func read(_ reader: inout ByteReader, after item: inout [UInt8]) throws(CodecError) {
        let shared = try reader.readCount(limit: item.count)
        let rest = try reader.readBytes(count: try reader.readCount(limit: reader.remainingCount))
        item.removeLast(item.count - shared)
        item.append(contentsOf: rest)
    }
}
