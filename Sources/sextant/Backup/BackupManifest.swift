import Foundation

/// What one backup consists of: the file `manifests/<name>.json` of a target.
///
/// Format: docs/formats/backup.md.
struct BackupManifest: Codable, Hashable, Sendable {
    /// The format that this code writes, the only one it reads.
    static let presentFormat = 1
    /// The folder of manifests in a target.
    static let folder = "manifests"
    /// The folder of contents in a target; a content's name is its SHA-256.
    static let contentFolder = "files"

    /// One file of the data directory.
    struct Entry: Codable, Hashable, Sendable {
        /// Its path in the data directory.
        var path: String
        /// Its size in bytes.
        var size: Int
        /// The SHA-256 of its content, in hexadecimal digits.
        var sha256: String
        /// When it was changed last, in nanoseconds since the epoch, if it is one that never changes.
        var modified: Int64?
    }

    /// The format.
    var format = presentFormat
    /// The name of the backup, which begins with its time.
    var name: String
    /// When it was made, in UTC.
    var time: String
    /// The number of the last write in it; nil if that is not known.
    var sequence: UInt64?
    /// The files, by path.
    var files: [Entry]

    /// The path of its file in a target.
    static func path(_ name: String) -> String { "\(folder)/\(name).json" }

    /// The bytes of the file.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// Reads the bytes of a file, which come from outside: a path must not lead out of the directory.
    init(_ bytes: [UInt8], name: String) throws {
        struct Head: Decodable { var format: Int }
        do {
            let format = try JSONDecoder().decode(Head.self, from: Data(bytes)).format
            guard format == BackupManifest.presentFormat else {
                throw BackupError("the manifest \(name) has format \(format), which this version cannot read")
            }
            self = try JSONDecoder().decode(BackupManifest.self, from: Data(bytes))
        } catch let error as BackupError {
            throw error
        } catch {
            throw BackupError("the manifest \(name) is damaged")
        }
        for file in files {
            let parts = file.path.split(separator: "/", omittingEmptySubsequences: false)
            let isInside = parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.contains("\0") }
            let isHash = file.sha256.utf8.count == 64 && file.sha256.allSatisfy(\.isHexDigit)
            guard isInside, isHash, file.size >= 0 else {
                throw BackupError("the manifest \(name) has a file that cannot be: \(file.path)")
            }
        }
    }

    /// A backup of these files.
    init(name: String, time: String, sequence: UInt64?, files: [Entry]) {
        self.name = name
        self.time = time
        self.sequence = sequence
        self.files = files
    }
}

/// Why a backup or a restore did not succeed.
struct BackupError: Error, CustomStringConvertible {
    /// The sentence for the user.
    var description: String

    init(_ description: String) { self.description = description }
}
