import ChunkCodec

/// What was found in a log file.
struct LogFileReport: Hashable {
    /// How many records are whole.
    var recordCount = 0
    /// How many stretches of bytes that once were acknowledged records could not be read.
    var damagedCount = 0
    /// How many bytes at the end (at most) belong to no whole record: what was written last and never
    /// acknowledged when the daemon died.
    var tornByteCount = 0
    /// How many stretches of the group at the end could not be read: it may never have been acknowledged.
    var unclearCount = 0
    /// Whether the end mark is there; without it the file was cut, or what was written last is not whole.
    var hasEnd = false
    /// Where the last whole record ends.
    var byteCount = 0
    /// The size of the file, which may be larger.
    var fileByteCount = 0
}

extension LogFile {
    /// Reads a log file piece by piece and hands each whole record to `body`, in the order of the file.
    ///
    /// Definitions come before the samples that need them, behind damaged bytes too, and may come more than
    /// once.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - number: Its number, from its name.
    ///   - fileSystem: Where it is.
    ///   - pieceByteCount: How much is read at a time, in bytes.
    ///   - body: Takes the records.
    /// - Returns: What else is in the file.
    /// - Throws: `StorageError.newerFormat` or `.olderFormat`, a `FileError`, or what `body` throws.
    static func read(
        path: String,
        number: UInt64,
        fileSystem: any FileSystem,
        pieceByteCount: Int = 4 << 20,
        _ body: (LogRecord) throws -> Void
    ) throws -> LogFileReport {
        var reader = LogReader(
            window: try LogWindow(try fileSystem.open(path), pieceByteCount: pieceByteCount),
            path: path,
            number: number
        )
        try reader.run(body)
        return reader.report
    }
}

/// Goes through one log file.
private struct LogReader {
    private enum Piece {
        /// A record with a sound head; without content if that is damaged.
        case record(LogRecord?, startsGroup: Bool, end: Int)
        case endMark(isClosed: Bool)
    }

    var window: LogWindow
    let path: String
    let number: UInt64
    var report = LogFileReport()
    /// Whether the definitions of the whole file have been handed over.
    private var hasAllDefinitions = false

    init(window: LogWindow, path: String, number: UInt64) {
        self.window = window
        self.path = path
        self.number = number
    }

    mutating func run(_ body: (LogRecord) throws -> Void) throws {
        report.fileByteCount = window.fileByteCount
        guard let headerIsSound = try readHeader() else {
            report.tornByteCount = window.fileByteCount
            return
        }
        var position = LogFile.headerByteCount
        report.byteCount = position
        // Stretches that may belong to a group of writes that was never acknowledged.
        var unclear = 0
        while true {
            switch try piece(at: position) {
            case .record(let record, let startsGroup, let end):
                if startsGroup {
                    report.damagedCount += unclear
                    unclear = 0
                }
                if let record {
                    report.recordCount += 1
                    report.byteCount = end
                    try body(record)
                } else {
                    unclear += 1
                    try handDefinitions(from: end, body)
                }
                position = end
            case .endMark(let isClosed):
                report.hasEnd = true
                finish(at: position, unclear, isClosed: isClosed, headerIsSound)
                return
            case nil:
                try handDefinitions(from: position + 1, body)
                guard let next = try nextPiece(after: position) else {
                    finish(at: window.fileByteCount, unclear, isClosed: false, headerIsSound)
                    return
                }
                unclear += 1
                position = next
            }
        }
    }

    // MARK: - Private

    /// Hands over the definitions that come later: what could not be read may have been the first of them.
    ///
    /// Once is enough, as a definition holds for the whole file.
    private mutating func handDefinitions(from start: Int, _ body: (LogRecord) throws -> Void) throws {
        guard !hasAllDefinitions else { return }
        hasAllDefinitions = true
        var position = start
        while true {
            switch try piece(at: position) {
            case .record(let record, _, let end):
                if let record, case .definitions = record { try body(record) }
                position = end
            case .endMark: return
            case nil:
                guard let next = try nextPiece(after: position) else { return }
                position = next
            }
        }
    }

    private mutating func finish(at end: Int, _ unclear: Int, isClosed: Bool, _ headerIsSound: Bool) {
        if isClosed {
            report.damagedCount += unclear
        } else {
            report.unclearCount = unclear
            report.tornByteCount = end - report.byteCount
        }
        // The header of a file that was just about to be overwritten is another one's.
        if !headerIsSound && (report.recordCount > 0 || report.hasEnd) { report.damagedCount += 1 }
    }

    /// Whether the header is this file's; nil if the file is too short for one.
    private mutating func readHeader() throws -> Bool? {
        guard let header = try window.bytes(at: 0, count: LogFile.headerByteCount) else { return nil }
        if header.elementsEqual(LogFile.header(number)) { return true }
        var reader = ByteReader(header)
        guard try reader.readBytes(count: LogFile.magic.count).elementsEqual(LogFile.magic) else {
            return false
        }
        let version = try reader.readUInt32()
        try reader.skip(count: 8)
        // A version counts only if its checksum says that it is none by accident.
        guard try reader.readUInt32() == Checksum.crc32c(header.dropLast(4)) else { return false }
        let supported = Int(LogFile.version)
        if version > LogFile.version {
            throw StorageError.newerFormat(path: path, found: Int(version), supported: supported)
        }
        if version < LogFile.version {
            throw StorageError.olderFormat(path: path, found: Int(version), supported: supported)
        }
        return false
    }

    private mutating func piece(at position: Int) throws(FileError) -> Piece? {
        guard let mark = try window.bytes(at: position, count: LogFile.endMarkByteCount),
            mark.prefix(3).elementsEqual(LogFile.markerStart)
        else { return nil }
        switch mark[mark.startIndex + 3] {
        case LogFile.recordMarker: return try record(at: position)
        case LogFile.endMarker:
            let checksum = LogFile.endChecksum(mark.prefix(8), number, position)
            guard LogReader.integer(mark, 8) == checksum else { return nil }
            return .endMark(isClosed: LogReader.integer(mark, 4) & 1 == 1)
        default: return nil
        }
    }

    private mutating func record(at position: Int) throws(FileError) -> Piece? {
        guard let head = try window.bytes(at: position, count: LogFile.recordHeadByteCount) else {
            return nil
        }
        let checksum = LogReader.integer(head, 12)
        guard LogFile.headChecksum(head.prefix(12), number) == checksum else { return nil }
        let storedCount = Int(LogReader.integer(head, 4))
        let rawCount = Int(LogReader.integer(head, 8) & ~LogFile.groupFlag)
        let startsGroup = LogReader.integer(head, 8) & LogFile.groupFlag != 0
        let contentChecksum = LogReader.integer(head, 16)
        let start = position + LogFile.recordHeadByteCount
        guard storedCount <= LogFile.maxRawCount,
            let stored = try window.bytes(at: start, count: storedCount)
        else { return nil }
        let damaged = Piece.record(nil, startsGroup: startsGroup, end: start + storedCount)
        guard rawCount <= LogFile.maxRawCount,
            Checksum.crc32c(stored, continuing: checksum) == contentChecksum
        else { return damaged }
        do throws(CodecError) {
            let content =
                storedCount < rawCount ? try LZ4.decompress(stored, rawCount: rawCount) : Array(stored)
            let record = try LogRecord.decode(content)
            return .record(record, startsGroup: startsGroup, end: start + storedCount)
        } catch {
            return damaged
        }
    }

    /// Where the next record or end mark of this file is.
    private mutating func nextPiece(after position: Int) throws(FileError) -> Int? {
        var candidate = position + 1
        while let found = try window.position(of: LogFile.markerStart, from: candidate) {
            if try piece(at: found) != nil { return found }
            candidate = found + 1
        }
        return nil
    }

    /// The integer of four bytes at `offset`, the lowest first.
    private static func integer(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt32 {
        let start = bytes.startIndex + offset
        return (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) }
    }
}
