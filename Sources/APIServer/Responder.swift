import HTTPTypes
import Hummingbird
import Intake
import Model
import NIOCore
import Synchronization

/// What a request needs beside itself: the channel it came on.
struct ChannelContext: InitializableFromSource {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        channel = source.channel
    }
}

/// Answers every request: finds its route, runs the handler, and dresses the answer for the way.
struct Responder: HTTPResponder {
    /// From how many bytes on a body is compressed for clients that take gzip.
    static let compressedFromBytes = 1024
    /// Up to how many bytes a body is compressed on the thread of its connection.
    private static let quicklyCompressedBytes = 32 << 10
    /// Up to how many bytes a body is small, so that reading it may delay other connections of its thread:
    /// some thousand samples, a millisecond or two.
    private static let smallBodyBytes = 256 << 10
    /// How long a connection that is to end stays open for the client to read its answer, in seconds.
    private static let lingerSeconds: Int64 = 2

    private static let securityFields = HTTPFields(
        named(SecurityFields.all).map { HTTPField(name: $0.0, value: $0.1) }
    )

    private static let originField = HTTPField.Name("Origin")

    let context: APIContext

    func respond(to request: Request, context channelContext: ChannelContext) async throws -> Response {
        let found = Routes.table.find(request.uri.path)
        let body = RequestBodyReader(request, context.bodies, context.limits.current)
        if let found, found.route.isQuick, body.isAtMost(Responder.smallBodyBytes) {
            return await respond(to: request, body, found, channelContext)
        }
        // Tasks of a connection run on its thread, from which this gets them away.
        return await withTaskExecutorPreference(globalConcurrentExecutor) {
            await respond(to: request, body, found, channelContext)
        }
    }

    private func respond(
        to request: Request,
        _ body: RequestBodyReader,
        _ found: (route: Route, variable: Substring)?,
        _ channelContext: ChannelContext
    ) async -> Response {
        let began = ContinuousClock.now
        var answer: Answer
        if let refusal = foreignHostRefusal(request) {
            answer = refusal
        } else if let found {
            let exchange = Exchange(
                context: context,
                limits: body.limits,
                request: request,
                body: body,
                connection: context.connections.connection(of: channelContext.channel),
                channel: channelContext.channel,
                pathVariable: found.variable
            )
            answer = await self.answer(exchange, found.route)
        } else {
            answer = .text("404 page not found\n", statusCode: 404)
        }
        if body.hasLongRest { answer.endsConnection = true }
        if answer.endsConnection { endSoon(channelContext.channel) }
        context.telemetry.noteRequest(
            found?.route.path ?? "unknown",
            statusCode: answer.statusCode,
            took: began.duration(to: .now)
        )
        return await response(answer, to: request)
    }

    private func answer(_ exchange: Exchange, _ route: Route) async -> Answer {
        guard route.methods.contains(exchange.request.method) else {
            var answer = Answer.text("Method Not Allowed\n", statusCode: 405)
            answer.headers.append(("Allow", route.allowed))
            return answer
        }
        if !route.methods.contains(.get), let refusal = foreignOriginRefusal(exchange.request) {
            return refusal
        }
        do {
            switch route.handler {
            case .always(let handler): return try await handler(exchange)
            case .ready(let handler):
                switch context.phase {
                case .ready(let backend): return try await handler(exchange, backend)
                case .starting: return HealthRoutes.unavailable(isStopping: false)
                case .stopping: return HealthRoutes.unavailable(isStopping: true)
                }
            }
        } catch {
            return .failure(error)
        }
    }

    // MARK: - Browsers on other sites

    /// What a request is told whose host is not this daemon.
    private func foreignHostRefusal(_ request: Request) -> Answer? {
        guard !Responder.allowsHost(request.head.authority, context.configuration) else { return nil }
        let host = request.head.authority ?? ""
        return .text(
            "the host \(LabelText.quoted(String(host.prefix(100)))) is not one of this daemon's; "
                + "add it to allowed_hosts in the section sextant of the configuration\n",
            statusCode: 421
        )
    }

    /// Whether a request for `host` may be answered.
    static func allowsHost(_ host: String?, _ configuration: APIConfiguration) -> Bool {
        // Only HTTP/1.0 may come without a host, and no browser speaks that.
        guard let host, !host.isEmpty else { return true }
        return HostCheck.allows(host, listening: configuration.host, allowed: configuration.allowedHosts())
    }

    /// What a request is told that would change something and comes from a page of another site.
    private func foreignOriginRefusal(_ request: Request) -> Answer? {
        guard let origin = Responder.originField.flatMap({ request.headers[$0] }) else { return nil }
        guard !HostCheck.isSame(origin: origin, host: request.head.authority) else { return nil }
        return .text(
            "the field Origin names another site, whose pages may not change anything here\n",
            statusCode: 403
        )
    }

    // MARK: - The answer on the wire

    /// The fields that do not depend on the body.
    static func fields(of answer: Answer) -> HTTPFields {
        var fields = securityFields
        for (name, value) in named(answer.headers) { fields[name] = value }
        if let type = answer.contentType { fields[.contentType] = type }
        if answer.endsConnection { fields[.connection] = "close" }
        return fields
    }

    private func response(_ answer: Answer, to request: Request) async -> Response {
        var headers = Responder.fields(of: answer)
        let status = HTTPResponse.Status(code: answer.statusCode)
        switch answer.body {
        case .pieces(let pieces):
            return Response(
                status: status,
                headers: headers,
                body: ResponseBody { [threads = context.answerThreads] writer in
                    // Making a piece takes a while, for which no write is to wait.
                    let source = PieceSource(pieces)
                    while let piece = try await threads.run({ source.next() }) {
                        try await writer.write(ByteBuffer(bytes: piece))
                    }
                    try await writer.finish(nil)
                }
            )
        case .bytes(var bytes):
            if bytes.count >= Responder.compressedFromBytes {
                headers[.vary] = "Accept-Encoding"
                if Responder.takesGzip(request.headers[.acceptEncoding]) {
                    headers[.contentEncoding] = "gzip"
                    bytes = await compressed(bytes)
                }
            }
            if request.method == .head || bytes.isEmpty {
                if answer.statusCode != 204 { headers[.contentLength] = String(bytes.count) }
                return Response(status: status, headers: headers)
            }
            return Response(
                status: status,
                headers: headers,
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
            )
        }
    }

    private func compressed(_ bytes: [UInt8]) async -> [UInt8] {
        guard bytes.count > Responder.quicklyCompressedBytes else { return Responder.gzipped(bytes) }
        // On the way to a stop there are no such threads any more.
        return (try? await context.answerThreads.run { Responder.gzipped(bytes) }) ?? Responder.gzipped(bytes)
    }

    /// A body, compressed.
    static func gzipped(_ bytes: [UInt8]) -> [UInt8] { Gzip.compress(bytes, level: 3) }

    /// Whether a client that sends this field `Accept-Encoding` takes gzip.
    static func takesGzip(_ codings: String?) -> Bool {
        guard let codings else { return false }
        for coding in codings.lowercased().split(separator: ",") {
            let parts = coding.split(separator: ";").map { $0.filter { $0 != " " } }
            guard parts.first == "gzip" || parts.first == "*" else { continue }
            return !parts.dropFirst().contains { ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0) }
        }
        return false
    }

    /// Closes `channel` once the client had time to read its answer.
    ///
    /// The rest of the request is read and dropped until then, because a client that finds its connection
    /// reset while it still sends may never see the answer.
    private func endSoon(_ channel: any Channel) {
        channel.eventLoop.scheduleTask(in: .seconds(Responder.lingerSeconds)) {
            channel.close(promise: nil)
        }
    }

    private static func named(_ fields: [(String, String)]) -> [(HTTPField.Name, String)] {
        fields.compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }
    }
}

/// Hands out the pieces of an answer one after the other, on whatever thread.
private final class PieceSource: Sendable {
    private let pieces: Mutex<any AnswerPieces>

    init(_ pieces: any AnswerPieces) {
        self.pieces = Mutex(pieces)
    }

    func next() -> [UInt8]? { pieces.withLock { $0.next() } }
}
