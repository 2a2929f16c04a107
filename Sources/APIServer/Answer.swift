import Model

/// What a request is answered with.
struct Answer: Sendable {
    /// The text behind the head.
    enum Body: Sendable {
        /// All of it.
        case bytes([UInt8])
        /// Piece by piece, as the client takes it.
        case pieces(any AnswerPieces)
    }

    /// Up to how many bytes an answer is made whole.
    private static let wholeAnswerBytes = 4 << 20

    /// The status code.
    var statusCode = 200
    /// The type of the body; nil if there is none.
    var contentType: String?
    /// Further header fields.
    var headers: [(name: String, value: String)] = []
    /// The body.
    var body = Body.bytes([])
    /// Whether the connection ends with this answer, because the rest of the request is not worth reading.
    var endsConnection = false

    static func text(_ text: String, statusCode: Int = 200) -> Answer {
        Answer(
            statusCode: statusCode,
            contentType: "text/plain; charset=utf-8",
            body: .bytes(Array(text.utf8))
        )
    }

    static func json(_ bytes: [UInt8], statusCode: Int = 200) -> Answer {
        Answer(statusCode: statusCode, contentType: "application/json", body: .bytes(bytes))
    }

    /// The JSON that `pieces` write: whole, with its length in the head, or piece by piece if it is long.
    static func json(_ pieces: some AnswerPieces) -> Answer {
        var pieces = pieces
        guard var begun = pieces.next() else { return .json([]) }
        while begun.count < wholeAnswerBytes {
            guard let piece = pieces.next() else { return .json(begun) }
            begun += piece
        }
        return Answer(
            contentType: "application/json",
            body: .pieces(BegunPieces(begun: begun, rest: pieces))
        )
    }

    /// No body.
    static func empty(statusCode: Int) -> Answer {
        Answer(statusCode: statusCode)
    }

    /// The answer that tells the client of `error`, in the envelope of the API.
    static func failure(_ error: APIError) -> Answer {
        Answer.json(Envelope.failure(error), statusCode: error.statusCode).adding(error)
    }

    /// The answer that tells the client of `error`, as plain text.
    static func textFailure(_ error: APIError) -> Answer {
        Answer.text(error.message + "\n", statusCode: error.statusCode).adding(error)
    }

    /// What a write answers that refused some samples; the status is 429 if they may be accepted later.
    static func refusal(_ rejections: Rejections) -> Answer {
        let isLater = rejections.areAllOfLimits
        return textFailure(
            APIError(
                .badData,
                rejections.summary,
                statusCode: isLater ? 429 : 400,
                retryAfterSeconds: isLater ? 30 : nil
            )
        )
    }

    private func adding(_ error: APIError) -> Answer {
        var answer = self
        if let seconds = error.retryAfterSeconds { answer.headers.append(("Retry-After", String(seconds))) }
        answer.endsConnection = error.statusCode == 413
        return answer
    }
}

/// A body that is written while it is sent.
protocol AnswerPieces: Sendable {
    /// The next piece, or nil at the end.
    mutating func next() -> [UInt8]?
}

/// The pieces of an answer whose first part is written already.
private struct BegunPieces<Rest: AnswerPieces>: AnswerPieces {
    var begun: [UInt8]
    var rest: Rest

    mutating func next() -> [UInt8]? {
        guard begun.isEmpty else {
            defer { begun = [] }
            return begun
        }
        return rest.next()
    }
}
