import Dispatch
import Model
import Synchronization
import Telemetry

/// The write-ahead log: takes the records of writes in their order and tells when they are durable.
///
/// Writes that come while a sync is under way share the next one (group commit). One queue compresses the
/// records and does all file work. A file is followed by a new one when it has its size, and when the store
/// asks for it; each file explains the series it mentions by itself, so an old one can go whatever stood in
/// it. The file's number is called the log's epoch.
///
/// After a failed write a new file is begun; after a failed sync no write is taken any more until the store
/// is opened again, for nobody knows what the kernel has kept.
final class Log: Sendable {
    private struct Entry {
        var epoch: UInt64
        var content: LogContent
        var commit: LogCommit
    }

    /// Why writes are refused.
    private struct Failure {
        var error: SinkError
        /// When the next try may be made; nil for never.
        var until: ContinuousClock.Instant?
    }

    private struct State {
        /// The number of the file that entries made now belong to.
        var epoch: UInt64
        /// Whether an entry of this epoch was made.
        var isEpochUsed = false
        /// The content of entries of this epoch that were not written yet, in bytes.
        var waitingByteCount = 0
        var pending: [Entry] = []
        var isCommitting = false
        var isClosed = false
        var failure: Failure?
        var reserve: DiskReserve
        /// What there is, as the queue saw it last.
        var sizes: [UInt64: LogFiles.Size]
        var spareByteCount = 0

        /// Goes on with the next file.
        mutating func beginEpoch() {
            epoch += 1
            isEpochUsed = false
            waitingByteCount = 0
        }
    }

    private let directory: String
    private let options: StoreOptions
    private let telemetry: StorageTelemetry
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "sextant.log")
    /// Used on `queue` only.
    private let files: Mutex<LogFiles>

    /// A log that writes files from number `firstNumber` on; `existing` are the sizes of files that are
    /// there.
    init(
        directory: String,
        firstNumber: UInt64,
        existing: [UInt64: Int],
        options: StoreOptions,
        telemetry: StorageTelemetry
    ) {
        self.directory = directory
        self.options = options
        self.telemetry = telemetry
        let sizes = existing.mapValues { LogFiles.Size(written: $0, onDisk: $0) }
        let reserve = DiskReserve(
            byteCount: options.diskReserveBytes,
            directory: directory,
            fileSystem: options.fileSystem
        )
        state = Mutex(State(epoch: firstNumber, reserve: reserve, sizes: sizes))
        files = Mutex(
            LogFiles(
                directory: directory,
                sizes: sizes,
                fileSystem: options.fileSystem,
                syncs: options.durability != .os
            )
        )
    }

    /// The epoch that a write made now belongs to; starts a new one if the file is full.
    ///
    /// - Throws: `SinkError.unavailable` while the log cannot be written or the disk has no room.
    func beginWrite() throws(SinkError) -> UInt64 {
        let now = ContinuousClock.now
        return try state.withLock { state throws(SinkError) in
            if state.isClosed { throw .unavailable("the store is closed") }
            if let failure = state.failure {
                guard let until = failure.until, now >= until else { throw failure.error }
                state.failure = nil
            }
            var refusal: SinkError?
            do throws(FileError) {
                refusal = try state.reserve.refusal(at: now)
            } catch {
                telemetry.note(error)
            }
            if let refusal {
                telemetry.logReserveRefusals.add()
                throw refusal
            }
            let written = state.sizes[state.epoch]?.written ?? 0
            if written + state.waitingByteCount >= options.logFileBytes { state.beginEpoch() }
            return state.epoch
        }
    }

    /// Puts the content of a record made in `epoch` into the log; nil if that epoch is over because writing
    /// failed.
    func append(_ content: LogContent, epoch: UInt64) -> LogCommit? {
        state.withLock { state in
            guard state.epoch == epoch, !state.isClosed else { return nil }
            let commit = LogCommit()
            state.pending.append(Entry(epoch: epoch, content: content, commit: commit))
            state.isEpochUsed = true
            state.waitingByteCount += content.byteCount
            if !state.isCommitting {
                state.isCommitting = true
                queue.async { self.commit() }
            }
            return commit
        }
    }

    /// How much is in the log, in bytes.
    var byteCount: Int { state.withLock { $0.sizes.values.reduce(0) { $0 + $1.written } } }

    /// The size of all its files in bytes, with the spare and with room that waits to be overwritten.
    var diskByteCount: Int {
        state.withLock { state in state.sizes.values.reduce(state.spareByteCount) { $0 + $1.onDisk } }
    }

    /// Whether there are files with numbers below `number`.
    func hasFiles(below number: UInt64) -> Bool {
        state.withLock { $0.sizes.keys.contains { $0 < number } }
    }

    /// Begins a new file with the next write, if this one has any; gives the number of the file that takes
    /// it.
    func beginFile() -> UInt64 {
        state.withLock { state in
            if state.isEpochUsed { state.beginEpoch() }
            return state.epoch
        }
    }

    /// Deletes the files with numbers below `number`, but for the one that takes the next write.
    ///
    /// With `keepSpare` one large file may stay as a spare for the next file to overwrite, which is cheaper
    /// than growing a new one; without, the spare goes too.
    func removeFiles(below number: UInt64, keepSpare: Bool = true) {
        queue.async { [self] in
            let limit = state.withLock { min(number, $0.epoch) }
            let spareByteCount = keepSpare ? options.logFileBytes / 2 : nil
            do throws(FileError) {
                try withFiles { files throws(FileError) in
                    try files.remove(below: limit, spareByteCount: spareByteCount)
                }
            } catch {
                telemetry.note(error)
            }
        }
    }

    /// Makes what was written durable, for the durability `interval`.
    func syncNow() {
        queue.async { [self] in
            do throws(FileError) { try sync() } catch { fail(error) }
        }
    }

    /// Makes the removal of files durable.
    ///
    /// - Throws: What the system says; as a failed sync of the log's folder may be about the file that is
    ///   written, nothing more is written then.
    func syncFolder() throws(FileError) {
        let result = queue.sync { [self] in
            Result { () throws(FileError) in
                do throws(FileError) { try options.fileSystem.syncDirectory(directory) } catch {
                    fail(error)
                    throw error
                }
            }
        }
        try result.get()
    }

    /// Returns when everything that was asked for before is done, and every record that was handed over
    /// before is durable or refused.
    func settle() {
        queue.sync { _ = commitPending() }
    }

    /// Writes and syncs what is pending and ends the log; later writes are refused.
    func close() {
        state.withLock { $0.isClosed = true }
        queue.sync { [self] in
            while commitPending() {}
            // After a failed sync the file is left as it is.
            do throws(FileError) {
                try withFiles { files throws(FileError) in
                    if options.durability == .os { try files.sync() }
                    try files.end()
                }
            } catch {
                telemetry.note(error)
            }
        }
    }

    // MARK: - On the queue

    /// Goes on until nothing is pending; what else waits for the queue comes in between.
    private func commit() {
        if commitPending() { queue.async { self.commit() } }
    }

    /// Writes and syncs what is pending now; false if nothing is.
    private func commitPending() -> Bool {
        let entries = state.withLock { state -> [Entry] in
            defer { state.pending = [] }
            if state.pending.isEmpty { state.isCommitting = false }
            return state.pending
        }
        if entries.isEmpty { return false }
        do throws(FileError) {
            try write(entries)
            if options.durability == .fsync { try sync() }
            for entry in entries { entry.commit.finish(nil) }
            files.withLock { $0.noteAcknowledged() }
        } catch {
            fail(error, entries)
        }
        return true
    }

    private func write(_ entries: [Entry]) throws(FileError) {
        var rest = entries[...]
        while let epoch = rest.first?.epoch {
            let group = rest.prefix { $0.epoch == epoch }
            rest = rest.dropFirst(group.count)
            let byteCount = try withFiles { files throws(FileError) in
                try files.write(group.map(\.content), number: epoch)
            }
            let contentByteCount = group.reduce(0) { $0 + $1.content.byteCount }
            state.withLock { state in
                if state.epoch == epoch { state.waitingByteCount -= contentByteCount }
                state.reserve.note(writtenByteCount: byteCount)
            }
            telemetry.logBytes.add(byteCount)
            telemetry.logRecords.add(group.count)
        }
    }

    private func sync() throws(FileError) {
        let start = ContinuousClock.now
        let isDone = try withFiles { files throws(FileError) in try files.sync() }
        if isDone { telemetry.logSyncSeconds.observe((ContinuousClock.now - start).seconds) }
    }

    /// Works on the files and notes what is there after.
    private func withFiles<Result>(
        _ body: (inout LogFiles) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        try files.withLock { files throws(FileError) in
            let recycled = files.recycledCount
            defer {
                telemetry.logFilesRecycled.add(files.recycledCount - recycled)
                state.withLock { state in
                    state.sizes = files.sizes
                    state.spareByteCount = files.spare?.byteCount ?? 0
                }
            }
            return try body(&files)
        }
    }

    /// Refuses everything that is not durable.
    ///
    /// A failed sync is never tried again: the kernel may have dropped the pages. After a failed write a new
    /// file is begun once there may be room again.
    private func fail(_ error: FileError, _ entries: [Entry] = []) {
        telemetry.note(error)
        let isPermanent = error.isFailedSync
        // The file is left as it is; with it goes what would ask for another sync.
        files.withLock { $0.leave() }
        let sinkError = SinkError.unavailable(
            isPermanent ? "\(error); writes are refused until the daemon is restarted" : error.description
        )
        let pending = state.withLock { state in
            let until =
                isPermanent ? nil : ContinuousClock.now.advanced(by: .milliseconds(options.retryMillis))
            // A failed sync stays in force, whatever fails after it.
            if state.failure == nil || state.failure?.until != nil {
                state.failure = Failure(error: sinkError, until: until)
            }
            state.beginEpoch()
            defer { state.pending = [] }
            return state.pending
        }
        for entry in entries + pending { entry.commit.finish(sinkError) }
    }
}
