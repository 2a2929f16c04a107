import Model
import NIOCore

/// Why a request is not even read: the answer goes out as it is here and the connection ends.
struct WireRefusal: Error, Hashable {
    /// The status code.
    var statusCode: Int
    /// The sentence for the client.
    var message: String

    init(_ statusCode: Int, _ message: String) {
        self.statusCode = statusCode
        self.message = message
    }
}

/// Follows the bytes of a connection from request to request and refuses what is not plainly HTTP/1.
///
/// It is stricter than the parser behind it, so that no two programs on the way can take the same bytes for
/// different requests: one line end (CR LF), one way to tell a body's length, no folded fields, no control
/// characters. Source: RFC 9112, sections 2 to 7 and 11.2.
struct RequestFraming {
    private enum State {
        case head
        case body(left: Int)
        case chunkSize
        case chunk(left: Int)
        case chunkEnd
        case trailers
    }

    /// The longest line with the size of a chunk, in bytes.
    private static let chunkLineBytes = 256
    /// How much longer than the address a request line may be: method, version and blanks.
    private static let requestLineSlackBytes = 64

    private var state = State.head
    /// What is read of a head, a chunk's size or the trailers and not passed on yet.
    private var pending: [UInt8] = []
    private var lineStart = 0
    private var head = HeadFields()
    private var fieldCount = 0
    private var requestLineBytes = 0

    /// Whether part of a head was read.
    var isInHead: Bool {
        if case .head = state { return !pending.isEmpty }
        return false
    }

    /// Whether a request's body is not over.
    var isInBody: Bool {
        if case .head = state { return false }
        return true
    }

    /// Takes bytes in and passes on what may be passed on.
    ///
    /// - Parameters:
    ///   - buffer: The bytes; it is empty afterwards.
    ///   - limits: What a head may have.
    ///   - pass: Called with the bytes in order; a head comes in one piece, with true.
    /// - Throws: That a request is refused; nothing more must be read of the connection then.
    mutating func read(
        _ buffer: inout ByteBuffer,
        _ limits: Limits,
        pass: (_ bytes: ByteBuffer, _ isHead: Bool) -> Void
    ) throws(WireRefusal) {
        while buffer.readableBytes > 0 {
            switch state {
            case .body(let left):
                guard let bytes = buffer.readSlice(length: min(left, buffer.readableBytes)) else { return }
                state = left == bytes.readableBytes ? .head : .body(left: left - bytes.readableBytes)
                pass(bytes, false)
            case .chunk(let left):
                guard let bytes = buffer.readSlice(length: min(left, buffer.readableBytes)) else { return }
                state = left == bytes.readableBytes ? .chunkEnd : .chunk(left: left - bytes.readableBytes)
                pass(bytes, false)
            case .head, .chunkSize, .chunkEnd, .trailers:
                let isComplete = try takeLinePart(&buffer, limits)
                guard isComplete else { return }
                let wasHead = if case .head = state { true } else { false }
                guard try takeLine(limits) else { continue }
                pass(ByteBuffer(bytes: pending), wasHead)
                pending.removeAll(keepingCapacity: pending.capacity < 8192)
                lineStart = 0
            }
        }
    }

    /// Moves bytes up to the next line end to `pending`; whether there was one.
    private mutating func takeLinePart(_ buffer: inout ByteBuffer, _ limits: Limits) throws(WireRefusal)
        -> Bool
    {
        let view = buffer.readableBytesView
        let end = view.firstIndex(of: UInt8(ascii: "\n"))
        let count = end.map { $0 - view.startIndex + 1 } ?? view.count
        let room = room(limits)
        guard pending.count - lineStart + count <= room.bytes else { throw room.refusal }
        if count > 0, let bytes = buffer.readBytes(length: count) { pending += bytes }
        return end != nil
    }

    /// How long the line that is being read may get, and what is said if it gets longer.
    private func room(_ limits: Limits) -> (bytes: Int, refusal: WireRefusal) {
        switch state {
        case .head where lineStart == 0:
            return (
                limits.uriBytes + RequestFraming.requestLineSlackBytes,
                WireRefusal(414, "the address is longer than the limit uri_bytes (\(limits.uriBytes))")
            )
        case .head, .trailers:
            return (
                limits.headerBytes - (lineStart - requestLineBytes) + 2,
                WireRefusal(431, "the header is longer than the limit header_bytes (\(limits.headerBytes))")
            )
        case .chunkSize, .chunkEnd, .body, .chunk:
            return (
                RequestFraming.chunkLineBytes, WireRefusal(400, "a chunk's size is no hexadecimal number")
            )
        }
    }

    /// Checks the complete line at the end of `pending`; whether `pending` is to be passed on.
    private mutating func takeLine(_ limits: Limits) throws(WireRefusal) -> Bool {
        guard pending.count - lineStart >= 2, pending[pending.count - 2] == UInt8(ascii: "\r") else {
            throw WireRefusal(400, "a line ends in LF without CR")
        }
        let line = pending[lineStart..<pending.count - 2]
        switch state {
        case .head: return try takeHeadLine(line, limits)
        case .chunkSize:
            let size = try RequestFraming.chunkSize(line)
            fieldCount = 0
            requestLineBytes = pending.count
            state = size == 0 ? .trailers : .chunk(left: size)
            if size == 0 { lineStart = pending.count }
            return size > 0
        case .chunkEnd:
            guard line.isEmpty else { throw WireRefusal(400, "a chunk is longer than its size") }
            state = .chunkSize
            return true
        case .trailers:
            if line.isEmpty {
                state = .head
                return true
            }
            _ = try HeadFields.split(line)
            try countField(limits)
            lineStart = pending.count
            return false
        case .body, .chunk: preconditionFailure("BUG: a line in a body")
        }
    }

    private mutating func takeHeadLine(_ line: ArraySlice<UInt8>, _ limits: Limits) throws(WireRefusal)
        -> Bool
    {
        if lineStart == 0 {
            // Empty lines before a request are allowed, but nobody needs them behind this point.
            guard !line.isEmpty else {
                pending.removeAll()
                return false
            }
            head = HeadFields()
            fieldCount = 0
            try head.readRequestLine(line, limits)
            lineStart = pending.count
            requestLineBytes = lineStart
            return false
        }
        if line.isEmpty {
            switch try head.bodyLength() {
            case .chunked: state = .chunkSize
            case .bytes(0): state = .head
            case .bytes(let count): state = .body(left: count)
            }
            return true
        }
        try countField(limits)
        let isWanted = try head.readField(line)
        if isWanted { lineStart = pending.count } else { pending.removeSubrange(lineStart...) }
        return false
    }

    private mutating func countField(_ limits: Limits) throws(WireRefusal) {
        fieldCount += 1
        guard fieldCount <= limits.headerFields else {
            throw WireRefusal(
                431,
                "there are more header fields than the limit header_fields (\(limits.headerFields))"
            )
        }
    }

    private static func chunkSize(_ line: ArraySlice<UInt8>) throws(WireRefusal) -> Int {
        let digits = line.prefix { $0 != UInt8(ascii: ";") }
        let text = String(decoding: digits, as: UTF8.self)
        guard (1...8).contains(digits.count), digits.allSatisfy(HeadFields.isHexDigit),
            let size = Int(text, radix: 16), !line.contains(where: HeadFields.isControl)
        else { throw WireRefusal(400, "a chunk's size is no hexadecimal number") }
        return size
    }
}
