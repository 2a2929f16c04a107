import AsyncHTTPClient
import NIOCore

extension HTTPClientRequest.Body {
    /// The bytes of `range`, read as they are sent.
    static func pieces(
        of range: Range<Int>,
        _ read: @escaping @Sendable (Range<Int>) throws -> [UInt8]
    ) -> Self {
        .stream(ObjectPieces(range: range, read: read), length: .known(Int64(range.count)))
    }
}

/// A part of an object, in pieces.
struct ObjectPieces: AsyncSequence, Sendable {
    /// How much is read at a time, in bytes.
    private static let pieceByteCount = 1 << 20

    let range: Range<Int>
    let read: @Sendable (Range<Int>) throws -> [UInt8]

    struct AsyncIterator: AsyncIteratorProtocol {
        let pieces: ObjectPieces
        var position: Int

        mutating func next() async throws -> ByteBuffer? {
            guard position < pieces.range.upperBound else { return nil }
            let end = Swift.min(pieces.range.upperBound, position + ObjectPieces.pieceByteCount)
            defer { position = end }
            return ByteBuffer(bytes: try pieces.read(position..<end))
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pieces: self, position: range.lowerBound) }
}
