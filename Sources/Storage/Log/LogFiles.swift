import Glibc

/// The log's files: the one that is written, older ones, and at most one spare to be overwritten.
///
/// Only files that this process has written become spares, and one that is left over is removed at start. So
/// a file's number is always above all numbers that the bytes behind its end may carry.
struct LogFiles {
    /// The sizes of a file.
    struct Size: Hashable {
        /// Up to its last record, in bytes.
        var written: Int
        /// With what an earlier use left behind that, in bytes.
        var onDisk: Int
    }

    /// Definitions to be written again.
    private struct Copy {
        /// Where they were written first.
        var position: Int
        var block: LogFile.Block
    }

    /// How far definitions and their last copy are from each other at least, so that one bad block of a disk
    /// does not hit both.
    private static let copyDistance = 8 << 10

    /// Groups of less than this on average are written over zeros that were written before, instead of making
    /// the file longer with each sync: that costs half as much, and each of them is a block anyway.
    private static let smallGroupByteCount = 4 << 10
    /// How many zeros are written at a time: pages one by one, as the kernel would keep and write larger
    /// pieces as one.
    private static let roomByteCount = 256 << 10
    private static let page = [UInt8](repeating: 0, count: 4 << 10)

    private struct Open {
        let file: any File
        let number: UInt64
        /// Where the next record goes.
        var byteCount: Int
        /// Whether something was written that no sync has taken yet.
        var isDirty = false
        /// Whether everything in the file was acknowledged.
        var isAcknowledged = true
        /// Definitions that are written again once the file has grown.
        var copies: [Copy] = []
    }

    /// The sizes of the files by number, without the spare.
    private(set) var sizes: [UInt64: Size]
    /// The spare's number and size.
    private(set) var spare: (number: UInt64, byteCount: Int)?
    /// How many files have overwritten a spare.
    private(set) var recycledCount = 0

    private let directory: String
    private let fileSystem: any FileSystem
    private let syncs: Bool
    private var open: Open?
    /// Numbers of files that this process has made.
    private var own: Set<UInt64> = []
    private var buffer: [UInt8] = []
    /// The size of a group in bytes, as a mean in which the last few count most.
    private var usualGroupByteCount = 16 << 10

    /// The files in `directory`, of which `sizes` are there; `syncs` is false if durability is left to the
    /// operating system.
    init(directory: String, sizes: [UInt64: Size], fileSystem: any FileSystem, syncs: Bool) {
        self.directory = directory
        self.sizes = sizes
        self.fileSystem = fileSystem
        self.syncs = syncs
    }

    /// Writes records with the given contents into the file with this number, the newest or a new one.
    ///
    /// Definitions come again at the end: a damaged record must not cost the samples of others. If both are
    /// near to each other, they come once more some way on. After an error the file is closed, and none of
    /// the records may be relied on.
    ///
    /// - Returns: How many bytes were written.
    mutating func write(_ contents: [LogContent], number: UInt64) throws(FileError) -> Int {
        if open?.number != number { try begin(number) }
        guard var open else { return 0 }
        buffer.removeAll(keepingCapacity: true)
        var copies = open.copies.filter { open.byteCount - $0.position >= LogFiles.copyDistance }
        open.copies.removeAll { open.byteCount - $0.position >= LogFiles.copyDistance }
        for content in contents {
            if !content.definitions.isEmpty {
                let block = LogFile.Block(content.definitions)
                copies.append(Copy(position: open.byteCount + buffer.count, block: block))
                append(block, open)
            }
            append(LogFile.Block(content.record), open)
        }
        for copy in copies {
            let distance = open.byteCount + buffer.count - copy.position
            if distance < LogFiles.copyDistance { open.copies.append(copy) }
            append(copy.block, open)
        }
        let byteCount = buffer.count
        buffer += LogFile.endMark(number, at: open.byteCount + byteCount, isClosed: false)
        do throws(FileError) {
            try open.file.write(buffer, at: open.byteCount)
        } catch {
            abandon()
            throw error
        }
        open.byteCount += byteCount
        open.isDirty = true
        open.isAcknowledged = false
        self.open = open
        note(open)
        makeRoom(in: open)
        return byteCount
    }

    /// Notes that all that was written has been acknowledged.
    mutating func noteAcknowledged() {
        open?.isAcknowledged = true
    }

    /// Makes what was written durable; false if nothing was written since.
    @discardableResult
    mutating func sync() throws(FileError) -> Bool {
        guard let open, open.isDirty else { return false }
        try open.file.sync()
        self.open?.isDirty = false
        return true
    }

    /// Closes the file that is written as it is; the next write begins a new one.
    mutating func leave() {
        open = nil
    }

    /// Closes the file that is written, with a mark that no record follows, and makes it durable.
    mutating func end() throws(FileError) {
        guard let ended = open else { return }
        open = nil
        let mark = LogFile.endMark(ended.number, at: ended.byteCount, isClosed: ended.isAcknowledged)
        var failure: FileError?
        do throws(FileError) { try ended.file.write(mark, at: ended.byteCount) } catch { failure = error }
        // The records are what must be durable, but half of a mark would look like a write that is missing.
        if syncs { try ended.file.sync() }
        if let failure { throw failure }
    }

    /// Deletes the files with numbers below `limit`; one may be kept as the spare, if it has `spareByteCount`
    /// bytes.
    ///
    /// - Parameters:
    ///   - limit: The first number that stays.
    ///   - spareByteCount: From which size a file is worth to be overwritten; nil to keep none, nor the spare
    ///     that there is.
    /// - Throws: What the file system refused; the rest is for the next call.
    mutating func remove(below limit: UInt64, spareByteCount: Int?) throws(FileError) {
        if let number = open?.number, number < limit { open = nil }
        if spareByteCount == nil, let spare {
            try remove(LogFile.spareName(spare.number))
            self.spare = nil
        }
        for (number, size) in sizes.filter({ $0.key < limit }).sorted(by: { $0.key < $1.key }) {
            if let spareByteCount, spare == nil, own.contains(number), size.onDisk >= spareByteCount {
                try fileSystem.rename(path(LogFile.name(number)), to: path(LogFile.spareName(number)))
                spare = (number, size.onDisk)
            } else {
                try remove(LogFile.name(number))
            }
            sizes[number] = nil
            own.remove(number)
        }
    }

    // MARK: - Private

    /// Adds a record to what is written next.
    private mutating func append(_ block: LogFile.Block, _ open: Open) {
        let startsGroup = buffer.isEmpty && open.isAcknowledged
        LogFile.append(block, number: open.number, startsGroup: startsGroup, to: &buffer)
    }

    /// Writes zeros behind the end of the open file if groups are small and the last one made it longer.
    private mutating func makeRoom(in open: Open) {
        usualGroupByteCount += (buffer.count - usualGroupByteCount) / 8
        let end = open.byteCount + LogFile.endMarkByteCount
        guard syncs, usualGroupByteCount < LogFiles.smallGroupByteCount, sizes[open.number]?.onDisk == end
        else { return }
        let pageByteCount = LogFiles.page.count
        var position = (end + pageByteCount - 1) / pageByteCount * pageByteCount
        let roomEnd = position + LogFiles.roomByteCount
        do throws(FileError) {
            while position < roomEnd {
                try open.file.write(LogFiles.page, at: position)
                position += pageByteCount
                sizes[open.number]?.onDisk = position
            }
        } catch {
            // Nothing of the log is in it; a disk without room shows with the next group.
        }
    }

    private mutating func begin(_ number: UInt64) throws(FileError) {
        // What stands in the old file must be durable before anything in the new one is acknowledged.
        try end()
        let recycled = spare
        do throws(FileError) {
            try make(number, path(LogFile.name(number)))
        } catch {
            sizes[number] = nil
            if error.isFailedSync { throw error }
            // A file without a record is of no use, and there would be one more with each try.
            for name in [LogFile.name(number)] + (recycled.map { [LogFile.spareName($0.number)] } ?? []) {
                do throws(FileError) { try remove(name) } catch {}
            }
            throw error
        }
    }

    private mutating func make(_ number: UInt64, _ path: String) throws(FileError) {
        var onDisk = 0
        let file: any File
        if let spare {
            self.spare = nil
            onDisk = spare.byteCount
            try fileSystem.rename(self.path(LogFile.spareName(spare.number)), to: path)
            // Under its new name before it is overwritten: else the old name could come back with new bytes.
            if syncs { try fileSystem.syncDirectory(directory) }
            file = try fileSystem.openForWriting(path)
            recycledCount += 1
        } else {
            file = try fileSystem.create(path)
        }
        var bytes = LogFile.header(number)
        let byteCount = bytes.count
        bytes += LogFile.endMark(number, at: byteCount, isClosed: false)
        try file.write(bytes, at: 0)
        if syncs {
            try file.sync()
            if onDisk == 0 { try fileSystem.syncDirectory(directory) }
        }
        own.insert(number)
        sizes[number] = Size(written: byteCount, onDisk: onDisk)
        let made = Open(file: file, number: number, byteCount: byteCount)
        open = made
        note(made)
    }

    /// Gives up the file after a failed write: what is torn goes, and no record follows.
    private mutating func abandon() {
        guard let failed = open else { return }
        open = nil
        let mark = LogFile.endMark(failed.number, at: failed.byteCount, isClosed: failed.isAcknowledged)
        do throws(FileError) {
            try failed.file.truncate(to: failed.byteCount)
            sizes[failed.number]?.onDisk = failed.byteCount
            try failed.file.write(mark, at: failed.byteCount)
        } catch {
            // It may stay as it is: a reader finds no whole record behind the last one.
        }
    }

    private mutating func note(_ open: Open) {
        let end = open.byteCount + LogFile.endMarkByteCount
        sizes[open.number] = Size(
            written: open.byteCount,
            onDisk: max(end, sizes[open.number]?.onDisk ?? 0)
        )
    }

    private func remove(_ name: String) throws(FileError) {
        do throws(FileError) { try fileSystem.remove(path(name)) } catch {
            if error.code != ENOENT { throw error }
        }
    }

    private func path(_ name: String) -> String { "\(directory)/\(name)" }
}

extension FileError {
    /// Whether a sync failed; it must not be tried again, as the kernel may have dropped the pages.
    var isFailedSync: Bool { operation == "sync" }
}
