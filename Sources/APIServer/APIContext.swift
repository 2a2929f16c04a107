import Logging
import Model
import PromQL
import Synchronization
import Telemetry

/// What all requests share.
final class APIContext: Sendable {
    /// How far the daemon has come.
    enum Phase: Sendable {
        case starting
        case ready(APIBackend)
        case stopping
    }

    /// How far threads of queries stand back: a write does not wait for its turn behind large queries.
    private static let queryNiceness: Int32 = 5

    let configuration: APIConfiguration
    let limits: LimitsInForce
    let refusals: RefusalTelemetry
    /// The bytes of all bodies that are being read or decoded.
    let bodies = SharedAmount()
    let registry: Registry
    let telemetry: HTTPTelemetry
    let logger: Logger
    let now: @Sendable () -> Timestamp
    /// When the server was made, shortly after the daemon's start.
    let startTime: Timestamp
    let connections = ConnectionTable()
    let queries: QueryRunner
    /// What can be asked on the thread of a connection.
    let smallQueries = SmallQueries<QueryQuestion>()
    /// The same for questions about labels.
    let smallLabelQuestions = SmallQueries<LabelQuestion>()
    /// The field Date.
    let dates = HTTPDate()
    /// Answers of range queries.
    let rangeCache: RangeCache
    /// Threads for the daemon's own reads and for what administrators ask for, so that queries cannot keep
    /// them out.
    let serviceThreads: WorkerThreads

    /// Threads that write and compress large answers of queries.
    let answerThreads: WorkerThreads

    private let queryThreads: WorkerThreads
    private let currentPhase = Mutex(Phase.starting)
    private let listeningPort = Mutex<Int?>(nil)
    private let isWarmedUp = Atomic(false)

    init(
        configuration: APIConfiguration,
        registry: Registry,
        logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) throws(WorkerThreads.Failure) {
        self.configuration = configuration
        limits = configuration.limits
        refusals = RefusalTelemetry(registry)
        self.registry = registry
        self.logger = logger
        self.now = now
        startTime = now()
        telemetry = HTTPTelemetry(registry)
        serviceThreads = try WorkerThreads(count: 2)
        answerThreads = try WorkerThreads(
            count: APIConfiguration.coreCount,
            niceness: APIContext.queryNiceness
        )
        queryThreads = try WorkerThreads(
            count: limits.current.concurrentQueries,
            niceness: APIContext.queryNiceness
        )
        rangeCache = RangeCache { [limits] in limits.current.queryCacheBytes }
        queries = QueryRunner(
            limits: limits,
            threads: queryThreads,
            telemetry: QueryTelemetry(registry, logger, slowMillis: configuration.slowQueryMillis),
            registry: registry
        )
        registry.collect("sextant_http_connections", help: "Open HTTP connections.", kind: .gauge) {
            [connections] in [(.empty, Double(connections.count))]
        }
        registry.collect("sextant_bodies_in_flight_bytes", help: "Memory of bodies at work.", kind: .gauge) {
            [bodies] in [(.empty, Double(bodies.current))]
        }
        register(rangeCache, registry)
        registry.collect(
            "sextant_limit",
            help: "The limits in force, by the names they have in the configuration; times in seconds.",
            kind: .gauge
        ) { [limits] in
            let current = limits.current
            return Limits.entries.map { entry in
                let value = Double(current[keyPath: entry.path])
                return (Labels(["name": entry.name]), entry.unit == .time ? value / 1000 : value)
            }
        }
    }

    private func register(_ cache: RangeCache, _ registry: Registry) {
        registry.collect("sextant_query_cache_bytes", help: "Memory of remembered answers.", kind: .gauge) {
            [(.empty, Double(cache.figures.byteCount))]
        }
        registry.collect(
            "sextant_query_cache_hits_total",
            help: "Range queries of which an answer was remembered.",
            kind: .counter
        ) { [(.empty, Double(cache.figures.hitCount))] }
        registry.collect(
            "sextant_query_cache_misses_total",
            help: "Range queries of which no answer was remembered.",
            kind: .counter
        ) { [(.empty, Double(cache.figures.missCount))] }
    }

    var phase: Phase { currentPhase.withLock { $0 } }

    /// The port on which connections are taken; nil until they are.
    var port: Int? { listeningPort.withLock { $0 } }

    func noteListening(_ port: Int) { listeningPort.withLock { $0 = port } }

    /// Whether the daemon is to say that it is ready, once it is: what it does for the first time is done.
    var isWarm: Bool { isWarmedUp.load(ordering: .relaxed) }

    func noteWarm() { isWarmedUp.store(true, ordering: .relaxed) }

    func open(_ backend: APIBackend) {
        currentPhase.withLock { phase in
            if case .starting = phase { phase = .ready(backend) }
        }
    }

    /// Ends queries and refuses what comes from now on.
    func beginStopping() {
        currentPhase.withLock { $0 = .stopping }
        queries.stop()
    }

    func stopThreads() {
        queryThreads.stop()
        answerThreads.stop()
        serviceThreads.stop()
    }
}
