import ChunkCodec
import Model

/// Finds the blocks of a segment file whose tables cannot be read, by going through its frames.
///
/// The labels of a block and the directory of its chunks are one frame each, one behind the other; the
/// directory says where the block's columns are. What is found so is what the block table would say.
struct BlockSearch {
    /// How much is read at a time, in bytes.
    private static let windowByteCount = 4 << 20

    /// Where the label sets of each block are.
    private(set) var labels: [FilePlace] = []
    /// Where the chunk directory of each block is.
    private(set) var directories: [FilePlace] = []
    /// The ordinals of each block's first series, and behind the last block the number of series.
    private(set) var firstOrdinals: [UInt32] = [0]

    private let file: any File
    private let fileByteCount: Int
    private var window: [UInt8] = []
    private var windowStart = 0

    /// Searches the segment file `file`.
    init(_ file: any File) throws(FileError) {
        self.file = file
        fileByteCount = try file.size()
        var position = SegmentFormat.header.count
        var isInStep = true
        var previous: (place: FilePlace, content: [UInt8])?
        while position < fileByteCount {
            guard let byteCount = try frameByteCount(at: position, isLikely: isInStep),
                let content = try frame(at: position, byteCount)
            else {
                // A frame whose sizes are right is passed; else the next one is looked for byte by byte.
                let next = isInStep ? try frameByteCount(at: position, isLikely: true) : nil
                isInStep = false
                previous = nil
                if let next, try isFrame(at: position + next) {
                    position += next
                } else {
                    position += 1
                }
                continue
            }
            isInStep = true
            let place = FilePlace(offset: position, byteCount: byteCount)
            if let before = previous { note(before.place, before.content, place, content) }
            previous = (place, content)
            position += byteCount
        }
    }

    // MARK: - Private

    /// Notes a block if the one frame has labels, and the other a directory for as many series.
    private mutating func note(
        _ labelsPlace: FilePlace,
        _ labelsContent: [UInt8],
        _ directoryPlace: FilePlace,
        _ directoryContent: [UInt8]
    ) {
        do throws(CodecError) {
            let block = try LabelsBlock(labelsContent)
            guard block.count > 0, block.count <= SegmentFormat.seriesPerBlock else { return }
            let directory = try DirectoryBlock(
                directoryContent,
                seriesCount: block.count,
                fileByteCount: labelsPlace.offset
            )
            let isWhole = (0..<block.count).allSatisfy { index in
                !directory.chunks(at: index).isEmpty
                    && Labels(validating: block.labels(at: index).packed) != nil
            }
            guard isWhole else { return }
            labels.append(labelsPlace)
            directories.append(directoryPlace)
            firstOrdinals.append((firstOrdinals.last ?? 0) + UInt32(block.count))
        } catch {
            // Frames of something else.
        }
    }

    /// Whether there is a whole frame, or the end of the file, at `position`.
    private mutating func isFrame(at position: Int) throws(FileError) -> Bool {
        if position == fileByteCount { return true }
        guard let byteCount = try frameByteCount(at: position, isLikely: true) else { return false }
        return try frame(at: position, byteCount) != nil
    }

    /// The size of the frame that may begin at `position`; nil if none does.
    ///
    /// Unless it is likely that one does, it has to be of the usual size.
    private mutating func frameByteCount(at position: Int, isLikely: Bool) throws(FileError) -> Int? {
        var reader = ByteReader(try bytes(at: position, upTo: 24))
        do throws(CodecError) {
            let flags = try reader.readUInt8()
            let limit = isLikely ? Frame.maxRawCount : 2 * SegmentFormat.sectionFrameByteCount
            let rawCount = try reader.readCount(limit: limit)
            let storedCount = try reader.readCount(limit: rawCount)
            guard flags <= 1, rawCount > 0, (storedCount == rawCount) == (flags == 0) else { return nil }
            let byteCount = reader.offset + storedCount + 4
            return byteCount <= fileByteCount - position ? byteCount : nil
        } catch {
            return nil
        }
    }

    /// What stands in the frame at `position`; nil if it is damaged.
    private mutating func frame(at position: Int, _ byteCount: Int) throws(FileError) -> [UInt8]? {
        let found = try bytes(at: position, upTo: byteCount)
        guard found.count == byteCount else { return nil }
        var reader = ByteReader(found)
        do throws(CodecError) { return try Frame.read(from: &reader) } catch { return nil }
    }

    private mutating func bytes(at position: Int, upTo count: Int) throws(FileError) -> ArraySlice<UInt8> {
        let wanted = min(count, fileByteCount - position)
        if position < windowStart || position + wanted > windowStart + window.count {
            let byteCount = min(max(wanted, BlockSearch.windowByteCount), fileByteCount - position)
            window = try file.read(at: position, count: byteCount)
            windowStart = position
        }
        let from = position - windowStart
        return window[from..<from + wanted]
    }
}
