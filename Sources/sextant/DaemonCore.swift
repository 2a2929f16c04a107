import APIServer
import KPI
import Logging
import Model
import Outbound
import Push
import Rules
import ServiceLifecycle
import Storage
import StrictYAML
import Synchronization
import Telemetry

/// The store and the rules over it, from the opening to the closing.
final class DaemonCore: Service {
    /// What there is between the two.
    private struct Running: Sendable {
        var store: Store
        var scheduler: RuleScheduler
        var notifier: AlertNotifier
        var kpis: KPIService
        var archive: KPIArchive
    }

    /// How long a stop waits for alerts to be sent, in milliseconds.
    private static let lastAlertsMillis: Int64 = 5000

    private let options: DaemonOptions
    private let board: SettingsBoard
    private let server: APIServer
    private let threads: WorkerThreads
    private let replay: ReplayProgress
    private let registry: Registry
    private let logger: Logger
    private let now: @Sendable () -> Timestamp

    private let running = Mutex<Running?>(nil)
    private let lastReload = Mutex<Task<Void, any Error>?>(nil)

    init(
        options: DaemonOptions,
        board: SettingsBoard,
        server: APIServer,
        threads: WorkerThreads,
        replay: ReplayProgress,
        registry: Registry,
        logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.options = options
        self.board = board
        self.server = server
        self.threads = threads
        self.replay = replay
        self.registry = registry
        self.logger = logger
        self.now = now
    }

    /// Opens the store, evaluates rules until a graceful shutdown, and closes the store.
    func run() async throws {
        defer { threads.stop() }
        let store = try await openStore()
        let notifier = AlertNotifier(
            registry: registry,
            logger: logger,
            externalURL: options.externalURL,
            archive: store,
            now: now
        )
        let archive = try KPIArchive(dataDirectory: options.dataDirectory, logger: logger)
        let kept = keptBuckets(in: store)
        try await threads.run { Result { () throws(SourceError) in try kept.load() } }.get()
        let kpis = kpiService(over: store, kept, archive)
        let source = KPISource(
            VisibleSource(store, showsNamed: true, mayHaveKept: { kept.mayHaveKept }),
            kpis
        )
        let sink = KPISink(store, kpis, registry: registry)
        let ruleSink = RuleSink(sink, registry: registry)
        let memory = RuleMemory(archive: store, registry: registry, logger: logger)
        try await memory.load()
        let watch = LateWatch(sink, registry: registry)
        let historyThreads = try WorkerThreads(count: 1)
        defer { historyThreads.stop() }
        let history = RuleHistory(
            query: PastQuery(source: source, engine: { [board] in board.current.engine }),
            watch: watch,
            sink: ruleSink,
            blocking: RuleThreads(threads: historyThreads),
            limits: board.limits,
            settings: { [board] in board.current.configuration.history },
            archive: store,
            registry: registry,
            logger: logger
        )
        try await history.load()
        let scheduler = RuleScheduler(
            query: { [board] expr, time, budget in
                try board.current.engine.ruleQuery(over: source)(expr, time, budget)
            },
            sink: ruleSink,
            blocking: RuleThreads(threads: threads),
            limits: board.limits,
            alerts: AlertOutlet(
                sink: notifier,
                settings: { [board, options] in
                    AlertSettings(
                        externalLabels: board.current.configuration.externalLabels,
                        externalURL: options.externalURL
                    )
                }
            ),
            memory: memory,
            history: history,
            registry: registry,
            logger: logger
        )
        let parts = Running(
            store: store,
            scheduler: scheduler,
            notifier: notifier,
            kpis: kpis,
            archive: archive
        )
        running.withLock { $0 = parts }
        let settings = board.current
        startRetention(of: store, settings)
        await notifier.replace(
            by: settings.configuration.alerting,
            externalLabels: settings.configuration.externalLabels
        )
        await scheduler.reload(settings.groups, defaults: settings.configuration.ruleDefaults)
        ruleSink.remember(await memory.recordedSeries)
        await history.start()
        let push = PushGroups(
            sink: watch,
            archive: store,
            registry: registry,
            logger: logger,
            limits: board.limits,
            now: now
        )
        try await push.load()
        let repetition = Task { [board] in
            await push.run { board.current.configuration.pushIntervalMillis }
        }
        let lateData = LateDataKeeper(kpis: kpis, archive: archive, threads: threads)
        let settling = Task { await lateData.run() }
        let backfills = Backfills(kpis, known: archive.backfills()) { archive.keep($0) }
        let work = try KPIWork(kpis, backfills, limits: board.limits, logger: logger)
        let working = Task { await work.run() }
        var backend = backend(store, watch, scheduler, notifier, ruleSink, push, history)
        backend.source = source
        backend.kpis = kpis
        backend.kpiBackfills = backfills
        backend.annotations = archive.annotations()
        backend.delete = { [logger] delete in
            let request = DeleteRequest(selections: delete.selections, range: delete.range)
            try await kpis.deleting(in: delete.range) { try await store.delete(request) }
            logger.notice("samples deleted", metadata: ["request": "\(request)"])
        }
        // Before the server warms up: what is given back now would have to be taken again by the first query.
        MemoryRelease.releaseNow()
        await server.open(backend)
        logger.info(
            "ready",
            metadata: [
                "rule_groups": "\(settings.groups.count)", "kpis": "\(settings.definitions.kpis.count)",
            ]
        )

        // Cancelled instead, the way out is the same.
        try? await gracefulShutdown()
        running.withLock { $0 = nil }
        repetition.cancel()
        await repetition.value
        settling.cancel()
        await settling.value
        working.cancel()
        work.stop()
        await working.value
        await history.stop()
        await scheduler.stop()
        await notifier.stop(withinMillis: DaemonCore.lastAlertsMillis)
        await lateData.settle(isLast: true)
        try await threads.run { store.close() }
    }

    /// Reads rules, retention and configuration anew.
    ///
    /// If anything is wrong with them the old ones stay.
    func reload() async throws {
        let reload = lastReload.withLock { last in
            let previous = last
            let next = Task {
                _ = await previous?.result
                try await self.replaceSettings()
            }
            last = next
            return next
        }
        try await reload.value
    }

    /// Reads them anew if the files look other than when they were read last, and have done so for a while:
    /// `earlier` is what the last call answered.
    ///
    /// What is wrong with them has been logged then.
    func reloadIfChanged(since earlier: FileStamps?) async -> FileStamps? {
        guard running.withLock({ $0 }) != nil else { return nil }
        let known = board.stamps
        guard let current = try? await threads.run({ known.taken() }), current != known else { return nil }
        guard current == earlier else { return current }
        logger.info("rules, retention or configuration have changed")
        try? await reload()
        return nil
    }

    private func openStore() async throws -> Store {
        var storeOptions = StoreOptions(now: now)
        storeOptions.durability = options.durability
        storeOptions.limits = board.limits
        storeOptions.retention = board.current.retention
        storeOptions.keepsRetention = true
        storeOptions.replay = replay
        let (options, registry, logger) = (storeOptions, registry, logger)
        let directory = self.options.dataDirectory
        let opening = try await threads.run {
            Result { () throws(StorageError) in
                try Store(directory: directory, options: options, registry: registry, logger: logger)
            }
        }
        return try opening.get()
    }

    /// Has the store take the retention of the first settings, before any of a reload.
    ///
    /// What it would delete is found out by reading what is known of all series: the start does not wait for
    /// that.
    private func startRetention(of store: Store, _ settings: DaemonSettings) {
        guard store.retentionPolicy != settings.retention else { return }
        lastReload.withLock { last in
            last = Task {
                do {
                    try await self.setRetention(of: store, to: settings)
                } catch {
                    logger.error("the retention of the last run stays until a reload: \(error)")
                }
            }
        }
    }

    /// Puts the retention of `settings` in force, after a while if it would delete data.
    private func setRetention(of store: Store, to settings: DaemonSettings) async throws {
        let graceMillis = settings.configuration.retentionConfirmMillis
        let change = try await threads.run {
            Result { () throws(StorageError) in
                try store.setRetention(settings.retention, graceMillis: graceMillis)
            }
        }.get()
        guard case .waits(let due, let samples, let series) = change else { return }
        logger.warning(
            "the changed retention would delete data; put the old file back to keep it",
            metadata: [
                "samples": "\(samples)", "series": "\(series)", "waits_until": "\(TimeText.format(due))",
            ]
        )
    }

    /// The KPIs that the settings define, over `store`, with the versions that earlier runs knew.
    private func kpiService(over store: Store, _ kept: KeptBuckets, _ archive: KPIArchive) -> KPIService {
        let aggregates = RawAggregates(
            source: VisibleSource(store, showsNamed: false, mayHaveKept: { kept.mayHaveKept }),
            engine: { [board] in board.current.engine },
            kept: kept,
            horizon: { store.earliestKeptMillis(of: $0) }
        )
        let service = KPIService(
            definitions: board.current.definitions,
            past: archive.versions(),
            revisions: archive.revisions(),
            source: CachedAggregates(aggregates, now: now),
            kept: kept,
            now: now
        )
        archive.keep(service.versions.all)
        return service
    }

    /// The values of metrics that are kept in `store`.
    private func keptBuckets(in store: Store) -> KeptBuckets {
        KeptBuckets(
            store: store,
            sink: store,
            engine: { [board] in board.current.engine },
            horizon: { store.earliestKeptSampleMillis(of: $0) },
            mayExpire: { store.mayExpire },
            registry: registry,
            now: now
        )
    }

    private func backend(
        _ store: Store,
        _ watch: LateWatch,
        _ scheduler: RuleScheduler,
        _ notifier: AlertNotifier,
        _ ruleSink: RuleSink,
        _ push: PushGroups,
        _ history: RuleHistory
    ) -> APIBackend {
        var backend = APIBackend(
            source: store,
            sink: watch,
            push: push,
            engine: { [board] in board.current.engine },
            ruleGroups: { scheduler.statuses() },
            isRecorded: { ruleSink.isRecorded($0) },
            flush: { try await store.flush() },
            status: { [board] in board.status },
            reload: { try await self.reload() }
        )
        backend.alertmanagers = {
            let urls = await notifier.urls
            return AlertmanagerAddresses(active: urls.active, dropped: urls.dropped)
        }
        backend.figures = { store.figures }
        backend.compact = { try await store.compact() }
        backend.retention = { [threads, board] asked in
            let policy = try asked.map { asked throws(YAMLFileError) in
                try RetentionFile.parse(asked.text, file: asked.file)
            }
            return try await threads.run {
                Result { () throws(SourceError) in
                    try RetentionText.report(
                        policy ?? store.retentionPolicy,
                        over: store,
                        budget: QueryBudget(limits: board.limits.current)
                    )
                }
            }.get()
        }
        backend.cleanTombstones = { try await store.cleanTombstones() }
        backend.countDeletion = { delete, budget throws(SourceError) in
            let request = DeleteRequest(selections: delete.selections, range: delete.range)
            let count = try store.count(request, budget: budget).count
            return DeleteCount(series: count.seriesCount, samples: count.sampleCount)
        }
        backend.snapshot = { [logger] skipsHead in
            let snapshot = try await store.snapshot(
                SnapshotName.make(),
                skipsHead: skipsHead,
                copying: [KPIArchive.folderName]
            )
            logger.info("snapshot made", metadata: ["name": "\(snapshot.name)"])
            return SnapshotPlace(name: snapshot.name, path: snapshot.path, sequence: snapshot.sequence)
        }
        backend.backfills = { await history.backfills }
        backend.backfill = { [board] request in
            try await history.request(
                request.text,
                file: request.file,
                names: request.names,
                from: request.from,
                through: request.through,
                defaultIntervalMillis: board.current.configuration.ruleDefaults.evaluationIntervalMillis
            )
        }
        backend.cardinality = { try store.cardinality(limit: $0) }
        return backend
    }

    private func replaceSettings() async throws {
        guard let running = running.withLock({ $0 }) else { throw WorkerThreads.Failure.stopped }
        var stamps = board.stamps
        do {
            let options = options
            let reading = try await threads.run { SettingsReading(options) }
            stamps = reading.stamps
            let settings = try reading.result.get()
            try await setRetention(of: running.store, to: settings)
            board.replace(by: settings, stamps, at: now())
            for warning in settings.warnings { logger.warning("\(warning)") }
            await running.notifier.replace(
                by: settings.configuration.alerting,
                externalLabels: settings.configuration.externalLabels
            )
            running.kpis.replace(by: settings.definitions)
            running.archive.keep(running.kpis.versions.all)
            await running.scheduler.reload(settings.groups, defaults: settings.configuration.ruleDefaults)
            logger.info(
                "reloaded",
                metadata: [
                    "rule_groups": "\(settings.groups.count)",
                    "kpis": "\(settings.definitions.kpis.count)",
                    "retention": "\(settings.retentionText)",
                ]
            )
        } catch {
            board.noteFailure("\(error)", stamps)
            logger.error(
                "reload failed, the old rules, retention and configuration stay",
                metadata: ["error": "\(error)"]
            )
            throw error
        }
    }
}
