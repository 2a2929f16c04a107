import HTTPTypes
import Hummingbird
import Model
import NIOCore

/// The body of a request, read once: piece by piece or whole, and never further than a limit.
final class RequestBodyReader {
    private let request: Request
    /// What all bodies at work take, in bytes, and how much of it is this one's.
    private let allBodies: SharedAmount
    /// The limits under which the request is answered.
    let limits: Limits
    private var reservedByteCount = 0
    private var pieces: RequestBody.AsyncIterator?
    private var isAtEnd = false

    init(_ request: Request, _ allBodies: SharedAmount, _ limits: Limits) {
        self.request = request
        self.allBodies = allBodies
        self.limits = limits
    }

    deinit {
        allBodies.give(back: reservedByteCount)
    }

    /// Takes memory for this body, or what is made of it, until the request is answered.
    func reserve(_ byteCount: Int) throws(APIError) {
        guard allBodies.take(byteCount, limit: limits.bodiesInFlightBytes) else {
            throw .busy(
                "the bodies of all requests together exceed the limit bodies_in_flight_bytes "
                    + "(\(limits.bodiesInFlightBytes)); try again"
            )
        }
        reservedByteCount += byteCount
    }

    /// Whether there is more of the body, and it may be much.
    var hasLongRest: Bool {
        if isAtEnd { return false }
        if request.headers[.transferEncoding] != nil { return true }
        return (announcedLength ?? 0) > 1 << 20
    }

    /// Whether the head announces a body of `byteCount` bytes or less, or none.
    func isAtMost(_ byteCount: Int) -> Bool {
        request.headers[.transferEncoding] == nil && (announcedLength ?? 0) <= byteCount
    }

    /// The length that the head announces, in bytes.
    private var announcedLength: Int? {
        request.headers[.contentLength].flatMap { Int($0) }
    }

    /// The whole body; `name` is what its limit is called.
    func collect(limit: Int, name: String) async throws(APIError) -> [UInt8] {
        if let announcedLength, announcedLength > limit { throw .bodyTooLarge(name, limit: limit) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(announcedLength ?? 0, 1 << 20))
        while let piece = try await next() {
            guard piece.count <= limit - bytes.count else { throw .bodyTooLarge(name, limit: limit) }
            try reserve(piece.count)
            bytes += piece
        }
        return bytes
    }

    /// The next piece as it came, or nil at the end.
    func next() async throws(APIError) -> [UInt8]? {
        guard !isAtEnd else { return nil }
        do {
            var pieces = self.pieces ?? request.body.makeAsyncIterator()
            let piece = try await pieces.next()
            self.pieces = pieces
            isAtEnd = piece == nil
            return piece.map { Array($0.readableBytesView) }
        } catch {
            throw .badData("the request body could not be read to its end")
        }
    }
}
