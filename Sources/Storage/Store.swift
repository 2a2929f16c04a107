import Catalog
import Dispatch
import Logging
import Matching
import Model
import Synchronization
import Telemetry

/// The storage engine: takes batches of samples and answers selections, all under one data directory.
///
/// A write goes to the log and into the head, and is acknowledged when its log record is durable. A head is
/// frozen and flushed into immutable segments as a whole, after which its log files go; background compaction
/// merges segments into fewer and larger ones. Reads merge segments and heads by labels, in the order of
/// writing, so that of equal times the later write counts. ARCHITECTURE.md "Storage" tells how the parts fit.
///
/// One lock (`state`) guards what is in memory. File work is done outside it: the log's on the log's queue,
/// flushes on `maintenance`, expiry and merges on `compaction`.
package final class Store: Sendable {
    struct State {
        /// The head that takes writes.
        var head: Head
        /// The number of the log file that the head's first write went to, or may go to.
        var headFirstLog: UInt64
        /// When the head began, by the daemon's clock.
        var headStart: Timestamp
        /// Heads on their way into segments, oldest first.
        var frozen: [FrozenHead] = []
        /// The segments in the order of their sequence.
        var segments: [Segment] = []
        /// When something of a segment expires next, as far as that was found out under this retention.
        var expiries: [String: Timestamp] = [:]
        /// The deletes in force.
        var tombstones = Tombstones()
        /// The number of the newest delete, in force or not any more.
        var lastTombstone: UInt64 = 0
        /// By segment the newest delete of which nothing is left in it.
        var examined: [String: UInt64] = [:]
        /// What cannot be read: which times it touches, and the sentence for queries.
        var damages: [(range: TimeRange, text: String)] = []
        var metadata: [ByteText: MetricMetadata] = [:]
        /// Names in `metadata` that the catalog does not have in this form.
        var unsavedMetadata: Set<ByteText> = []
        var counters = Counters()
        var newSeries = NewSeriesCount()
        var retention: RetentionClasses
        /// The policy that waits until it may delete what the one in force keeps.
        var pendingRetention: PendingRetention?
        /// Since when samples are others than before.
        var changes = ChangeHistory()
        var isClosed = false
        /// Where each write builds its records.
        let record = LogRecordBuilder()

        /// Puts new segments among the others.
        mutating func add(_ new: [Segment]) {
            segments.append(contentsOf: new)
            segments.sort { $0.isRead(before: $1) }
        }

        /// Removes the segments in these files.
        mutating func remove(_ files: Set<String>) {
            segments.removeAll { files.contains($0.record.file) }
            for file in files {
                expiries[file] = nil
                examined[file] = nil
            }
        }

        /// The deletes that may concern something in a segment.
        func tombstones(concerning segment: Segment) -> Tombstones {
            let known = examined[segment.record.file] ?? 0
            return tombstones.concerning(segment.record.sequence, segment.record.range, after: known)
        }

        /// The number of samples in heads.
        var headSampleCount: Int { frozen.reduce(head.sampleCount) { $0 + $1.head.sampleCount } }
    }

    let directory: String
    let options: StoreOptions
    let telemetry: StorageTelemetry
    let catalog: Catalog
    let log: Log
    /// What segments share when they are read.
    let segmentFiles: SegmentFiles
    let state: Mutex<State>
    let maintenance = DispatchQueue(label: "sextant.maintenance")
    let compaction = DispatchQueue(label: "sextant.compaction", qos: .utility)
    let scrub: Scrub
    /// How many deletes wait for their turn on `compaction`.
    let waitingDeletes = Atomic(0)
    /// When merges are tried again after one failed.
    let compactionPause = Mutex<ContinuousClock.Instant?>(nil)
    /// Whether a round of `maintainSegments` is under way or waits for its turn.
    private let isMaintaining = Mutex(false)
    /// How fast samples come in; a reading is taken at each tick.
    let intakeRate = Mutex(RateWindow())
    /// When the decoded columns that nobody wanted lately go.
    private let columnAge = Mutex(Rounds(every: .seconds(60)))
    /// The lock on the data directory; given back when the store is closed.
    private let lock: Mutex<(any File)?>

    /// Opens the store in `directory`, or makes an empty one there.
    ///
    /// - Parameters:
    ///   - directory: The data directory; nobody else may use it while the store is open.
    ///   - options: How the store works.
    ///   - registry: Where its telemetry goes.
    ///   - logger: Where it tells what happens.
    /// - Throws: `StorageError` if the directory is in use, is of a newer format, or cannot be
    ///   read or written.
    package init(
        directory: String,
        options: StoreOptions,
        registry: Registry,
        logger: Logger
    ) throws(StorageError) {
        self.directory = directory
        self.options = options
        scrub = Scrub(options)
        telemetry = StorageTelemetry(registry, logger: logger)
        let recovery = StoreRecovery(directory: directory, options: options, telemetry: telemetry)
        let recovered = try recovery.run()
        lock = Mutex(recovered.lock)
        catalog = recovered.catalog
        segmentFiles = recovered.segmentFiles
        state = Mutex(recovered.state)
        log = Log(
            directory: recovery.logDirectory,
            firstNumber: recovered.nextLog,
            existing: recovered.logFiles,
            options: options,
            telemetry: telemetry
        )
        registerGauges(registry)
        removeUnfinishedSnapshots()
        noteRetention(retentionPolicy)
        maintenance.sync {
            flushWhatIsDue()
            compaction.sync { expire() }
            do throws(StorageError) {
                try saveMetadata()
                try removeOldLogFiles(keepSpare: true)
            } catch {
                logger.error("\(error)")
            }
        }
        scheduleTick()
        readAhead()
    }

    /// Makes everything durable and closes all files.
    ///
    /// Later writes are refused.
    package func close() {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        maintenance.sync {}
        compaction.sync {}
        scrub.queue.sync {}
        log.close()
        do throws(CatalogError) { try catalog.close() } catch { telemetry.logger.error("\(error)") }
        lock.withLock { $0 = nil }
    }

    /// The folder of the segments.
    var segmentDirectory: String { "\(directory)/segments" }

    // MARK: - Private

    /// How many bytes of segments are read into the system's memory at the start.
    private static let readAheadByteCount = 16 << 20

    /// Has the system read the newest segments while nobody asks for anything yet: the first queries after a
    /// start are mostly about them.
    private func readAhead() {
        maintenance.async { [self] in
            var left = Store.readAheadByteCount
            let segments = state.withLock { $0.segments }.sorted { $0.record.range.end > $1.record.range.end }
            for segment in segments where left > 0 { left -= segment.readAhead(left) }
        }
    }

    /// Looks after the store once a second until it is closed.
    private func scheduleTick() {
        maintenance.asyncAfter(deadline: .now() + 1) { [weak self] in
            guard let self, !state.withLock({ $0.isClosed }) else { return }
            tick()
            scheduleTick()
        }
    }

    private func tick() {
        if columnAge.withLock({ $0.isDue(at: .now) }) {
            segmentFiles.ageColumns()
        }
        intakeRate.withLock { $0.note(telemetry.samplesAppended.value, at: .now) }
        if options.durability == .interval { log.syncNow() }
        applyPendingRetention()
        flushWhatIsDue(freesLog: true)
        removeLogOfDeletes()
        startMaintainingSegments()
        scrub.startIfDue { [weak self, options] in
            self?.scrubOnce(bytesPerSecond: options.scrubBytesPerSecond)
        }
    }

    /// Has expiry and merges done beside flushes, one round at a time.
    func startMaintainingSegments() {
        let isFree = isMaintaining.withLock { isBusy in
            defer { isBusy = true }
            return !isBusy
        }
        guard isFree else { return }
        compaction.async { [self] in
            maintainSegments()
            isMaintaining.withLock { $0 = false }
        }
    }
}

/// Something to be done from time to time.
private struct Rounds {
    private let period: Duration
    private var next: ContinuousClock.Instant

    /// Rounds of this length, the first from now.
    init(every period: Duration) {
        self.period = period
        next = .now + period
    }

    /// Whether a round is over; if so, the next begins.
    mutating func isDue(at now: ContinuousClock.Instant) -> Bool {
        guard now >= next else { return false }
        next = now + period
        return true
    }
}
