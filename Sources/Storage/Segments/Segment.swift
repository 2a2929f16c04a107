import Catalog
import ChunkCodec
import Model

/// An immutable segment file, open for reading; its directory is in memory.
final class Segment: Sendable {
    /// One chunk: the samples of a series in a window.
    struct Chunk: Sendable {
        /// The start of its window in milliseconds.
        var windowStart: Int64
        /// The number of samples.
        var count: Int
        /// The time of the first sample in milliseconds.
        var minMillis: Int64
        /// The time of the last sample in milliseconds.
        var maxMillis: Int64
        fileprivate var timestamps: Int
        fileprivate var place: Place
    }

    /// Where encoded bytes lie: which frame, and where in its content.
    fileprivate struct Place: Sendable {
        var frame: Int
        var offset: Int
        var byteCount: Int
    }

    /// What the manifest knows about it.
    let record: SegmentRecord
    /// The series in label order.
    let series: [SeriesID]
    /// The file's path.
    let path: String
    /// The windows it has samples of, by start, each with the number of the last write that is in.
    ///
    /// All earlier writes to the window are in this or in other segments.
    let windows: [Int64: UInt64]
    /// The time of the last sample of the chunk that ends first.
    let firstChunkEnd: Timestamp
    /// The samples in chunks that would gain from being merged with others.
    let sparseSampleCount: Int
    /// The sizes of the file's parts.
    let parts: SegmentParts

    private let file: any File
    private let footer: SegmentFooter
    private let frameOffsets: [Int]
    private let timestampPlaces: [Place]
    private let chunks: [Chunk]
    /// The chunks of series i are `firstChunk[i]..<firstChunk[i + 1]`.
    private let firstChunk: [Int]
    private let ordinals: [SeriesID: Int32]

    /// Opens the segment `name` in `directory` and reads its directory.
    init(_ name: String, in directory: String, _ fileSystem: any FileSystem) throws(StorageError) {
        path = "\(directory)/\(name)"
        do {
            file = try fileSystem.open(path)
            let size = try file.size()
            guard size >= SegmentFormat.header.count + SegmentFormat.footerByteCount else {
                throw StorageError.damaged(path: path, reason: "it is too short")
            }
            let footerOffset = size - SegmentFormat.footerByteCount
            let footerBytes = try file.read(at: footerOffset, count: SegmentFormat.footerByteCount)
            footer = try SegmentFooter(footerBytes, path: path, fileByteCount: size)
            let section = try Segment.section(file, at: footer.directoryOffset, footer.directoryByteCount)
            let parsed = try Segment.parseDirectory(section, footer.version)
            (frameOffsets, timestampPlaces, series, chunks, firstChunk) = parsed.columns
            var windows = parsed.windows
            // Format 1 has one sequence for all windows.
            if footer.version == 1 {
                for chunk in parsed.columns.3 { windows[chunk.windowStart] = footer.sequence }
            }
            self.windows = windows
            record = SegmentRecord(
                file: name,
                sequence: footer.sequence,
                range: TimeRange(Timestamp(millis: footer.startMillis), Timestamp(millis: footer.endMillis)),
                retentionMillis: footer.retentionMillis,
                seriesCount: footer.seriesCount,
                sampleCount: footer.sampleCount,
                byteCount: size,
                level: parsed.level
            )
        } catch let error as StorageError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .damaged(path: path, reason: "\(error)")
        }
        firstChunkEnd = Timestamp(millis: chunks.map(\.maxMillis).min() ?? .max)
        sparseSampleCount = chunks.reduce(0) { total, chunk in
            total + (chunk.count < SegmentFormat.sufficientChunk ? chunk.count : 0)
        }
        parts = SegmentParts(footer, frameOffsets, Set(timestampPlaces.map(\.frame)), record.byteCount)
        var ordinals: [SeriesID: Int32] = [:]
        ordinals.reserveCapacity(series.count)
        for (ordinal, id) in series.enumerated() { ordinals[id] = Int32(ordinal) }
        self.ordinals = ordinals
    }

    /// The chunks of a series, windows rising; empty if it has none here.
    func chunks(of id: SeriesID) -> ArraySlice<Chunk> {
        guard let ordinal = ordinals[id] else { return [] }
        return chunks[firstChunk[Int(ordinal)]..<firstChunk[Int(ordinal) + 1]]
    }

    /// The number of chunks.
    var chunkCount: Int { chunks.count }

    /// Whether the series has samples here.
    func contains(_ id: SeriesID) -> Bool { ordinals[id] != nil }

    /// The labels of all series, read from the file.
    func labels() throws(StorageError) -> [(id: SeriesID, labels: Labels)] {
        do {
            var reader = ByteReader(
                try Segment.section(file, at: footer.labelsOffset, footer.labelsByteCount)
            )
            var result: [(id: SeriesID, labels: Labels)] = []
            while !reader.isAtEnd {
                let id = SeriesID(try reader.readVarint())
                let byteCount = try reader.readCount(limit: reader.remainingCount)
                guard let labels = Labels(validating: Array(try reader.readBytes(count: byteCount))) else {
                    throw StorageError.damaged(
                        path: path,
                        reason: "the labels of series \(id.rawValue) are wrong"
                    )
                }
                result.append((id, labels))
            }
            return result
        } catch let error as StorageError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .damaged(path: path, reason: "\(error)")
        }
    }

    /// Frames and columns decoded last; makes reading neighbouring chunks cheap.
    ///
    /// One per reader.
    struct Cache {
        fileprivate var frame: (index: Int, content: [UInt8])?
        fileprivate var timestampFrame: (index: Int, content: [UInt8])?
        fileprivate var timestamps: (column: Int, count: Int, millis: [Int64])?

        /// An empty cache.
        init() {}
    }

    /// The samples of a chunk of this segment.
    func read(_ chunk: Chunk, _ cache: inout Cache) throws(StorageError) -> SampleColumn {
        do {
            if cache.timestamps?.column != chunk.timestamps || cache.timestamps?.count != chunk.count {
                guard timestampPlaces.indices.contains(chunk.timestamps) else {
                    throw CodecError.badException
                }
                var millis: [Int64] = []
                let bytes = try bytes(timestampPlaces[chunk.timestamps], &cache.timestampFrame)
                try TimestampColumn.decode(bytes, count: chunk.count, into: &millis)
                cache.timestamps = (chunk.timestamps, chunk.count, millis)
            }
            var values: [Double] = []
            try ValueColumn.decode(try bytes(chunk.place, &cache.frame), count: chunk.count, into: &values)
            return SampleColumn(timestamps: cache.timestamps?.millis ?? [], values: values)
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .damaged(path: path, reason: "\(error)")
        }
    }

    // MARK: - Private

    private func bytes(
        _ place: Place,
        _ cached: inout (index: Int, content: [UInt8])?
    ) throws -> ArraySlice<UInt8> {
        if cached?.index != place.frame {
            guard place.frame >= 0, place.frame + 1 < frameOffsets.count else {
                throw CodecError.badException
            }
            let offset = frameOffsets[place.frame]
            var reader = ByteReader(try file.read(at: offset, count: frameOffsets[place.frame + 1] - offset))
            cached = (place.frame, try Frame.read(from: &reader))
        }
        let content = cached?.content ?? []
        guard place.offset <= content.count, place.byteCount <= content.count - place.offset else {
            throw CodecError.truncated(neededBytes: place.byteCount, availableBytes: content.count)
        }
        return content[place.offset..<place.offset + place.byteCount]
    }

    private static func section(_ file: any File, at offset: Int, _ byteCount: Int) throws -> [UInt8] {
        var reader = ByteReader(try file.read(at: offset, count: byteCount))
        var content: [UInt8] = []
        while !reader.isAtEnd { content.append(contentsOf: try Frame.read(from: &reader)) }
        return content
    }

    private struct Directory {
        var level = 0
        var windows: [Int64: UInt64] = [:]
        var columns: ([Int], [Place], [SeriesID], [Chunk], [Int])
    }

    private static func parseDirectory(_ bytes: [UInt8], _ version: UInt32) throws(CodecError) -> Directory {
        var reader = ByteReader(bytes)
        var level = 0
        var windows: [Int64: UInt64] = [:]
        if version > 1 {
            level = try reader.readCount(limit: Int(UInt8.max))
            var start: Int64 = 0
            for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
                start &+= try reader.readSignedVarint() &* Window.millis
                windows[start] = try reader.readVarint()
            }
        }
        var frameOffsets = [SegmentFormat.header.count]
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            frameOffsets.append(frameOffsets[frameOffsets.count - 1] + (try reader.readCount(limit: 1 << 32)))
        }
        var timestampPlaces: [Place] = []
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            timestampPlaces.append(try readPlace(&reader))
        }
        var series: [SeriesID] = []
        var firstChunk = [0]
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            series.append(SeriesID(try reader.readVarint()))
            firstChunk.append(firstChunk[firstChunk.count - 1] + (try reader.readCount(limit: bytes.count)))
        }
        var chunks: [Chunk] = []
        var timestamps: Int64 = 0
        guard firstChunk[firstChunk.count - 1] <= reader.remainingCount else { throw .badException }
        for _ in 0..<firstChunk[firstChunk.count - 1] {
            let kind = try reader.readVarint()
            guard kind == SegmentFormat.floatKind else {
                throw .unsupportedValueKind(UInt8(truncatingIfNeeded: kind))
            }
            let (start, overflow) = try reader.readSignedVarint().multipliedReportingOverflow(
                by: Window.millis
            )
            let count = try reader.readCount(limit: SegmentFormat.maxSamplesPerChunk)
            let minMillis = start &+ (try reader.readSignedVarint())
            let maxMillis = minMillis &+ (try reader.readSignedVarint())
            timestamps &+= try reader.readSignedVarint()
            guard !overflow, let column = Int(exactly: timestamps), timestampPlaces.indices.contains(column)
            else {
                throw .badException
            }
            chunks.append(
                Chunk(
                    windowStart: start,
                    count: count,
                    minMillis: minMillis,
                    maxMillis: maxMillis,
                    timestamps: column,
                    place: try readPlace(&reader)
                )
            )
        }
        try reader.expectEnd()
        return Directory(
            level: level,
            windows: windows,
            columns: (frameOffsets, timestampPlaces, series, chunks, firstChunk)
        )
    }

    private static func readPlace(_ reader: inout ByteReader) throws(CodecError) -> Place {
        let limit = Frame.maxRawCount
        return Place(
            frame: try reader.readCount(limit: Int(Int32.max)),
            offset: try reader.readCount(limit: limit),
            byteCount: try reader.readCount(limit: limit)
        )
    }
}
