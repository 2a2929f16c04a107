import Catalog
import Model

/// Opens the segments of a data directory.
///
/// A file that is whole counts, also if the catalog does not list it: it is the result of a flush or a merge
/// that was under way, or the catalog has lost it. What it says twice is said alike. Files that the catalog
/// knows to be removed are removed.
struct SegmentRecovery {
    /// The data directory.
    let directory: String
    let files: SegmentFiles
    let telemetry: StorageTelemetry
    /// The catalog.
    let catalog: Catalog

    /// The segments in the order of their sequence.
    private(set) var segments: [Segment] = []
    /// What cannot be read, for readers of its times.
    private(set) var damages: [(range: TimeRange, text: String)] = []
    /// The counters of the catalog, or what the files say if that is more.
    private(set) var counters = Counters()

    /// What is wrong with files that were found damaged or missing just now.
    private(set) var found: [(file: String, text: String)] = []

    private var adopted: [Segment] = []
    /// Damaged ones, in whose place others stand.
    private var mended: [Segment] = []
    private var change = CatalogChange(counters: Counters())

    private var fileSystem: any FileSystem { files.fileSystem }
    private var folder: String { "\(directory)/segments" }

    init(
        directory: String,
        files: SegmentFiles,
        telemetry: StorageTelemetry,
        catalog: Catalog
    ) {
        self.directory = directory
        self.files = files
        self.telemetry = telemetry
        self.catalog = catalog
    }

    /// Opens what is there, and brings the catalog up to it.
    mutating func run() throws {
        counters = try catalog.counters()
        let manifest = try catalog.segments()
        try tellOfQuarantine()
        var present: Set<String> = []
        var damaged: [(name: String, error: StorageError)] = []
        for name in try remainingFiles() {
            present.insert(name)
            counters.lastFile = max(counters.lastFile, SegmentFormat.number(ofName: name) ?? 0)
            let known = manifest.first { $0.file == name }
            do throws(StorageError) {
                let segment = try Segment(name, in: folder, files)
                counters.lastSequence = max(counters.lastSequence, segment.record.sequence)
                segments.append(segment)
                if known == nil { adopted.append(segment) }
            } catch {
                damaged.append((name, error))
            }
        }
        // What stands in their place gets a number behind all others.
        for (name, error) in damaged {
            try putAside(name, error, manifest.first { $0.file == name })
        }
        for record in manifest where !present.contains(record.file) { try tellOfMissing(record) }
        segments.sort { $0.isRead(before: $1) }
        change.addedSegments += adopted.map(\.record)
        try commit()
        for segment in mended { segment.markObsolete() }
        mended = []
        for segment in adopted {
            telemetry.logger.notice("segments/\(segment.record.file) was not in the catalog and counts")
        }
    }

    // MARK: - Private

    private mutating func commit() throws {
        change.counters = counters
        if !change.isEmpty { try catalog.commit(change) }
        change = CatalogChange(counters: counters)
    }

    /// Goes on without a segment that cannot be read: damaged files are moved away, others are left where
    /// they are.
    private mutating func putAside(_ name: String, _ error: StorageError, _ known: SegmentRecord?) throws {
        let range = known?.range ?? .all
        switch error {
        case .damaged(_, let reason):
            if try mend(name, reason, known) { return }
            let file = try Quarantine(of: directory, fileSystem).take(name, from: folder)
            let text = "segment \(name) is damaged and was moved to quarantine: \(reason)"
            noteDamage(name, text, range)
            change.lostFiles.append(name)
            change.addedDamages.append(DamageRecord(file: file, range: range, text: text))
        case .file(let error): noteDamage(name, "segment \(name) cannot be read: \(error)", range)
        default: throw error
        }
    }

    /// Puts what is found in a segment whose tables are damaged in its place; false if nothing is found.
    private mutating func mend(_ name: String, _ reason: String, _ known: SegmentRecord?) throws -> Bool {
        do throws(StorageError) {
            let segment = try Segment(searching: name, known: known, in: folder, files)
            let repair = SegmentRepair(directory: directory, files: files)
            let damage = Segment.Damage(range: segment.record.range, reason: reason)
            let result = try repair.run(segment, [damage], number: counters.lastFile + 1)
            counters.lastFile += 1
            counters.lastSequence = max(counters.lastSequence, segment.record.sequence)
            if let replacement = result.replacement {
                segments.append(replacement)
                change.addedSegments.append(replacement.record)
            }
            change.removedFiles.append(name)
            change.addedDamages += result.damagesForReaders
            mended.append(segment)
            note(name, result.damage.text)
            if result.lostCount > 0 {
                damages.append((result.damage.range, SegmentRecovery.sentence(result.damage.text)))
            }
            return true
        } catch {
            guard case .file(let error) = error else { return false }
            // The file stays where it is; the next start tries again.
            noteDamage(
                name,
                "segment \(name) is damaged and cannot be mended: \(error)",
                known?.range ?? .all
            )
            return true
        }
    }

    /// The names of the segment files, without those that are removed because they do not count.
    private func remainingFiles() throws -> [String] {
        let removed = Set(try catalog.removedFiles())
        var names: [String] = []
        for name in try fileSystem.list(folder) {
            if SegmentFormat.number(ofName: name) != nil && !removed.contains(name) {
                names.append(name)
            } else {
                telemetry.logger.notice("removing the left-over file segments/\(name)")
                try fileSystem.remove("\(folder)/\(name)")
            }
        }
        if !removed.isEmpty {
            try fileSystem.syncDirectory(folder)
            try catalog.forgetRemovedFiles()
        }
        return names
    }

    /// Tells readers of what lies in quarantine, and forgets what somebody has removed from there.
    private mutating func tellOfQuarantine() throws {
        let names = try Quarantine(of: directory, fileSystem).names()
        for damage in try catalog.damages() {
            if names.contains(damage.file) {
                damages.append((damage.range, SegmentRecovery.sentence(damage.text)))
            } else {
                change.removedDamages.append(damage.file)
            }
        }
    }

    private mutating func tellOfMissing(_ record: SegmentRecord) throws {
        let name = record.file
        if try Quarantine(of: directory, fileSystem).names().contains(name) {
            // The daemon died between the move and the note of it.
            let text = "segment \(name) is damaged and was moved to quarantine"
            noteDamage(name, text, record.range)
            change.lostFiles.append(name)
            change.addedDamages.append(DamageRecord(file: name, range: record.range, text: text))
            return
        }
        let isMerged = adopted.contains {
            $0.record.sequence >= record.sequence && $0.record.range.start <= record.range.start
                && $0.record.range.end >= record.range.end
        }
        if isMerged {
            change.lostFiles.append(name)
        } else {
            noteDamage(name, "segment \(name) is missing", record.range)
        }
    }

    private mutating func noteDamage(_ file: String, _ text: String, _ range: TimeRange) {
        note(file, text)
        damages.append((range, SegmentRecovery.sentence(text)))
    }

    private mutating func note(_ file: String, _ text: String) {
        found.append((file, text))
        telemetry.damagedSegments.add()
        telemetry.logger.error("\(text)")
    }

    private static func sentence(_ text: String) -> String { "\(text); its samples are missing here" }
}
