import Catalog
import Logging
import Model
import Telemetry

/// Reads everything in a data directory that no daemon uses, and puts what is damaged into quarantine.
package struct DirectoryCheck {
    private let directory: String
    private let fileSystem: any FileSystem
    private let rebuildsCatalog: Bool
    private let progress: (_ fraction: Double, _ sampleCount: Int) -> Void
    private let telemetry: StorageTelemetry

    private var report = VerifyReport()
    /// The sizes of all files that are read, in bytes.
    private var wholeByteCount = 0

    /// A check of `directory`.
    ///
    /// - Parameters:
    ///   - directory: The data directory.
    ///   - rebuildsCatalog: Whether the catalog is made anew, also if it is sound.
    ///   - fileSystem: Where it is.
    ///   - progress: Called now and then with the part that is done, 0 to 1, and how many samples were read.
    package init(
        _ directory: String,
        rebuildsCatalog: Bool,
        fileSystem: any FileSystem = PosixFileSystem(),
        progress: @escaping (_ fraction: Double, _ sampleCount: Int) -> Void = { _, _ in }
    ) {
        self.directory = directory
        self.rebuildsCatalog = rebuildsCatalog
        self.fileSystem = fileSystem
        self.progress = progress
        telemetry = StorageTelemetry(
            Registry(),
            logger: Logger(label: "verify") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// Checks catalog, segments and log.
    ///
    /// - Throws: `StorageError` if the directory is in use, is none of ours, or cannot be read or written.
    package mutating func run() throws(StorageError) -> VerifyReport {
        do {
            let names = try fileSystem.list(directory)
            guard names.contains("catalog.sqlite") || names.contains("segments") || names.contains("wal")
            else { throw StorageError.noData(directory: directory) }
            guard let lock = try fileSystem.lock("\(directory)/LOCK") else {
                throw StorageError.alreadyInUse(directory: directory)
            }
            defer { withExtendedLifetime(lock) {} }
            try fileSystem.createDirectory("\(directory)/segments")
            try fileSystem.createDirectory("\(directory)/wal")
            for folder in ["segments", "wal"] {
                for name in try fileSystem.list("\(directory)/\(folder)") {
                    wholeByteCount += try fileSystem.open("\(directory)/\(folder)/\(name)").size()
                }
            }
            let catalog = try checkCatalog()
            try checkSegments(catalog)
            try checkLog(catalog)
            try catalog.close()
            progress(1, report.sampleCount)
            return report
        } catch let error as StorageError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch let error as CatalogError {
            throw .catalog(error)
        } catch {
            throw .damaged(path: directory, reason: "\(error)")
        }
    }

    // MARK: - Catalog

    private mutating func checkCatalog() throws -> Catalog {
        let recovery = CatalogRecovery(directory: directory, fileSystem: fileSystem)
        let found = try recovery.open()
        report.fileCount += 1
        if found.isNew { report.tell("catalog.sqlite", "there was none; it is made again", isDamage: false) }
        if let (reason, file) = found.damage {
            report.tell(
                "catalog.sqlite",
                "damaged, moved to quarantine/\(file) and made again: \(reason)",
                isDamage: true
            )
        }
        for name in found.damagedDeletes {
            report.tell("deletes/\(name)", "damaged; what it deleted may be back", isDamage: true)
        }
        guard rebuildsCatalog, !found.isNew, found.damage == nil else { return found.catalog }
        try found.catalog.close()
        let file = try recovery.rebuild().file
        report.tell(
            "catalog.sqlite",
            "sound, moved to quarantine/\(file) and made again",
            isDamage: false
        )
        return try recovery.open().catalog
    }

    // MARK: - Segments

    private mutating func checkSegments(_ catalog: Catalog) throws {
        let files = SegmentFiles(fileSystem) { _ in }
        var recovery = SegmentRecovery(
            directory: directory,
            files: files,
            telemetry: telemetry,
            catalog: catalog
        )
        try recovery.run()
        for (file, text) in recovery.found { report.tell("segments/\(file)", text, isDamage: true) }
        report.fileCount += recovery.segments.count + recovery.found.count
        var counters = recovery.counters
        for segment in recovery.segments {
            let begin = report.byteCount
            let damages = try segment.check { byteCount in note(byteCount) }
            report.sampleCount += segment.record.sampleCount
            report.byteCount = begin + segment.record.byteCount
            guard !damages.isEmpty else { continue }
            counters.lastFile += 1
            let repair = SegmentRepair(directory: directory, files: files)
            let result = try repair.run(segment, damages, number: counters.lastFile)
            var change = CatalogChange(counters: counters)
            change.removedFiles = [segment.record.file]
            change.addedSegments = result.replacement.map { [$0.record] } ?? []
            change.addedDamages = result.damagesForReaders
            try catalog.commit(change)
            segment.markObsolete()
            report.tell("segments/\(segment.record.file)", result.damage.text, isDamage: true)
        }
    }

    // MARK: - Log

    private mutating func checkLog(_ catalog: Catalog) throws {
        let folder = "\(directory)/wal"
        var metadata: [String: MetricMetadata] = [:]
        for name in try fileSystem.list(folder) {
            guard let number = LogFile.number(ofName: name) else { continue }
            let begin = report.byteCount
            var sampleCount = 0
            let found = try LogFile.read(path: "\(folder)/\(name)", number: number, fileSystem: fileSystem) {
                switch $0 {
                case .write(let write): sampleCount += write.values.count
                case .metadata(let items): for item in items { metadata[item.name] = item }
                case .definitions: break
                }
            }
            report.fileCount += 1
            report.sampleCount += sampleCount
            note(found.fileByteCount)
            report.byteCount = begin + found.fileByteCount
            if found.damagedCount > 0 {
                try LogDamage(name: name, count: found.damagedCount).keep(directory, fileSystem, catalog)
                report.tell(
                    "wal/\(name)",
                    "damaged stretches: \(found.damagedCount); the file was copied to quarantine",
                    isDamage: true
                )
            }
            if found.isTorn {
                report.tell(
                    "wal/\(name)",
                    "what was written last is not whole: a write was under way when the daemon stopped, or "
                        + "the end of the file is damaged",
                    isDamage: false
                )
            }
        }
        // What the catalog knows is as new, or newer.
        for item in try catalog.metadata() { metadata[item.name] = nil }
        var change = CatalogChange(counters: try catalog.counters())
        change.metadata = Array(metadata.values)
        if !change.isEmpty { try catalog.commit(change) }
    }

    private mutating func note(_ byteCount: Int) {
        report.byteCount += byteCount
        progress(min(0.999, Double(report.byteCount) / Double(max(1, wholeByteCount))), report.sampleCount)
    }
}
