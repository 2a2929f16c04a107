import ChunkCodec
import Matching
import Model

/// The index of a segment: from labels to the ordinals of the series that have them.
struct SegmentIndex: Sendable {
    /// So many sections of values are kept in the cache when all of them are read; more would displace the
    /// rest.
    private static let keptSectionCount = 128
    /// What is found in more bytes of values than so many is kept in the cache.
    private static let scannedByteCount = 1024

    /// The segment whose index it is.
    let segment: Segment

    /// The series that satisfy all matchers, ordinals rising; all series if there is no matcher.
    ///
    /// A part of the index that is damaged is told of, and the label sets are looked through instead.
    func series(matching matchers: [CompiledMatcher]) throws(StorageError) -> [UInt32] {
        guard !matchers.isEmpty else { return Array(0..<UInt32(segment.seriesCount)) }
        do throws(StorageError) {
            if matchers.count == 1, let word = matchers[0].onlyWord {
                return try series(with: word, of: matchers[0].matcher.name)
            }
            return try found(by: matchers).ordinals
        } catch {
            guard case .damaged = error else { throw error }
            segment.note(error)
            return try seriesByLabels(matchers)
        }
    }

    /// The label names in byte order: all, or those that one of the series with these ordinals has.
    func labelNames(of ordinals: [UInt32]? = nil) throws(StorageError) -> [String] {
        let top = try top()
        var names = top.names
        if let ordinals {
            let set = OrdinalSet(seriesCount: segment.seriesCount, ordinals)
            var lists = ListReader(segment, top)
            names = []
            for name in top.names where try lists.intersects(name.list, beside: top.bytes, set) {
                names.append(name)
            }
        }
        return names.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    /// The values of the label `name` in byte order: all, or those that one of the series with these ordinals
    /// has.
    func labelValues(of name: String, in ordinals: [UInt32]? = nil) throws(StorageError) -> [String] {
        let top = try top()
        guard let name = top.name(name.utf8) else { return [] }
        let set = ordinals.map { OrdinalSet(seriesCount: segment.seriesCount, $0) }
        var lists = ListReader(segment, top)
        var found: [String] = []
        for section in name.sections {
            var cursor = try cursor(section, isKept: name.sections.count <= SegmentIndex.keptSectionCount)
            while try next(&cursor) {
                if let set, try !lists.intersects(cursor.list, beside: cursor.bytes, set) { continue }
                found.append(String(decoding: cursor.value, as: UTF8.self))
            }
        }
        return found
    }

    // MARK: - Matchers

    /// The series that have the label `name` with the value `word`, which is not empty.
    private func series(with word: ByteText, of name: String) throws(StorageError) -> [UInt32] {
        let top = try top()
        guard let name = top.name(name.utf8) else { return [] }
        var lists = ListReader(segment, top)
        var found: [UInt32] = []
        try forEach(of: [word], name) { list, bytes throws(StorageError) in
            try lists.forEachStretch(of: list, beside: bytes) { stretch in
                for ordinal in stretch { found.append(UInt32(ordinal)) }
            }
        }
        return found
    }

    private func found(by matchers: [CompiledMatcher]) throws(StorageError) -> OrdinalSet {
        let top = try top()
        // Matchers that need the label pick series; the others only take some away.
        var result: OrdinalSet?
        for matcher in matchers where !matcher.matchesEmpty {
            let picked = try picked(by: matcher, top)
            if result == nil { result = picked } else { result?.formIntersection(picked) }
            if result?.isEmpty != false { return OrdinalSet(seriesCount: segment.seriesCount) }
        }
        var remaining = result ?? OrdinalSet(seriesCount: segment.seriesCount, all: true)
        for matcher in matchers where matcher.matchesEmpty {
            remaining.subtract(try removed(by: matcher, top))
        }
        return remaining
    }

    /// The series that satisfy a matcher that the empty value does not satisfy.
    private func picked(by matcher: CompiledMatcher, _ top: IndexTop) throws(StorageError) -> OrdinalSet {
        guard let name = top.name(matcher.matcher.name.utf8) else {
            return OrdinalSet(seriesCount: segment.seriesCount)
        }
        guard matcher.isNegated else { return try found(by: matcher, name, top) }
        var all = try series(of: name.list, top)
        all.subtract(try found(by: matcher, name, top))
        return all
    }

    /// The series that do not satisfy a matcher that the empty value satisfies.
    private func removed(by matcher: CompiledMatcher, _ top: IndexTop) throws(StorageError) -> OrdinalSet {
        guard let name = top.name(matcher.matcher.name.utf8) else {
            return OrdinalSet(seriesCount: segment.seriesCount)
        }
        if matcher.isNegated { return try found(by: matcher, name, top) }
        var all = try series(of: name.list, top)
        all.subtract(try found(by: matcher, name, top))
        return all
    }

    /// The series that have the label with a value that the matcher finds, its negation left aside.
    private func found(
        by matcher: CompiledMatcher,
        _ name: IndexTop.Name,
        _ top: IndexTop
    ) throws(StorageError) -> OrdinalSet {
        switch matcher.search {
        case .anything: return try series(of: name.list, top)
        case .words(let words):
            var set = OrdinalSet(seriesCount: segment.seriesCount)
            var lists = ListReader(segment, top)
            try forEach(of: words, name) { list, bytes throws(StorageError) in
                try lists.insert(list, beside: bytes, into: &set)
            }
            return set
        case .prefix(let prefix, let isEnough):
            let sections = IndexRange(prefix).sections(of: name)
            // What a few values answer costs little.
            let byteCount = sections.reduce(0) { $0 + $1.place.byteCount }
            guard byteCount > SegmentIndex.scannedByteCount else {
                return try scan(sections, matcher, prefix, isEnough, top)
            }
            let key = Matcher(matcher.matcher.name, .regex, matcher.matcher.value)
            return try segment.cached(key) { () throws(StorageError) in
                KeptSet(try scan(sections, matcher, prefix, isEnough, top))
            }.set
        }
    }

    /// The series with a value that begins with `prefix` and, unless that is enough, is found by the matcher.
    private func scan(
        _ sections: ArraySlice<IndexTop.Section>,
        _ matcher: CompiledMatcher,
        _ prefix: [UInt8],
        _ isEnough: Bool,
        _ top: IndexTop
    ) throws(StorageError) -> OrdinalSet {
        var set = OrdinalSet(seriesCount: segment.seriesCount)
        var lists = ListReader(segment, top)
        for section in sections {
            var cursor = try cursor(section, isKept: sections.count <= SegmentIndex.keptSectionCount)
            while try next(&cursor) {
                guard prefix.isEmpty || cursor.value.starts(with: prefix) else { continue }
                let isFound = unsafe cursor.value.withUnsafeBytes { bytes in
                    unsafe isEnough || matcher.isFound(bytes: bytes)
                }
                if isFound { try lists.insert(cursor.list, beside: cursor.bytes, into: &set) }
            }
        }
        return set
    }

    /// Calls `body` with the list of each of `words`, which are in byte order, that is a value of the name,
    /// and with the content that refers to the list.
    private func forEach(
        of words: [ByteText],
        _ name: IndexTop.Name,
        _ body: (StoredList, [UInt8]) throws(StorageError) -> Void
    ) throws(StorageError) {
        var rest = words.map { Array($0.string.utf8) }[...]
        for (number, section) in name.sections.enumerated() {
            // What is before the next section's first value can only be in this one.
            let next = number + 1 < name.sections.count ? name.sections[number + 1].first : nil
            let here = rest.prefix { word in next.map { word.lexicographicallyPrecedes($0) } ?? true }
            rest = rest.dropFirst(here.count)
            var wanted = here.drop { $0.lexicographicallyPrecedes(section.first) }
            guard !wanted.isEmpty else { continue }
            var cursor = try cursor(section)
            while !wanted.isEmpty, try self.next(&cursor) {
                wanted = wanted.drop { $0.lexicographicallyPrecedes(cursor.value) }
                if wanted.first == cursor.value { try body(cursor.list, cursor.bytes) }
            }
        }
    }

    private func seriesByLabels(_ matchers: [CompiledMatcher]) throws(StorageError) -> [UInt32] {
        var found: [UInt32] = []
        let table = try segment.blockTable()
        for block in 0..<table.count {
            do throws(StorageError) {
                let labels = try segment.labelsBlock(block, table)
                for ordinal in table.ordinals(ofBlock: block) {
                    let own = labels.labels(at: Int(ordinal - table.firstOrdinals[block]))
                    if matchers.allSatisfy({ $0.matches(own) }) { found.append(ordinal) }
                }
            } catch {
                segment.note(error)
            }
        }
        return found
    }

    // MARK: - Parts

    private func top() throws(StorageError) -> IndexTop {
        try segment.cached(segment.summary.index) { bytes throws(CodecError) in
            try IndexTop(bytes, fileByteCount: segment.record.byteCount)
        }
    }

    private func cursor(
        _ section: IndexTop.Section,
        isKept: Bool = true
    ) throws(StorageError) -> ValueCursor {
        guard isKept else { return ValueCursor(IndexSection(try segment.section(at: section.place))) }
        return ValueCursor(
            try segment.cached(section.place) { bytes throws(CodecError) in IndexSection(bytes) }
        )
    }

    private func next(_ cursor: inout ValueCursor) throws(StorageError) -> Bool {
        do throws(CodecError) { return try cursor.next() } catch { throw segment.damaged(error) }
    }

    private func series(of list: StoredList, _ top: IndexTop) throws(StorageError) -> OrdinalSet {
        var set = OrdinalSet(seriesCount: segment.seriesCount)
        var lists = ListReader(segment, top)
        try lists.insert(list, beside: top.bytes, into: &set)
        return set
    }
}

/// Reads lists of series; those of neighbouring values mostly stand in the same section.
private struct ListReader {
    private let segment: Segment
    private let top: IndexTop
    private var last: (frame: Int, section: IndexSection)?

    init(_ segment: Segment, _ top: IndexTop) {
        self.segment = segment
        self.top = top
    }

    /// Adds the series of a list to `set`; `content` is what refers to the list.
    mutating func insert(
        _ list: StoredList,
        beside content: [UInt8],
        into set: inout OrdinalSet
    ) throws(StorageError) {
        try forEachStretch(of: list, beside: content) { set.insert($0) }
    }

    /// Calls `body` with each stretch of a list.
    mutating func forEachStretch(
        of list: StoredList,
        beside content: [UInt8],
        _ body: (Range<Int>) -> Void
    ) throws(StorageError) {
        let (bytes, range) = try bytes(of: list, beside: content)
        do throws(CodecError) {
            try OrdinalList.forEachStretch(bytes, range, limit: segment.seriesCount, body)
        } catch {
            throw segment.damaged(error)
        }
    }

    /// Whether a series of a list is in `set`.
    mutating func intersects(
        _ list: StoredList,
        beside content: [UInt8],
        _ set: OrdinalSet
    ) throws(StorageError) -> Bool {
        let (bytes, range) = try bytes(of: list, beside: content)
        do throws(CodecError) {
            return try OrdinalList.contains(bytes, range, limit: segment.seriesCount) { set.intersects($0) }
        } catch {
            throw segment.damaged(error)
        }
    }

    /// Where the bytes of a list are.
    private mutating func bytes(
        of list: StoredList,
        beside content: [UInt8]
    ) throws(StorageError) -> ([UInt8], Range<Int>) {
        let bytes = if let frame = list.frame { try section(frame).bytes } else { content }
        guard list.offset <= bytes.count, list.byteCount <= bytes.count - list.offset else {
            throw segment.damaged(.truncated(neededBytes: list.byteCount, availableBytes: bytes.count))
        }
        return (bytes, list.offset..<list.offset + list.byteCount)
    }

    private mutating func section(_ frame: Int) throws(StorageError) -> IndexSection {
        if let last, last.frame == frame { return last.section }
        guard frame < top.lists.count else { throw segment.damaged(.badException) }
        let section = try segment.cached(top.lists[frame]) { bytes throws(CodecError) in IndexSection(bytes) }
        last = (frame, section)
        return section
    }
}

/// The values that begin with a prefix, among the sections of a name.
private struct IndexRange {
    private let prefix: [UInt8]

    init(_ prefix: [UInt8]) {
        self.prefix = prefix
    }

    /// The sections that can have such values.
    func sections(of name: IndexTop.Name) -> ArraySlice<IndexTop.Section> {
        let sections = name.sections
        // The first section that begins behind the prefix, and the one before it, which may reach into it.
        let low = sections.partitionPoint { !$0.first.lexicographicallyPrecedes(prefix) }
        let high = sections.partitionPoint { section in
            !section.first.starts(with: prefix) && !section.first.lexicographicallyPrecedes(prefix)
        }
        return sections[max(0, low - 1)..<max(high, max(0, low - 1))]
    }
}
