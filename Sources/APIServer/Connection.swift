import HTTPTypes
import Model
import NIOCore
import NIOHTTPTypes
import Synchronization

/// One client's connection, and what has to stop when the client goes away.
final class Connection: Sendable {
    private struct State {
        var isGone = false
        var nextKey = 0
        var hooks: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    init() {}

    /// Runs `hook` when the client goes away, at once if it has; the key removes it.
    func whenGone(_ hook: @escaping @Sendable () -> Void) -> Int {
        let key: Int? = state.withLock { state in
            guard !state.isGone else { return nil }
            state.nextKey += 1
            state.hooks[state.nextKey] = hook
            return state.nextKey
        }
        if key == nil { hook() }
        return key ?? 0
    }

    /// Forgets a hook; one that ran already is no matter.
    func remove(_ key: Int) {
        state.withLock { $0.hooks[key] = nil }
    }

    /// Notes that the client closed its side.
    func markGone() {
        let hooks = state.withLock { state in
            state.isGone = true
            defer { state.hooks = [:] }
            return state.hooks.values.map { $0 }
        }
        for hook in hooks { hook() }
    }
}

/// The open connections by their channel, so that a request finds the one it came on.
///
/// Hummingbird reports a client that left only to a handler that gives up keep-alive, so a handler of our own
/// in each channel listens for it.
final class ConnectionTable: Sendable {
    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])
    private let admissions = Mutex(Admissions())

    /// How many connections are open, in all and by the client's address.
    private struct Admissions {
        var total = 0
        var byAddress: [String: Int] = [:]
    }

    /// The number of open connections.
    var count: Int { connections.withLock { $0.count } }

    /// The connection of `channel`, or nil once it is closed.
    func connection(of channel: any Channel) -> Connection? {
        connections.withLock { $0[ObjectIdentifier(channel)] }
    }

    /// A handler for a new channel, which enters its connection here.
    func makeHandler(_ context: APIContext) -> any RemovableChannelHandler {
        ConnectionHandler(table: self, quick: QuickResponder(context: context))
    }

    /// Counts a connection from `address` (nil: not from the network), unless there are too many; then why.
    func admit(_ address: String?, _ limits: Limits) -> WireRefusal? {
        let isLocal = address.map(ConnectionTable.isLoopback) ?? true
        return admissions.withLock { admissions in
            // Without the part that is kept for this machine its own administrator could be shut out.
            let room = isLocal ? limits.connections : limits.connections - limits.connectionsForLoopback
            guard admissions.total < room else {
                return WireRefusal(503, "too many connections (limit connections: \(limits.connections))")
            }
            if let address {
                let count = admissions.byAddress[address, default: 0]
                guard isLocal || count < limits.connectionsPerAddress else {
                    return WireRefusal(
                        503,
                        "too many connections from \(address) "
                            + "(limit connections_per_address: \(limits.connectionsPerAddress))"
                    )
                }
                admissions.byAddress[address] = count + 1
            }
            admissions.total += 1
            return nil
        }
    }

    /// Notes that an admitted connection from `address` is over.
    func leave(_ address: String?) {
        admissions.withLock { admissions in
            admissions.total -= 1
            guard let address, let count = admissions.byAddress[address] else { return }
            admissions.byAddress[address] = count > 1 ? count - 1 : nil
        }
    }

    private static func isLoopback(_ address: String) -> Bool {
        address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    }

    fileprivate func add(_ connection: Connection, _ channel: any Channel) {
        connections.withLock { $0[ObjectIdentifier(channel)] = connection }
    }

    fileprivate func remove(_ channel: any Channel) {
        connections.withLock { $0[ObjectIdentifier(channel)] = nil }
    }
}

/// Tells a connection when its client closes or half-closes it, and has a `QuickResponder` answer what that
/// can.
///
/// It also tells the channel's `WireGuard` of answers.
///
/// A client that only half-closes still gets its answer, as far as the work for it was done by then.
private final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let table: ConnectionTable
    private let connection = Connection()
    private let quick: QuickResponder
    private var wireGuard: WireGuard?
    /// A request that may be answered here, until it is complete, and the body that came of it.
    private var held: (head: HTTPRequest, body: ByteBuffer?)?
    /// Requests that were passed on and are not answered.
    private var openCount = 0

    init(table: ConnectionTable, quick: QuickResponder) {
        self.table = table
        self.quick = quick
    }

    func handlerAdded(context: ChannelHandlerContext) {
        table.add(connection, context.channel)
        wireGuard = try? context.pipeline.syncOperations.handler(type: WireGuard.self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // Answers go out in the order of the requests, and no faster than the client takes them.
            if openCount == 0, context.channel.isWritable, quick.takes(head) {
                held = (head, nil)
                return
            }
            openCount += 1
        case .body(var piece):
            if held != nil {
                if held?.body?.writeBuffer(&piece) == nil { held?.body = piece }
                return
            }
        case .end:
            guard let (head, body) = held else { break }
            held = nil
            if let (response, bytes) = quick.answer(head, body, context.channel) {
                return answer(context, response, bytes)
            }
            openCount += 1
            context.fireChannelRead(wrapInboundOut(.head(head)))
            if let body { context.fireChannelRead(wrapInboundOut(.body(body))) }
        }
        context.fireChannelRead(data)
    }

    private func answer(_ context: ChannelHandlerContext, _ response: HTTPResponse, _ bytes: ByteBuffer) {
        wireGuard?.noteAnswerBegan(isLast: false)
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        context.write(wrapOutboundOut(.body(bytes)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        wireGuard?.noteAnswerEnded()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let response):
            guard response.status.kind != .informational else { break }
            wireGuard?.noteAnswerBegan(isLast: response.headerFields[.connection] == "close")
        case .body: break
        case .end:
            openCount -= 1
            wireGuard?.noteAnswerEnded()
        }
        context.write(data, promise: promise)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave(context)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { connection.markGone() }
        context.fireUserInboundEventTriggered(event)
    }

    private func leave(_ context: ChannelHandlerContext) {
        table.remove(context.channel)
        connection.markGone()
    }
}
