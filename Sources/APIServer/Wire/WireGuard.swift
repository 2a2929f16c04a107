import Model
import NIOCore
import Telemetry

/// The first handler of a connection: counts it, checks its framing, and ends it when it is too slow.
final class WireGuard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long a refused connection stays open for the client to read why, in milliseconds.
    private static let lingerMillis: Int64 = 1000

    private let limits: LimitsInForce
    private let table: ConnectionTable
    private let refusals: RefusalTelemetry
    private var framing = RequestFraming()
    private var isRefused = false
    private var isEnding = false
    private var isAdmitted = false
    private var address: String?

    private var headCount = 0
    private var begunAnswerCount = 0
    private var endedAnswerCount = 0

    private var lastActive = NIODeadline.now()
    private var headBegan = NIODeadline.now()
    private var bodyByteCount: Int64 = 0
    /// How long the client let us wait for the body, without the times when we were not reading.
    private var bodyWait = TimeAmount.zero
    private var readSince: NIODeadline?
    private var writeBlockedSince: NIODeadline?
    private var timer: Scheduled<Void>?

    init(limits: LimitsInForce, table: ConnectionTable, refusals: RefusalTelemetry) {
        self.limits = limits
        self.table = table
        self.refusals = refusals
    }

    // MARK: - The connection

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !isAdmitted, !isRefused else { return }
        address = context.channel.remoteAddress?.ipAddress
        if let refusal = table.admit(address, limits.current) {
            refuse(context, refusal)
            return
        }
        isAdmitted = true
        lastActive = .now()
        headBegan = .now()
        schedule(context)
    }

    private func end() {
        timer?.cancel()
        timer = nil
        if isAdmitted { table.leave(address) }
        isAdmitted = false
    }

    // MARK: - Bytes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused, !isEnding else { return }
        let now = NIODeadline.now()
        lastActive = now
        if let since = readSince { bodyWait = bodyWait + (now - since) }
        readSince = nil
        var buffer = unwrapInboundIn(data)
        if framing.isInBody { bodyByteCount += Int64(buffer.readableBytes) }
        if !framing.isInHead { headBegan = now }
        var passed: [ByteBuffer] = []
        var refusal: WireRefusal?
        do throws(WireRefusal) {
            try framing.read(&buffer, limits.current) { bytes, isHead in
                passed.append(bytes)
                guard isHead else { return }
                headCount += 1
                headBegan = now
                bodyByteCount = 0
                bodyWait = .zero
            }
        } catch {
            refusal = error
        }
        for bytes in passed { context.fireChannelRead(wrapInboundOut(bytes)) }
        if let refusal { refuse(context, refusal) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if isRefused || isEnding { context.read() }
    }

    func read(context: ChannelHandlerContext) {
        if readSince == nil { readSince = .now() }
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isRefused else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeBlockedSince = context.channel.isWritable ? nil : .now()
        context.fireChannelWritabilityChanged()
    }

    /// Notes that an answer begins; interim ones do not count.
    ///
    /// Behind the last one nothing is read.
    func noteAnswerBegan(isLast: Bool) {
        begunAnswerCount += 1
        if isLast { isEnding = true }
    }

    /// Notes that an answer is written.
    func noteAnswerEnded() {
        endedAnswerCount += 1
        lastActive = .now()
    }

    // MARK: - Refusals

    /// Answers with the refusal, if it is the answer's turn, and ends the connection.
    private func refuse(_ context: ChannelHandlerContext, _ refusal: WireRefusal) {
        guard !isRefused else { return }
        isRefused = true
        refusals.note(refusal.statusCode)
        // In the middle of a body the request has been passed on, but nobody may have answered it.
        let waiting = framing.isInBody ? 1 : 0
        guard begunAnswerCount == endedAnswerCount, headCount - endedAnswerCount <= waiting else {
            context.close(promise: nil)
            return
        }
        var answer = context.channel.allocator.buffer(capacity: 512)
        answer.writeString(refusal.answer)
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        context.close(mode: .output, promise: nil)
        // What the client still sends is read and dropped: closing over it could take the answer away.
        context.read()
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(WireGuard.lingerMillis)) {
            context.close(promise: nil)
        }
    }

    // MARK: - Time

    private func schedule(_ context: ChannelHandlerContext) {
        let limits = limits.current
        let shortest = min(
            limits.headerTimeout,
            limits.bodyRateTimeout,
            limits.idleTimeout,
            limits.writeTimeout
        )
        let tick = min(max(Int64(shortest) / 4, 10), 1000)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(tick)) {
            self.check(context, self.limits.current)
        }
    }

    private func check(_ context: ChannelHandlerContext, _ limits: Limits) {
        guard !isRefused else { return }
        let now = NIODeadline.now()
        if let since = writeBlockedSince, now - since > .milliseconds(Int64(limits.writeTimeout)) {
            context.close(promise: nil)
        } else if isEnding {
            // The answer is on its way, and who sent it closes; but not if that waits for a body that nobody
            // reads any more.
            let isSent = begunAnswerCount == endedAnswerCount
            if isSent, now - lastActive > .milliseconds(Int64(limits.writeTimeout)) {
                context.close(promise: nil)
            }
        } else if framing.isInBody {
            checkBody(context, limits, now)
        } else if framing.isInHead || headCount == 0 {
            if now - headBegan > .milliseconds(Int64(limits.headerTimeout)) {
                let text = DurationText.format(millis: Int64(limits.headerTimeout))
                refuse(
                    context,
                    WireRefusal(408, "no complete header came within the limit header_timeout (\(text))")
                )
            }
        } else if headCount == endedAnswerCount, now - lastActive > .milliseconds(Int64(limits.idleTimeout)) {
            context.close(promise: nil)
        }
        if !isRefused, context.channel.isActive { schedule(context) }
    }

    private func checkBody(_ context: ChannelHandlerContext, _ limits: Limits, _ now: NIODeadline) {
        let wait = bodyWait + (readSince.map { now - $0 } ?? .zero)
        guard wait > .milliseconds(Int64(limits.bodyRateTimeout)) else { return }
        let (wanted, overflow) = (wait.nanoseconds / 1_000_000).multipliedReportingOverflow(
            by: Int64(limits.bodyRateBytes)
        )
        guard overflow || bodyByteCount < wanted / 1000 else { return }
        refuse(
            context,
            WireRefusal(
                408,
                "the body comes slower than the limit body_rate_bytes (\(limits.bodyRateBytes) a second)"
            )
        )
    }
}

extension WireRefusal {
    /// The whole answer as it is sent.
    var answer: String {
        let phrase =
            switch statusCode {
            case 408: "Request Timeout"
            case 414: "URI Too Long"
            case 417: "Expectation Failed"
            case 431: "Request Header Fields Too Large"
            case 501: "Not Implemented"
            case 503: "Service Unavailable"
            case 505: "HTTP Version Not Supported"
            default: "Bad Request"
            }
        var head = "HTTP/1.1 \(statusCode) \(phrase)\r\nConnection: close\r\n"
        head += "Content-Type: text/plain; charset=utf-8\r\nContent-Length: \(message.utf8.count + 1)\r\n"
        if statusCode == 503 { head += "Retry-After: 1\r\n" }
        for (name, value) in SecurityFields.all { head += "\(name): \(value)\r\n" }
        return head + "\r\n" + message + "\n"
    }
}

/// Counts what never became a request.
final class RefusalTelemetry: Sendable {
    private let registry: Registry

    init(_ registry: Registry) {
        self.registry = registry
    }

    func note(_ statusCode: Int) {
        registry.counter(
            "sextant_http_refused_total",
            help: "Connections ended before their request was read, by the status code they were told.",
            labels: Labels(["code": String(statusCode)])
        ).add()
    }
}
