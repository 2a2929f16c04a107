import ArgumentParser
import Foundation
import Glibc
import Logging
import Model
import Storage
import Telemetry

/// Where backups lie, as options of commands.
struct BackupPlace: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The address of the object store of an s3:// target. (default: that of AWS)",
            valueName: "url"
        )
    )
    var s3Endpoint: String?

    @Option(help: ArgumentHelp("The region of the object store. (default: us-east-1)", valueName: "region"))
    var s3Region: String?

    /// The target at `address`: a directory, or `s3://bucket/prefix`.
    func target(_ address: String) throws -> any BackupTarget {
        guard !address.isEmpty else {
            throw Misuse(description: "the place of the backups must not be empty")
        }
        guard address.hasPrefix(S3Target.scheme) else {
            guard !address.contains("://") else {
                throw Misuse(description: "\(address) is neither a directory nor s3://bucket/prefix")
            }
            return DirectoryTarget(address)
        }
        return try S3Target(address, endpoint: s3Endpoint, region: s3Region)
    }
}

/// `sextant backup`: copies everything that a daemon has stored to another place.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy a daemon's data to a directory or an object store.",
        discussion: """
            The daemon makes a snapshot, which this command reads and then removes: both run on one \
            machine, and the daemon with --enable-admin-api. Of a stopped daemon --data names the \
            directory. Only contents that the target does not have are copied. Segments that the newest \
            backup has are known by size and time without being read, unless --read-all asks for it. A \
            target keeps many backups, restore takes any of them. Credentials of an object store come from \
            AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or from AWS_SHARED_CREDENTIALS_FILE. The exit \
            code is 0 for success, 1 for a failure, 2 for a wrong option.

            Examples:
              sextant backup /mnt/backup/sextant
              sextant backup /mnt/backup/sextant --keep 30
              sextant backup s3://backups/sextant --s3-endpoint https://minio.example:9000
              sextant backup /mnt/backup/sextant --data /var/lib/sextant
            """
    )

    @Argument(help: ArgumentHelp("A directory, or s3://bucket/prefix.", valueName: "target"))
    var target: String

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    @Option(
        help: ArgumentHelp("The data directory of a daemon that does not run.", valueName: "directory")
    )
    var data: String?

    @Option(help: ArgumentHelp("Remove all but so many of the newest backups.", valueName: "count"))
    var keep: Int?

    @Flag(help: "Read every file again, also segments that the newest backup has.")
    var readAll = false

    @OptionGroup var place: BackupPlace

    private struct Place: Decodable {
        var name: String
        var path: String
        var sequence: UInt64
    }

    func run() async throws {
        if let keep, keep < 1 { throw Misuse(description: "--keep must be at least 1") }
        let target = try place.target(target)
        let snapshot = try await makeSnapshot()
        defer { BackupCommand.remove(snapshot.path) }
        let lines = BackupProgress("backup")
        let backup = Backup(target: target) { lines.show($0) }
        var outcome = try await backup.make(
            snapshot.path,
            name: snapshot.name,
            time: SnapshotName.time(of: snapshot.name),
            sequence: snapshot.sequence,
            readsAll: readAll
        )
        if let keep { outcome.removedCount = try await backup.keep(newest: keep) }
        var text = "backup \(snapshot.name): \(outcome.fileCount) files, \(outcome.byteCount) bytes; copied "
        text += "\(outcome.copiedFileCount) files, \(outcome.copiedByteCount) bytes"
        if outcome.removedCount > 0 { text += "; removed \(outcome.removedCount) older backups" }
        StandardStream.write(Array("\(text)\n".utf8), to: STDOUT_FILENO)
    }

    private func makeSnapshot() async throws -> (name: String, path: String, sequence: UInt64?) {
        guard let data else {
            let body = try await DaemonClient(url: url).admin("snapshot")
            let place = try JSONDecoder().decode(APIAnswer<Place>.self, from: Data(body)).data
            guard unsafe access(place.path, R_OK | X_OK) == 0 else {
                throw BackupError(
                    "the snapshot \(place.path) cannot be read: the command has to run on the daemon's machine, as "
                        + "its user or as root"
                )
            }
            return (place.name, place.path, place.sequence)
        }
        let known = (try? FileManager.default.contentsOfDirectory(atPath: data)) ?? []
        guard known.contains("catalog.sqlite") || known.contains("segments") else {
            throw StorageError.noData(directory: data)
        }
        var options = StoreOptions(now: { SystemTime.now })
        options.mergesInBackground = false
        options.keepsRetention = true
        var logger = Logger(label: "backup") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        let store = try Store(directory: data, options: options, registry: Registry(), logger: logger)
        defer { store.close() }
        let snapshot = try await store.snapshot(SnapshotName.make(), copying: [KPIArchive.folderName])
        return (snapshot.name, snapshot.path, snapshot.sequence)
    }

    private static func remove(_ path: String) {
        do throws(FileError) { try PosixFileSystem().removeTree(path) } catch {
            let text = "sextant: the snapshot stays, remove it by hand: \(error)\n"
            StandardStream.write(Array(text.utf8), to: STDERR_FILENO)
        }
    }
}

/// `sextant restore`: puts a backup into an empty directory.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup into an empty directory.",
        discussion: """
            Every checksum is compared before the directory gets its name; then sextant serve --data uses \
            it. The exit code is 0 for success, 1 for a failure, 2 for a wrong option.

            Examples:
              sextant restore /mnt/backup/sextant /var/lib/sextant
              sextant restore s3://backups/sextant ./data --s3-endpoint https://minio.example:9000
              sextant restore /mnt/backup/sextant ./data --backup 20261130T080000Z-00f1e2d3c4b5a697
            """
    )

    @Argument(
        help: ArgumentHelp("Where the backups are: a directory, or s3://bucket/prefix.", valueName: "source")
    )
    var source: String

    @Argument(help: ArgumentHelp("The directory for the data: empty, or missing.", valueName: "directory"))
    var directory: String

    @Option(help: ArgumentHelp("The backup. (default: the newest)", valueName: "name"))
    var backup: String?

    @OptionGroup var place: BackupPlace

    func run() async throws {
        guard !directory.isEmpty else { throw Misuse(description: "the directory must not be empty") }
        let lines = BackupProgress("restore")
        let source = Backup(target: try place.target(source)) { lines.show($0) }
        let manifest = try await source.restore(backup, to: directory)
        let bytes = manifest.files.reduce(0) { $0 + $1.size }
        let text = "restored \(manifest.name): \(manifest.files.count) files, \(bytes) bytes, all checked\n"
        StandardStream.write(Array(text.utf8), to: STDOUT_FILENO)
    }
}

/// How far a backup is, as a line on a terminal.
final class BackupProgress {
    private let title: String
    private let isInteractive = Terminal.of(STDERR_FILENO).isInteractive
    private var shown = -1

    init(_ title: String) { self.title = title }

    /// Tells that `fraction` of the work is done.
    func show(_ fraction: Double) {
        let percent = Int(fraction * 100)
        guard isInteractive, percent > shown else { return }
        shown = percent
        ProgressLine.write("\r\u{1b}[K\(title) \(percent) %\(percent >= 100 ? "\n" : "")")
    }
}
