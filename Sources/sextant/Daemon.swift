import APIServer
import CSextant
import Logging
import Model
import Rules
import ServiceLifecycle
import Storage
import Telemetry
import UnixSignals

/// The daemon: wires the store, the rules and the HTTP server together and runs them until it is told to
/// stop.
struct Daemon {
    /// How long a stop may take before what still runs is cancelled, in seconds.
    private static let stopSeconds: Int64 = 15
    /// How long a thread's turn is while others wait for the processor: short, so that a write is soon done.
    private static let turnNanos: UInt64 = 100_000

    private let options: DaemonOptions

    init(_ options: DaemonOptions) {
        self.options = options
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: What keeps it from starting or going on.
    func run() async throws {
        // Threads that come from here on have it too; what takes long is on threads that stand back. Where it
        // is refused, turns are as long as usual.
        _ = sx_set_turn(Daemon.turnNanos)
        sx_keep_freed_memory()
        let clock = SystemRuleClock()
        let now: @Sendable () -> Timestamp = { clock.now() }
        let gate = LogGate()
        let logger = Logger(label: "sextant") { [level = options.logLevel] _ in
            LineLogHandler(level: level, gate: gate, now: now)
        }
        let reading = SettingsReading(options)
        var settings = try reading.result.get()
        // Half of the descriptors are for the store's files.
        let connections = settings.configuration.limits.connections
        settings.configuration.limits.connections = min(connections, FileLimit.raise() / 2)
        logger.info(
            "starting",
            metadata: [
                "version": "\(BuildInfo.version)", "data": "\(options.dataDirectory)",
                "durability": "\(options.durability.rawValue)", "retention": "\(settings.retentionText)",
            ]
        )
        for warning in settings.warnings { logger.warning("\(warning)") }
        let registry = Registry()
        BuildInfo.register(in: registry)
        ProcessMetrics.register(in: registry)
        registry.collect(
            "sextant_log_lines_suppressed_total",
            help: "Lines that were not logged because there were too many, or too many alike.",
            kind: .counter
        ) { [(.empty, Double(gate.suppressedCount))] }
        let board = SettingsBoard(settings, reading.stamps, at: now(), registry: registry)
        let replay = ReplayProgress()
        let server = try makeServer(board, replay, registry, logger, now)
        let core = DaemonCore(
            options: options,
            board: board,
            server: server,
            threads: try WorkerThreads(count: 2),
            replay: replay,
            registry: registry,
            logger: logger,
            now: now
        )
        // They are stopped in the opposite order: first no more requests, then no more rules, then the store.
        var configuration = ServiceGroupConfiguration(
            services: [
                core, ReloadOnSignal(core: core), ReloadOnChange(core: core), MemoryRelease(), server,
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Daemon.quiet(logger)
        )
        configuration.maximumGracefulShutdownDuration = .seconds(Daemon.stopSeconds)
        try await ServiceGroup(configuration: configuration).run()
        logger.info("stopped")
    }

    private func makeServer(
        _ board: SettingsBoard,
        _ replay: ReplayProgress,
        _ registry: Registry,
        _ logger: Logger,
        _ now: @escaping @Sendable () -> Timestamp
    ) throws -> APIServer {
        var configuration = APIConfiguration()
        configuration.host = options.address.host
        configuration.port = options.address.port
        configuration.isAdminAPIEnabled = options.isAdminAPIEnabled
        configuration.flags = options.flags
        configuration.limits = board.limits
        configuration.replay = replay
        configuration.slowQueryMillis = { board.current.configuration.slowQueryMillis }
        configuration.allowedHosts = { board.current.configuration.allowedHosts }
        let address = options.address
        return try APIServer(
            configuration: configuration,
            registry: registry,
            logger: logger,
            now: now
        ) { port in
            var bound = address
            bound.port = port
            logger.info("listening", metadata: ["address": "\(bound.text)"])
        }
    }

    /// A logger for the machinery of services, which tells only what goes wrong.
    private static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = .error
        return quiet
    }
}

/// Reads the settings anew at each SIGHUP.
private struct ReloadOnSignal: Service {
    let core: DaemonCore

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            // What went wrong is logged there.
            try? await core.reload()
        }
    }
}

/// Looks every second whether the files of the settings have changed, and reads them anew once they have kept
/// the same look for a second.
///
/// Files are looked at rather than watched: this way links, mounted directories and network file systems make
/// no difference.
private struct ReloadOnChange: Service {
    let core: DaemonCore

    func run() async throws {
        var changed: FileStamps?
        for await _ in AsyncTicks(everyMillis: 1000).cancelOnGracefulShutdown() {
            changed = await core.reloadIfChanged(since: changed)
        }
    }
}
