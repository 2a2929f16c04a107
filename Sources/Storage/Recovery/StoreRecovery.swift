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
            let (catalog, isNew) = try openCatalog()
            var state = Store.State(
                head: Head(),
                headFirstLog: 0,
                headStart: options.now(),
                retention: try RetentionClasses(options.retention)
            )
            for item in try catalog.metadata() { state.metadata[ByteText(item.name)] = item }
            let segmentFiles = SegmentFiles(
                files,
                columnByteCount: options.limits.current.columnCacheBytes
            ) { [telemetry] error in telemetry.note(error) }
            var segments = SegmentRecovery(
                directory: directory,
                files: segmentFiles,
                telemetry: telemetry,
                catalog: catalog
            )
            try segments.run()
            let isEmpty = isNew && segments.segments.isEmpty
            state.retention = try retentionAtFirst(catalog, isEmpty: isEmpty)
            state.counters = segments.counters
            state.segments = segments.segments
            state.damages = segments.damages
            try takeTombstones(catalog, &state)
            if isNew && !state.segments.isEmpty {
                telemetry.logger.warning(
                    "the catalog was made again from \(state.segments.count) segments"
                )
            }
            state.head = headAfterLastFlush(state)
            let (nextLog, logFiles) = try replayLog(catalog, &state)
            // A flush that was under way may have left segments with the number of the last write. What comes
            // from the log again must not share it: of two with one number it is open which is newer.
            state.counters.lastSequence += 1
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

    /// The policy to begin with: the one of the last run, if another one may have to wait.
    private func retentionAtFirst(_ catalog: Catalog, isEmpty: Bool) throws -> RetentionClasses {
        let known = try catalog.retention()
        if !options.keepsRetention || (known == nil && isEmpty) {
            return try RetentionClasses(options.retention)
        }
        // Data of unknown policy may have been kept for ever.
        return try RetentionClasses(known ?? .keepForever)
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

    private func openCatalog() throws -> (Catalog, isNew: Bool) {
        let found = try CatalogRecovery(directory: directory, fileSystem: files).open()
        for name in found.damagedDeletes {
            telemetry.logger.error(
                "deletes/\(name) is damaged and there was no catalog: what it deleted may be back"
            )
        }
        if found.isNew { telemetry.logger.info("no catalog in \(directory): a new one is made") }
        if let (reason, file) = found.damage {
            telemetry.damagedCatalogs.add()
            telemetry.logger.error(
                """
                the catalog was damaged and is made again from the segments; the old one is \
                quarantine/\(file): \(reason)
                """
            )
        }
        return (found.catalog, found.isNew)
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

    // MARK: - Deletes

    private func takeTombstones(_ catalog: Catalog, _ state: inout Store.State) throws {
        let records = try catalog.tombstones()
        for record in records { state.tombstones.append(try Tombstone(record)) }
        state.lastTombstone = state.tombstones.lastNumber
        // What is written from now on came after all of them, also if nothing else shows their numbers.
        let last = records.map(\.sequence).max() ?? 0
        state.counters.lastSequence = max(state.counters.lastSequence, last)
        try TombstoneFiles(of: directory, files).keepOnly(records)
    }

    // MARK: - Log

    private func replayLog(
        _ catalog: Catalog,
        _ state: inout Store.State
    ) throws -> (nextLog: UInt64, files: [UInt64: Int]) {
        try LogFile.removeSpares(in: logDirectory, files)
        let numbers = try countingLogs(state.counters.firstLog)
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
            try note(report, LogFile.name(number), catalog, &state)
        }
        return (max(numbers.last.map { $0 + 1 } ?? 1, state.counters.firstLog), sizes)
    }

    /// The numbers of the log's files; those before `first`, which a loss of power has brought back, are
    /// removed.
    private func countingLogs(_ first: UInt64) throws(FileError) -> [UInt64] {
        var numbers: [UInt64] = []
        for name in try files.list(logDirectory) {
            guard let number = LogFile.number(ofName: name) else { continue }
            if number >= first {
                numbers.append(number)
            } else {
                try files.remove("\(logDirectory)/\(name)")
            }
        }
        return numbers.sorted()
    }

    private func note(
        _ report: LogFileReport,
        _ name: String,
        _ catalog: Catalog,
        _ state: inout Store.State
    ) throws {
        let path = "\(logDirectory)/\(name)"
        if report.damagedCount > 0 {
            telemetry.damagedRecords.add(report.damagedCount)
            telemetry.logger.error(
                "\(path): \(report.damagedCount) damaged stretches skipped, the records around them are kept"
            )
            let damage = LogDamage(name: name, count: report.damagedCount)
            state.damages.append((.all, damage.text))
            try damage.keep(directory, files, catalog)
        }
        if report.isTorn {
            telemetry.tornLogs.add()
            telemetry.logger.notice(
                """
                \(path): what was written last is not whole: a write was under way when the daemon \
                stopped, or the end of the file is damaged
                """
            )
            let text = "the end of the log file \(name) is not whole: a write that was under way at the last "
            state.damages.append((.all, text + "stop is missing, or more"))
        }
    }
}
