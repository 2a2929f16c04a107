import Catalog
import Logging
import Matching
import Model

/// Brings a data directory back to what was acknowledged before the last end of the daemon.
///
/// The manifest says which segment files count; others are left-overs of a flush that was not finished, and
/// what they hold is still in the log. Without a manifest all segments count. Then the log is read: writes up
/// to the last one that was flushed are in segments already and are skipped, the others go into the head
/// again.
struct StoreRecovery {
    let directory: String
    let options: StoreOptions
    let telemetry: StorageTelemetry

    /// The folder of the log's files.
    var logDirectory: String { "\(directory)/wal" }
    private var segmentDirectory: String { "\(directory)/segments" }
    private var quarantineDirectory: String { "\(directory)/quarantine" }
    private var catalogPath: String { "\(directory)/catalog.sqlite" }
    private var files: any FileSystem { options.fileSystem }

    /// What was found.
    struct Result {
        var lock: any File
        var catalog: Catalog
        var segmentFiles: SegmentFiles
        var state: Store.State
        /// The number for the next log file.
        var nextLog: UInt64
        /// The sizes of the log's files by number.
        var logFiles: [UInt64: Int]
    }

    /// Reads everything; the directory is changed only where left-overs and damaged files are put aside.
    func run() throws(StorageError) -> Result {
        let start = ContinuousClock.now
        let lock = try takeLock()
        do {
            try files.createDirectory(segmentDirectory)
            try files.createDirectory(logDirectory)
            let hadCatalog = try files.list(directory).contains("catalog.sqlite")
            let catalog = try Catalog(path: catalogPath)
            var state = Store.State(
                head: Head(),
                headFirstLog: 0,
                headStart: options.now(),
                retention: try RetentionClasses(options.retention)
            )
            state.counters = try catalog.counters()
            for item in try catalog.metadata() { state.metadata[ByteText(item.name)] = item }
            let manifest = try catalog.segments()
            if !hadCatalog { telemetry.logger.info("no catalog in \(directory): a new one is made") }
            let segmentFiles = SegmentFiles(files) { [telemetry] error in telemetry.note(error) }
            try openSegments(hadCatalog ? manifest : nil, catalog, segmentFiles, &state)
            state.head = headAfterLastFlush(state)
            let (nextLog, logFiles) = try replayLog(&state)
            let millis = Int((ContinuousClock.now - start) / .milliseconds(1))
            telemetry.logger.info(
                """
                store opened: directory=\(directory) segments=\(state.segments.count) \
                head_series=\(state.head.seriesCount) head_samples=\(state.head.sampleCount) \
                duration_ms=\(millis) durability=\(options.durability.rawValue)
                """
            )
            return Result(
                lock: lock,
                catalog: catalog,
                segmentFiles: segmentFiles,
                state: state,
                nextLog: nextLog,
                logFiles: logFiles
            )
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

    // MARK: - Segments

    private func takeLock() throws(StorageError) -> any File {
        do throws(FileError) {
            try files.createDirectory(directory)
            guard let lock = try files.lock("\(directory)/LOCK") else {
                throw FileError("lock", directory, code: 0)
            }
            return lock
        } catch {
            if error.operation == "lock" && error.code == 0 { throw .alreadyInUse(directory: directory) }
            throw .file(error)
        }
    }

    private func openSegments(
        _ manifest: [SegmentRecord]?,
        _ catalog: Catalog,
        _ segmentFiles: SegmentFiles,
        _ state: inout Store.State
    ) throws {
        let registered = Set(manifest?.map(\.file) ?? [])
        var present: Set<String> = []
        for name in try files.list(segmentDirectory) {
            guard let number = SegmentFormat.number(ofName: name),
                manifest == nil || registered.contains(name)
            else {
                // A flush that was not finished; its samples are in the log.
                telemetry.logger.notice("removing the left-over file segments/\(name)")
                try files.remove("\(segmentDirectory)/\(name)")
                continue
            }
            present.insert(name)
            state.counters.lastFile = max(state.counters.lastFile, number)
            do throws(StorageError) {
                let segment = try Segment(name, in: segmentDirectory, segmentFiles)
                state.counters.lastSequence = max(state.counters.lastSequence, segment.record.sequence)
                state.segments.append(segment)
            } catch {
                let known = manifest?.first { $0.file == name }
                try putAside(name, error, known?.range ?? .all, &state)
            }
        }
        for record in manifest ?? [] where !present.contains(record.file) {
            noteDamage("segment \(record.file) is missing", record.range, &state)
        }
        state.segments.sort { ($0.record.sequence, $0.record.file) < ($1.record.sequence, $1.record.file) }
        if manifest == nil && !state.segments.isEmpty {
            var change = CatalogChange(counters: state.counters)
            change.addedSegments = state.segments.map(\.record)
            try catalog.commit(change)
            telemetry.logger.warning("the catalog was made again from \(state.segments.count) segments")
        }
    }

    /// Goes on without a segment that cannot be read: damaged files are moved away, others are left where
    /// they are.
    private func putAside(
        _ name: String,
        _ error: StorageError,
        _ range: TimeRange,
        _ state: inout Store.State
    ) throws {
        switch error {
        case .damaged(_, let reason):
            try files.createDirectory(quarantineDirectory)
            try files.rename("\(segmentDirectory)/\(name)", to: "\(quarantineDirectory)/\(name)")
            try files.syncDirectory(quarantineDirectory)
            noteDamage("segment \(name) is damaged and was moved to quarantine: \(reason)", range, &state)
        case .file(let error): noteDamage("segment \(name) cannot be read: \(error)", range, &state)
        default: throw error
        }
    }

    private func noteDamage(_ text: String, _ range: TimeRange, _ state: inout Store.State) {
        telemetry.damagedSegments.add()
        telemetry.logger.error("\(text)")
        state.damages.append((range, "\(text); its samples are missing here"))
    }

    /// The head to begin with: where new series are limited, those of the last flush are not new.
    private func headAfterLastFlush(_ state: Store.State) -> Head {
        let limits = options.limits.current
        guard limits.seriesCreatedPerMinute > 0 || limits.seriesPerMetric > 0 else { return Head() }
        let known = Head()
        let last = state.segments.map(\.record.sequence).max()
        for segment in state.segments where segment.record.sequence == last {
            var reader = Segment.Reader()
            do throws(StorageError) {
                for ordinal in 0..<UInt32(clamping: segment.seriesCount) {
                    _ = known.series(of: try segment.labels(of: ordinal, &reader)) { nil }
                }
            } catch {
                segment.note(error)
            }
        }
        return Head(after: known)
    }

    // MARK: - Log

    private func replayLog(_ state: inout Store.State) throws -> (nextLog: UInt64, files: [UInt64: Int]) {
        try LogFile.removeSpares(in: logDirectory, files)
        let numbers = try files.list(logDirectory).compactMap(LogFile.number(ofName:)).sorted()
        var sizes: [UInt64: Int] = [:]
        options.replay.begin(first: numbers.first ?? 0, last: numbers.last ?? 0)
        state.headFirstLog = numbers.first ?? 0
        for number in numbers {
            options.replay.note(number)
            let path = "\(logDirectory)/\(LogFile.name(number))"
            var replay = LogReplay(number: number)
            let report = try LogFile.read(path: path, number: number, fileSystem: files) { record in
                replay.take(record, into: &state)
            }
            telemetry.damagedRecords.add(replay.orphanCount)
            sizes[number] = report.fileByteCount
            note(report, path)
        }
        return ((numbers.last ?? 0) + 1, sizes)
    }

    private func note(_ report: LogFileReport, _ path: String) {
        if report.damagedCount > 0 {
            telemetry.damagedRecords.add(report.damagedCount)
            telemetry.logger.error(
                "\(path): \(report.damagedCount) damaged stretches skipped, the records around them are kept"
            )
        }
        if report.tornByteCount > 0 || !report.hasEnd {
            telemetry.logger.notice(
                """
                \(path): no whole record behind byte \(report.byteCount): a write was under way when the \
                daemon stopped, or the end of the file is damaged
                """
            )
        }
    }
}
