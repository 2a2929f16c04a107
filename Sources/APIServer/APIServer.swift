import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import Model
import NIOCore
import ServiceLifecycle
import Telemetry

/// Why the server does not run.
package enum APIServerError: Error, Sendable, CustomStringConvertible {
    /// The address cannot be listened on; `code` is an errno.
    case cannotListen(host: String, port: Int, code: Int32)
    /// Connections are no longer taken, for a reason that only the system knows.
    case stoppedListening

    /// The failure as a sentence.
    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let code):
            "cannot listen on \(host):\(port): \(unsafe String(cString: strerror(code)))"
        case .stoppedListening: "connections are no longer accepted"
        }
    }
}

/// The HTTP server: the API of Prometheus, and what Sextant has of its own.
///
/// It listens as soon as it runs and answers 503 until `open` gives it a store to work on. When it is told to
/// stop it takes no new connections, ends running queries, lets writes finish, and returns.
package final class APIServer: Service {
    /// How many connections beyond the limit are taken to be told so.
    private static let refusedConnections = 64

    private let context: APIContext
    private let onListening: @Sendable (Int) -> Void

    /// A server that does not listen yet.
    ///
    /// - Parameters:
    ///   - configuration: How it works.
    ///   - registry: Whose metrics `/metrics` shows, and where the server's own go.
    ///   - logger: Where it tells what happens.
    ///   - now: The clock.
    ///   - onListening: Called with the port once connections are taken.
    /// - Throws: `cannotStart`.
    package init(
        configuration: APIConfiguration,
        registry: Registry,
        logger: Logger,
        now: @escaping @Sendable () -> Timestamp,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws(WorkerThreads.Failure) {
        context = try APIContext(configuration: configuration, registry: registry, logger: logger, now: now)
        self.onListening = onListening
    }

    /// Has the server answer what needs a store, and, shortly afterwards, say that it is ready.
    package func open(_ backend: APIBackend) async {
        context.open(backend)
        if context.configuration.warmUpMillis > 0 { await WarmUp.run(context, backend) }
        context.noteWarm()
    }

    /// Serves until a graceful shutdown.
    ///
    /// - Throws: `APIServerError` if it cannot listen or has to give up.
    package func run() async throws {
        defer { context.stopThreads() }
        let context = context
        do {
            try await withTaskCancellationOrGracefulShutdownHandler {
                try await makeApplication().run()
            } onCancelOrGracefulShutdown: {
                context.beginStopping()
            }
        } catch let error as IOError {
            throw APIServerError.cannotListen(
                host: context.configuration.host,
                port: context.configuration.port,
                code: error.errnoCode
            )
        }
        guard case .stopping = context.phase else { throw APIServerError.stoppedListening }
    }

    private func makeApplication() -> Application<Responder> {
        let configuration = context.configuration
        // Hummingbird's own messages are about its parts; what matters of it is thrown or logged here.
        var logger = context.logger
        logger.logLevel = .critical
        return Application(
            responder: Responder(context: context),
            server: HTTPServerBuilder { [context] responder in
                let http = HTTP1Channel(
                    responder: { request, writer, channel in
                        // Clients with a large body, such as curl, wait for this before they send it.
                        if request.headers[.expect]?.lowercased() == "100-continue" {
                            try await writer.writeInformationalHead(HTTPResponse(status: .continue))
                        }
                        try await responder(request, writer, channel)
                    },
                    configuration: .init(
                        additionalChannelHandlers: [context.connections.makeHandler(context)],
                        // The guard before it has refused what exceeds a limit; it cannot be asked here.
                        httpDecoderConfiguration: .init(
                            maxHeaderFieldSize: 64 << 20,
                            maxHeaderListSize: 64 << 20,
                            maxHeaderFieldCount: 20_000
                        )
                    )
                )
                return GuardedHTTPChannel(http: http, context: context)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                availableConnectionsDelegate: MaximumAvailableConnections(
                    // The guard refuses what is too much; this only bounds how much it refuses at a time.
                    context.limits.current.connections + APIServer.refusedConnections,
                    logger: logger
                )
            ),
            onServerRunning: { [onListening, context] channel in
                let port = channel.localAddress?.port ?? configuration.port
                context.noteListening(port)
                onListening(port)
            },
            logger: logger
        )
    }
}
