import Logging
import Model
import PromQL
import Rules
import ServiceLifecycle
import Synchronization
import Telemetry

@testable import APIServer

/// A running server over a `MemoryStore`, and a client for it.
struct TestServer: Sendable {
    /// The time that the server's clock shows.
    static let now = Timestamp(millis: 1_700_000_000_000)

    var client: RawClient
    var server: APIServer
    var store: MemoryStore
    var registry: Registry
    var group: ServiceGroup

    /// A logger that tells nobody.
    static var quietLogger: Logger {
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        return logger
    }

    /// Runs `body` with a server on a free port.
    ///
    /// - Parameters:
    ///   - store: What it serves.
    ///   - logger: Where it tells what happens.
    ///   - isOpen: Whether the server is told of the store from the start.
    ///   - configure: Changes the configuration.
    ///   - adjust: Changes the backend.
    ///   - body: The test.
    /// - Throws: What `body` throws, or that the server cannot run.
    static func run(
        _ store: MemoryStore = MemoryStore(),
        logger: Logger = TestServer.quietLogger,
        isOpen: Bool = true,
        configure: (inout APIConfiguration) -> Void = { _ in },
        adjust: (inout APIBackend) -> Void = { _ in },
        _ body: @Sendable (TestServer) async throws -> Void
    ) async throws {
        var configuration = APIConfiguration()
        configuration.port = 0
        configuration.warmUpMillis = 0
        configure(&configuration)
        var backend = backend(store)
        adjust(&backend)
        let registry = Registry()
        let (ports, port) = AsyncStream<Int>.makeStream()
        let server = try APIServer(
            configuration: configuration,
            registry: registry,
            logger: logger,
            now: { now },
            onListening: { port.yield($0) }
        )
        if isOpen { await server.open(backend) }
        let group = ServiceGroup(configuration: .init(services: [server], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let bound = await iterator.next() ?? 0
            let running = TestServer(
                client: RawClient(port: bound),
                server: server,
                store: store,
                registry: registry,
                group: group
            )
            do {
                try await body(running)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    static func backend(_ store: MemoryStore) -> APIBackend {
        APIBackend(
            source: store,
            sink: store,
            engine: { Engine() },
            ruleGroups: { [] },
            isRecorded: { $0["exported_job"] == nil },
            flush: {},
            status: {
                DaemonStatus(
                    startTime: now,
                    configurationError: nil,
                    configurationTime: now,
                    configurationText: "global: {}\n",
                    retention: "forever"
                )
            },
            reload: {}
        )
    }
}
