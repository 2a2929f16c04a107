import Catalog
import ChunkCodec
import Glibc
import Model

/// The folder `deletes/`: each delete in force once more, for the case that the catalog is lost.
///
/// A delete is in the catalog before it has a file and after its file is gone; so a file without a row counts
/// only where the catalog was made again. Format: docs/formats/tombstone.md.
struct TombstoneFiles {
    /// The first bytes of a file.
    static let header = Array("SXTNTDEL".utf8)
    /// The version that this code writes, the only one it reads.
    static let version: UInt32 = 1
    /// The ending of the names.
    private static let ending = ".delete"

    /// The folder.
    let directory: String
    private let fileSystem: any FileSystem

    /// The folder of the data directory `directory`.
    init(of directory: String, _ fileSystem: any FileSystem) {
        self.directory = "\(directory)/deletes"
        self.fileSystem = fileSystem
    }

    /// The name of the file of delete number `number`.
    static func name(_ number: UInt64) -> String { LogFile.paddedNumber(number) + ending }

    /// The number in a file's name; nil if it is no delete's.
    static func number(ofName name: String) -> UInt64? {
        guard name.hasSuffix(ending) else { return nil }
        return UInt64(name.dropLast(ending.count))
    }

    /// Writes the file of a delete; durable when it returns.
    func put(_ record: TombstoneRecord) throws(FileError) {
        try fileSystem.createDirectory(directory)
        let path = "\(directory)/\(TombstoneFiles.name(record.number))"
        let file = try fileSystem.create(path + ".tmp")
        try file.write(TombstoneFiles.encode(record))
        try file.sync()
        try fileSystem.rename(path + ".tmp", to: path)
        try fileSystem.syncDirectory(directory)
    }

    /// Deletes the files of the deletes with these numbers; gone for good when it returns.
    func remove(_ numbers: [UInt64]) throws(FileError) {
        let names = Set(try names())
        for number in numbers where names.contains(TombstoneFiles.name(number)) {
            try fileSystem.remove("\(directory)/\(TombstoneFiles.name(number))")
        }
        if !names.isEmpty { try fileSystem.syncDirectory(directory) }
    }

    /// Makes the files those of `records`: writes what is missing and deletes others.
    func keepOnly(_ records: [TombstoneRecord]) throws(FileError) {
        let wanted = Set(records.map { TombstoneFiles.name($0.number) })
        let found = try names()
        for name in found where !wanted.contains(name) { try fileSystem.remove("\(directory)/\(name)") }
        for record in records {
            let name = TombstoneFiles.name(record.number)
            if found.contains(name), try read(name) == record { continue }
            try put(record)
        }
    }

    /// The deletes that the files tell of, and the names of files that cannot be read.
    func records() throws(FileError) -> (sound: [TombstoneRecord], damaged: [String]) {
        var sound: [TombstoneRecord] = []
        var damaged: [String] = []
        for name in try names() where TombstoneFiles.number(ofName: name) != nil {
            if let record = try read(name) { sound.append(record) } else { damaged.append(name) }
        }
        return (sound, damaged)
    }

    // MARK: - Private

    private func names() throws(FileError) -> [String] {
        do throws(FileError) { return try fileSystem.list(directory) } catch {
            if error.code == ENOENT { return [] }
            throw error
        }
    }

    /// What a file tells; nil if it is damaged.
    private func read(_ name: String) throws(FileError) -> TombstoneRecord? {
        let file = try fileSystem.open("\(directory)/\(name)")
        let bytes = try file.read(at: 0, count: try file.size())
        do throws(CodecError) { return try TombstoneFiles.decode(bytes) } catch { return nil }
    }

    static func encode(_ record: TombstoneRecord) -> [UInt8] {
        var bytes = header
        bytes.append(littleEndian: version)
        for number in [record.number, record.sequence, record.nextLog] { bytes.append(littleEndian: number) }
        bytes.append(littleEndian: record.range.start.millis)
        bytes.append(littleEndian: record.range.end.millis)
        bytes.append(contentsOf: record.encodedSelections)
        bytes.append(littleEndian: Checksum.crc32c(bytes))
        return bytes
    }

    static func decode(_ bytes: [UInt8]) throws(CodecError) -> TombstoneRecord {
        var reader = ByteReader(bytes)
        guard bytes.count > header.count + 4, Array(try reader.readBytes(count: header.count)) == header
        else { throw .badException }
        let content = bytes.count - 4
        var end = ByteReader(bytes[content...])
        let stored = try end.readUInt32()
        let computed = Checksum.crc32c(bytes[..<content])
        guard stored == computed else { throw .checksumMismatch(stored: stored, computed: computed) }
        guard try reader.readUInt32() == version else { throw .badException }
        let number = try reader.readUInt64()
        let sequence = try reader.readUInt64()
        let nextLog = try reader.readUInt64()
        let start = Int64(bitPattern: try reader.readUInt64())
        let last = Int64(bitPattern: try reader.readUInt64())
        let rest = try reader.readBytes(count: reader.remainingCount - 4)
        return TombstoneRecord(
            number: number,
            sequence: sequence,
            range: TimeRange(Timestamp(millis: start), Timestamp(millis: last)),
            selections: try TombstoneRecord.selections(Array(rest)),
            nextLog: nextLog
        )
    }
}
