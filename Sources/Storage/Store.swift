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
        /// What cannot be read: which times it touches, and the sentence for queries.
        var damages: [(range: TimeRange, text: String)] = []
        var metadata: [ByteText: MetricMetadata] = [:]
        /// Names in `metadata` that the catalog does not have in this form.
        var unsavedMetadata: Set<ByteText> = []
        var counters = Counters()
        var newSeries = NewSeriesCount()
        var retention: RetentionClasses
        var isClosed = false
        /// Where each write builds its records.
        let record = LogRecordBuilder()

        /// Puts new segments among the others.
        mutating func add(_ new: [Segment]) {
            segments.append(contentsOf: new)
            segments.sort { ($0.record.sequence, $0.record.file) < ($1.record.sequence, $1.record.file) }
        }

        /// Removes the segments in these files.
        mutating func remove(_ files: Set<String>) {
            segments.removeAll { files.contains($0.record.file) }
            for file in files { expiries[file] = nil }
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
    /// When merges are tried again after one failed.
    let compactionPause = Mutex<ContinuousClock.Instant?>(nil)
    /// Whether a round of `maintainSegments` is under way or waits for its turn.
    private let isMaintaining = Mutex(false)
    /// How fast samples come in; a reading is taken at each tick.
    let intakeRate = Mutex(RateWindow())
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

    /// Replaces the retention policy and deletes what has expired under it.
    package func setRetention(_ policy: RetentionPolicy) throws(StorageError) {
        let classes: RetentionClasses
        do throws(RegexError) {
            classes = try RetentionClasses(policy)
        } catch {
            throw .damaged(path: "retention policy", reason: "\(error)")
        }
        state.withLock { state in
            state.retention = classes
            state.expiries = [:]
            state.head.setRetention { classes.rawMillis(of: $0) }
        }
        maintenance.async {
            self.flushWhatIsDue()
            self.startMaintainingSegments()
        }
    }

    /// The folder of the segments.
    var segmentDirectory: String { "\(directory)/segments" }

    // MARK: - Private

    /// Looks after the store once a second until it is closed.
    private func scheduleTick() {
        maintenance.asyncAfter(deadline: .now() + 1) { [weak self] in
            guard let self, !state.withLock({ $0.isClosed }) else { return }
            tick()
            scheduleTick()
        }
    }

    private func tick() {
        intakeRate.withLock { $0.note(telemetry.samplesAppended.value, at: .now) }
        if options.durability == .interval { log.syncNow() }
        flushWhatIsDue()
        startMaintainingSegments()
        scrub.startIfDue { [weak self, options] in
            self?.scrubOnce(bytesPerSecond: options.scrubBytesPerSecond)
        }
    }

    /// Has expiry and merges done beside flushes, one round at a time.
    private func startMaintainingSegments() {
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

    private func registerGauges(_ registry: Registry) {
        func gauge(_ name: String, _ help: String, _ read: @escaping @Sendable (Store) -> Double) {
            registry.collect(name, help: help, kind: .gauge) { [weak self] in
                self.map { [(.empty, read($0))] } ?? []
            }
        }
        gauge("sextant_series", "Active series: written since the head before the present one began.") {
            store in
            Double(store.state.withLock { $0.head.activeSeriesCount })
        }
        gauge("sextant_head_series", "Series in heads, those on their way into segments counted.") { store in
            Double(
                store.state.withLock { $0.frozen.reduce($0.head.seriesCount) { $0 + $1.head.seriesCount } }
            )
        }
        gauge("sextant_head_samples", "Samples in heads that no flush has taken yet.") { store in
            Double(store.state.withLock { $0.headSampleCount })
        }
        gauge("sextant_head_bytes", "Memory of the heads.") { store in
            Double(store.state.withLock { $0.frozen.reduce($0.head.byteCount) { $0 + $1.head.byteCount } })
        }
        gauge("sextant_segments", "Segment files.") { store in
            Double(store.state.withLock { $0.segments.count })
        }
        gauge("sextant_segments_bytes", "Size of all segment files.") { store in
            Double(store.state.withLock { $0.segments.reduce(0) { $0 + $1.record.byteCount } })
        }
        gauge("sextant_segments_samples", "Samples in all segment files.") { store in
            Double(store.state.withLock { $0.segments.reduce(0) { $0 + $1.record.sampleCount } })
        }
        gauge("sextant_log_size_bytes", "Size of the write-ahead log's files.") { store in
            Double(store.log.diskByteCount)
        }
        registry.collect(
            "sextant_segment_bytes",
            help: "Bytes of the segment files by what they hold: the label part.",
            kind: .gauge
        ) { [weak self] in
            var bytes: [String: Int] = [:]
            for segment in self?.state.withLock({ $0.segments }) ?? [] {
                for part in segment.parts.named { bytes[part.name, default: 0] += part.byteCount }
            }
            return SegmentParts().named.map { (Labels(["part": $0.name]), Double(bytes[$0.name] ?? 0)) }
        }
        registry.collect(
            "sextant_segment_level_bytes",
            help: "Bytes of the segment files by level: 0 flushed, 1 merged by day, 2 by 8, 3 by 32 days.",
            kind: .gauge
        ) { [weak self] in
            var bytes = [0, 0, 0, 0]
            for segment in self?.state.withLock({ $0.segments }) ?? [] {
                bytes[min(max(0, segment.record.level), 3)] += segment.record.byteCount
            }
            return bytes.enumerated().map { (Labels(["level": "\($0.offset)"]), Double($0.element)) }
        }
        gauge("sextant_quarantine_files", "Damaged files in the folder quarantine.") { store in
            do throws(FileError) {
                let names = try Quarantine(of: store.directory, store.options.fileSystem).names()
                return Double(names.count)
            } catch {
                return .nan
            }
        }
        let durability = options.durability
        registry.collect(
            "sextant_durability_info",
            help: "When a write is acknowledged: the label mode.",
            kind: .gauge
        ) { [(Labels(["mode": durability.rawValue]), 1)] }
    }
}
