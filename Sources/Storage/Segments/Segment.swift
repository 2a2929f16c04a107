import Catalog
import ChunkCodec
import Model
import Synchronization

/// An immutable segment file; footer and summary are in memory, the rest is read when it is asked for.
///
/// Its series stand in label order; the place of a series in that order is its ordinal.
final class Segment: Sendable {
    /// One chunk: samples of a series that follow each other, or buckets that these were rolled up into.
    struct Chunk: Sendable {
        /// What its samples are, as `SegmentFormat` numbers it.
        var kind = SegmentFormat.floatKind
        /// The number of samples, or of buckets.
        var count = 0
        /// The time of the first sample in milliseconds, also of buckets.
        var minMillis: Int64 = 0
        /// The time of the last sample in milliseconds, also of buckets.
        var maxMillis: Int64 = 0
        /// Its timestamp column, by the number in the block's directory.
        var timestamps = 0
        /// Its values; the frame is that of the block's directory.
        var values = ContentPlace(frame: 0, offset: 0, byteCount: 0)

        /// The times from its first to its last sample.
        var range: TimeRange { TimeRange(Timestamp(millis: minMillis), Timestamp(millis: maxMillis)) }
        /// The level of the rollups in it; nil if it has samples.
        var level: RollupLevel? { SegmentFormat.level(ofKind: kind) }
        /// Whether it has samples.
        var isRaw: Bool { kind < SegmentFormat.firstRollupKind }
        /// Whether it has native histograms, or rollups of such.
        var isOfHistograms: Bool {
            kind == SegmentFormat.histogramKind || kind >= SegmentFormat.firstHistogramRollupKind
        }
    }

    /// What the manifest knows about it.
    let record: SegmentRecord
    /// The file's path.
    let path: String
    /// The number of chunks.
    let chunkCount: Int
    /// The samples in chunks that would gain from being merged with others.
    let sparseSampleCount: Int
    /// A number that no other segment of the process has.
    let identity: UInt64
    /// The summary at the end of the file.
    let summary: SegmentSummary

    private let files: SegmentFiles
    /// The block table, if that in the file does not count.
    private let foundTable: BlockTable?
    private let isObsolete = Atomic(false)
    private let isKnownDamaged = Atomic(false)

    /// Opens the segment `name` in `directory`.
    init(_ name: String, in directory: String, _ files: SegmentFiles) throws(StorageError) {
        path = "\(directory)/\(name)"
        self.files = files
        foundTable = nil
        identity = files.makeIdentity()
        let footer: SegmentFooter
        let size: Int
        do {
            let file = try files.file(of: identity, at: path)
            size = try file.size()
            footer = try SegmentFooter(of: file, path: path)
            let content = try Segment.section(at: footer.summary, of: file)
            summary = try SegmentSummary(content, fileByteCount: size)
        } catch let error as StorageError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .damaged(path: path, reason: "\(error)")
        }
        chunkCount = footer.chunkCount
        sparseSampleCount = footer.sparseSampleCount
        record = footer.record(file: name, byteCount: size, level: summary.level)
    }

    /// What a search in the file of a segment finds, whose tables cannot be read; only for `scan`.
    ///
    /// - Parameters:
    ///   - name: The file's name.
    ///   - known: What the catalog says of it; nil if it does not know it, then its footer has to be whole.
    ///   - directory: The folder it is in.
    ///   - files: What segments share.
    /// - Throws: `StorageError.damaged` if nothing is found in it.
    init(
        searching name: String,
        known: SegmentRecord?,
        in directory: String,
        _ files: SegmentFiles
    ) throws(StorageError) {
        path = "\(directory)/\(name)"
        self.files = files
        identity = files.makeIdentity()
        summary = SegmentSummary()
        chunkCount = 0
        sparseSampleCount = 0
        do {
            let file = try files.file(of: identity, at: path)
            let table = BlockTable(try BlockSearch(file))
            guard table.count > 0 else {
                throw StorageError.damaged(path: path, reason: "nothing is found in it")
            }
            var record =
                try known
                ?? SegmentFooter(of: file, path: path).record(file: name, byteCount: file.size(), level: 0)
            record.seriesCount = Int(table.firstOrdinals.last ?? 0)
            self.record = record
            foundTable = table
        } catch let error as StorageError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .damaged(path: path, reason: "\(error)")
        }
    }

    deinit {
        files.drop(identity, path: path, isObsolete: isObsolete.load(ordering: .relaxed))
    }

    /// Has the system read the end of the file, at most `byteCount` bytes, into its memory: the tables stand
    /// there, and before them the samples.
    ///
    /// - Returns: How many bytes these are; 0 if the file cannot be opened, which its readers are told.
    func readAhead(_ byteCount: Int) -> Int {
        guard let file = try? open() else { return 0 }
        let count = min(byteCount, record.byteCount)
        file.readAhead(at: record.byteCount - count, count: count)
        return count
    }

    /// Has the file deleted when the last reader is gone.
    func markObsolete() {
        isObsolete.store(true, ordering: .relaxed)
    }

    /// The number of series.
    var seriesCount: Int { record.seriesCount }

    /// The time of the last sample of the chunk that ends first.
    var firstChunkEnd: Timestamp { Timestamp(millis: summary.firstChunkEndMillis) }

    /// The sizes of the file's parts.
    var parts: SegmentParts { SegmentParts(summary, record.byteCount) }

    /// The index over the labels.
    var index: SegmentIndex { SegmentIndex(segment: self) }

    // MARK: - Series

    /// The labels of a series.
    func labels(of ordinal: UInt32) throws(StorageError) -> Labels {
        let table = try blockTable(holding: ordinal)
        let block = table.block(of: ordinal)
        return try labelsBlock(block, table).labels(at: Int(ordinal - table.firstOrdinals[block]))
    }

    /// The chunks of a series: its samples, times rising, then its rollups.
    func chunks(of ordinal: UInt32) throws(StorageError) -> ArraySlice<Chunk> {
        let table = try blockTable(holding: ordinal)
        let block = table.block(of: ordinal)
        return try directoryBlock(block, table).chunks(at: Int(ordinal - table.firstOrdinals[block]))
    }

    // MARK: - Parts of the file

    /// Where the blocks of series are; if their table is damaged, what a search in the file finds, as long as
    /// that is all of them.
    func blockTable() throws(StorageError) -> BlockTable {
        if let foundTable { return foundTable }
        let key = FrameCache.Key(segment: identity, offset: summary.blocks.offset)
        return try files.cache.content(key) { () throws(StorageError) in
            do throws(StorageError) {
                return try decoded(summary.blocks) { bytes throws(CodecError) in
                    try BlockTable(bytes, seriesCount: seriesCount, fileByteCount: record.byteCount)
                }
            } catch {
                guard case .damaged = error else { throw error }
                let found: BlockTable
                do throws(FileError) {
                    found = BlockTable(try BlockSearch(try open()))
                } catch {
                    throw .file(error)
                }
                // Ordinals count from the first series: with a block missing they would be those of others.
                guard found.firstOrdinals.last == UInt32(seriesCount) else { throw error }
                note(error)
                return found
            }
        }
    }

    /// The label sets of a block.
    func labelsBlock(_ block: Int, _ table: BlockTable) throws(StorageError) -> LabelsBlock {
        try cached(table.labels[block]) { bytes throws(CodecError) in
            try LabelsBlock(bytes, count: table.ordinals(ofBlock: block).count)
        }
    }

    /// The chunks of the series of a block.
    func directoryBlock(_ block: Int, _ table: BlockTable) throws(StorageError) -> DirectoryBlock {
        try cached(table.directories[block]) { bytes throws(CodecError) in
            try DirectoryBlock(
                bytes,
                seriesCount: table.ordinals(ofBlock: block).count,
                fileByteCount: record.byteCount
            )
        }
    }

    /// The content of a section, decoded by `decode` unless the cache has it.
    func cached<Content: CachedContent>(
        _ place: FilePlace,
        _ decode: ([UInt8]) throws(CodecError) -> Content
    ) throws(StorageError) -> Content {
        let key = FrameCache.Key(segment: identity, offset: place.offset)
        return try files.cache.content(key) { () throws(StorageError) in try decoded(place, decode) }
    }

    /// What a matcher finds, found by `find` unless the cache has it.
    func cached<Content: CachedContent>(
        _ matcher: Matcher,
        _ find: () throws(StorageError) -> Content
    ) throws(StorageError) -> Content {
        try files.cache.content(FrameCache.Key(segment: identity, offset: 0, matcher: matcher), find)
    }

    /// Values of chunks of all segments, as far as they are kept.
    var keptValues: ColumnCache<Double> { files.values }

    /// Frames of short chunks of all segments, as far as they are kept.
    var keptFrames: ColumnCache<UInt8> { files.frames }

    /// Times of chunks of all segments, as far as they are kept.
    var keptTimes: ColumnCache<Int64> { files.times }

    /// The file, for reading.
    func open() throws(FileError) -> any File { try files.file(of: identity, at: path) }

    /// The content of the frames at `place`.
    func section(at place: FilePlace) throws(StorageError) -> [UInt8] {
        try DiskWaits.check()
        do {
            return try Segment.section(at: place, of: try files.file(of: identity, at: path))
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .damaged(path: path, reason: "the frame at byte \(place.offset): \(error)")
        }
    }

    /// Tells of damage that a reader can do without; once for a segment.
    func note(_ error: StorageError) {
        if error == .wouldWait { return }
        if !isKnownDamaged.exchange(true, ordering: .relaxed) { files.note(error) }
    }

    /// The content of the frames at `place` of `file`.
    static func section(at place: FilePlace, of file: any File) throws -> [UInt8] {
        var reader = ByteReader(try file.read(at: place.offset, count: place.byteCount))
        var content = try Frame.read(from: &reader)
        while !reader.isAtEnd { content.append(contentsOf: try Frame.read(from: &reader)) }
        return content
    }

    /// The error that says that the file is damaged.
    func damaged(_ error: CodecError) -> StorageError {
        .damaged(path: path, reason: "\(error)")
    }

    // MARK: - Private

    private func decoded<Content>(
        _ place: FilePlace,
        _ decode: ([UInt8]) throws(CodecError) -> Content
    ) throws(StorageError) -> Content {
        let bytes = try section(at: place)
        do throws(CodecError) {
            return try decode(bytes)
        } catch {
            throw damaged(error)
        }
    }

    private func blockTable(holding ordinal: UInt32) throws(StorageError) -> BlockTable {
        precondition(ordinal < seriesCount, "BUG: series \(ordinal) of \(seriesCount)")
        return try blockTable()
    }
}
