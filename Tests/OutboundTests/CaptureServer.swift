import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server on this machine that keeps what it is sent, and answers what it is told to.
final class CaptureServer: Sendable {
    /// One request.
    struct Request: Sendable {
        var method: String
        var uri: String
        var headers: HTTPHeaders
        var body: String
    }

    /// What the server was sent and is to answer.
    final class Book: Sendable {
        private struct State {
            var requests: [Request] = []
            var next: [Int] = []
            var text = ""
        }

        private let state = Mutex(State())

        /// What was sent so far.
        var requests: [Request] { state.withLock { $0.requests } }

        /// Makes the next requests be answered by these statuses, those after them by 200; 0 breaks the
        /// connection.
        func answer(_ statuses: Int...) { state.withLock { $0.next = statuses } }

        /// What is the body of all answers from now on.
        var text: String {
            get { state.withLock { $0.text } }
            set { state.withLock { $0.text = newValue } }
        }

        fileprivate func note(_ request: Request) -> Int {
            state.withLock { state in
                state.requests.append(request)
                return state.next.isEmpty ? 200 : state.next.removeFirst()
            }
        }
    }

    /// What the server was sent.
    let book: Book
    private let channel: any Channel

    /// Starts a server on a free port, with TLS if there is a context for it.
    init(tls: NIOSSLContext? = nil) async throws {
        let book = Book()
        self.book = book
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(book: book))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    /// The port.
    var port: Int { channel.localAddress?.port ?? 0 }
    /// Host and port.
    var address: String { "127.0.0.1:\(port)" }

    /// Ends it.
    func close() async throws { try await channel.close() }

    /// What was sent once there are so many requests.
    func requests(_ count: Int) async throws -> [Request] {
        while book.requests.count < count { try await Task.sleep(for: .milliseconds(5)) }
        return book.requests
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let book: Book
        private var head: HTTPRequestHead?
        private var body = ByteBuffer()

        init(book: Book) { self.book = book }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body.clear()
            case .body(var part): body.writeBuffer(&part)
            case .end:
                guard let head else { return }
                let status = book.note(
                    Request(
                        method: head.method.rawValue,
                        uri: head.uri,
                        headers: head.headers,
                        body: String(buffer: body)
                    )
                )
                guard status > 0 else {
                    context.close(promise: nil)
                    return
                }
                let text = ByteBuffer(string: book.text)
                let answer = HTTPResponseHead(
                    version: .http1_1,
                    status: HTTPResponseStatus(statusCode: status),
                    headers: [
                        "Content-Length": "\(text.readableBytes)", "ETag": "\"\(book.requests.count)\"",
                    ]
                )
                context.write(wrapOutboundOut(.head(answer)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(text))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
