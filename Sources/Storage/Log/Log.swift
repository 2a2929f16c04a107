import Dispatch
import Model
import Synchronization
import Telemetry

/// The write-ahead log: takes the bytes of writes in their order and tells when they are durable.
///
/// Writes that come while a sync is under way share the next one (group commit). One queue does all file
/// work. A file is followed by a new one when it has its size; each file explains the series it mentions by
/// itself, so an old one can go whatever stood in it. The file's number is called the log's epoch.
final class Log: Sendable {
    private struct Entry {
        var epoch: UInt64
        var content: [UInt8]
        var commit: LogCommit
    }

    private struct State {
        /// The number of the file that entries made now belong to.
        var epoch: UInt64
        /// How much was put into the file of this epoch, before compression.
        var epochByteCount = 0
        var pending: [Entry] = []
        var isCommitting = false
        var isClosed = false
        /// Entries refused since, because a file could not be written; tried again after a moment.
        var failure: (error: SinkError, until: ContinuousClock.Instant?)?
        /// The sizes of the files there are, by number.
        var fileByteCounts: [UInt64: Int] = [:]
    }

    /// The file being written, touched on `queue` only.
    private struct Current {
        var file: any File
        var number: UInt64
        var byteCount: Int
        var isDirty = false
    }

    private let directory: String
    private let options: StoreOptions
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "sextant.log")
    private let current = Mutex<Current?>(nil)
    private let telemetry: StorageTelemetry

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
        var state = State(epoch: firstNumber)
        state.fileByteCounts = existing
        self.state = Mutex(state)
    }

    /// The epoch that a write made now belongs to; starts a new one if the file is full.
    ///
    /// - Throws: `SinkError.unavailable` while the log cannot be written.
    func beginWrite() throws(SinkError) -> UInt64 {
        let result: Result<UInt64, SinkError> = state.withLock { state in
            if state.isClosed { return .failure(.unavailable("the store is closed")) }
            if let failure = state.failure {
                guard let until = failure.until, ContinuousClock.now >= until else {
                    return .failure(failure.error)
                }
                state.failure = nil
            }
            if state.epochByteCount >= options.logFileBytes {
                state.epoch += 1
                state.epochByteCount = 0
            }
            return .success(state.epoch)
        }
        return try result.get()
    }

    /// Puts the content of a record made in `epoch` into the log; nil if that epoch is over because writing
    /// failed.
    func append(_ content: [UInt8], epoch: UInt64) -> LogCommit? {
        state.withLock { state in
            guard state.epoch == epoch, !state.isClosed else { return nil }
            let commit = LogCommit()
            state.pending.append(Entry(epoch: epoch, content: content, commit: commit))
            state.epochByteCount += content.count
            if !state.isCommitting {
                state.isCommitting = true
                queue.async { self.commit() }
            }
            return commit
        }
    }

    /// The size of all files in bytes.
    var byteCount: Int { state.withLock { $0.fileByteCounts.values.reduce(0, +) } }

    /// Begins a new file with the next write, if this one has any; gives the number of the file that takes
    /// it.
    func beginFile() -> UInt64 {
        state.withLock { state in
            if state.epochByteCount > 0 {
                state.epoch += 1
                state.epochByteCount = 0
            }
            return state.epoch
        }
    }

    /// Deletes the files with numbers below `number`, but for the one that takes the next write.
    func removeFiles(below number: UInt64) {
        queue.async { [self] in
            let (limit, old) = state.withLock { state in
                let limit = min(number, state.epoch)
                return (limit, state.fileByteCounts.keys.filter { $0 < limit }.sorted())
            }
            current.withLock { current in
                if let open = current, open.number < limit { current = nil }
            }
            for number in old {
                do throws(FileError) {
                    try options.fileSystem.remove("\(directory)/\(LogFile.name(number))")
                    state.withLock { _ = $0.fileByteCounts.removeValue(forKey: number) }
                } catch {
                    telemetry.note(error)
                    return
                }
            }
        }
    }

    /// Makes what was written durable, for the durability `interval`.
    func syncNow() {
        queue.async { [self] in
            do throws(FileError) {
                try current.withLock { current throws(FileError) in
                    guard current?.isDirty == true else { return }
                    try current?.file.sync()
                    current?.isDirty = false
                }
            } catch {
                fail(error)
            }
        }
    }

    /// Writes and syncs what is pending and ends the log; later writes are refused.
    func close() {
        state.withLock { $0.isClosed = true }
        queue.sync { [self] in
            commit()
            do throws(FileError) {
                try current.withLock { current throws(FileError) in
                    try current?.file.sync()
                    current = nil
                }
            } catch {
                telemetry.note(error)
            }
        }
    }

    // MARK: - On the queue

    private func commit() {
        while true {
            let entries = state.withLock { state -> [Entry] in
                defer { state.pending = [] }
                if state.pending.isEmpty { state.isCommitting = false }
                return state.pending
            }
            if entries.isEmpty { return }
            do throws(FileError) {
                try write(entries)
                if options.durability == .fsync { try sync() }
                for entry in entries { entry.commit.finish(nil) }
            } catch {
                fail(error, entries)
            }
        }
    }

    private func write(_ entries: [Entry]) throws(FileError) {
        var index = 0
        while index < entries.count {
            let epoch = entries[index].epoch
            var bytes: [UInt8] = []
            while index < entries.count, entries[index].epoch == epoch {
                LogFile.append(entries[index].content, number: epoch, to: &bytes)
                index += 1
            }
            try current.withLock { current throws(FileError) in
                if current?.number != epoch {
                    // What stands in the old file must be durable before anything in the new one is
                    // acknowledged.
                    if options.durability != .os, current?.isDirty == true { try current?.file.sync() }
                    current = nil
                    current = try createFile(epoch)
                }
                guard var open = current else { return }
                do throws(FileError) {
                    try open.file.write(bytes)
                } catch {
                    // The torn record must not stand in the way of later ones.
                    do throws(FileError) { try open.file.truncate(to: open.byteCount) } catch {
                        telemetry.note(error)
                    }
                    current = nil
                    throw error
                }
                open.byteCount += bytes.count
                open.isDirty = true
                current = open
                state.withLock { $0.fileByteCounts[epoch] = open.byteCount }
            }
            telemetry.logBytes.add(bytes.count)
        }
    }

    private func createFile(_ number: UInt64) throws(FileError) -> Current {
        let path = "\(directory)/\(LogFile.name(number))"
        let file = try options.fileSystem.create(path)
        let header = LogFile.header(number)
        try file.write(header)
        if options.durability != .os {
            try file.sync()
            try options.fileSystem.syncDirectory(directory)
        }
        state.withLock { $0.fileByteCounts[number] = header.count }
        return Current(file: file, number: number, byteCount: header.count)
    }

    private func sync() throws(FileError) {
        let start = ContinuousClock.now
        try current.withLock { current throws(FileError) in
            try current?.file.sync()
            current?.isDirty = false
        }
        telemetry.logSyncSeconds.observe((ContinuousClock.now - start) / .seconds(1))
    }

    /// Refuses everything that is not durable.
    ///
    /// A failed sync is never tried again: the kernel may have dropped the pages. After a failed write a new
    /// file is begun once there may be room again.
    private func fail(_ error: FileError, _ entries: [Entry] = []) {
        telemetry.note(error)
        let isPermanent = error.operation == "sync"
        // The file is left as it is; with it goes what would ask for another sync.
        if isPermanent { current.withLock { $0 = nil } }
        let sinkError = SinkError.unavailable(
            isPermanent ? "\(error); writes are refused until the daemon is restarted" : error.description
        )
        let pending = state.withLock { state in
            let until =
                isPermanent ? nil : ContinuousClock.now.advanced(by: .milliseconds(options.retryMillis))
            // A failed sync stays in force, whatever fails after it.
            if state.failure == nil || state.failure?.until != nil { state.failure = (sinkError, until) }
            state.epoch += 1
            state.epochByteCount = 0
            defer { state.pending = [] }
            return state.pending
        }
        for entry in entries + pending { entry.commit.finish(sinkError) }
    }
}
