import HTTPTypes
import Intake
import Model

/// The import of text exposition, of any size and with times of any age.
///
/// The body is read, decoded and stored piece by piece, each piece durable before the next is read, so that
/// an import of gigabytes takes little memory.
enum ImportRoute {
    /// How many samples are stored at once.
    private static let batchSamples = 50_000
    /// From how many bytes of labels on fewer samples are stored at once.
    private static let batchLabelBytes = 8 << 20

    @Sendable static func importText(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        var job = ImportJob(exchange: exchange, sink: backend.sink)
        do throws(APIError) {
            try exchange.body.reserve(batchLabelBytes)
            let encoding = (exchange.header(.contentEncoding) ?? "").lowercased()
            switch encoding {
            case "", "identity": try await job.readPlain(exchange.body)
            case "gzip", "x-gzip": try await job.readGzip(exchange.body)
            default:
                throw APIError(
                    .badData,
                    "Content-Encoding \(encoding) is not accepted; send gzip or plain text",
                    statusCode: 415
                )
            }
            return job.answer()
        } catch {
            var error = error
            if job.storedSampleCount > 0 {
                error.message += "\n\(job.storedSampleCount) samples before that are stored"
            }
            var answer = Answer.textFailure(error)
            answer.endsConnection = true
            return answer
        }
    }

    /// One import on its way.
    private struct ImportJob {
        private(set) var storedSampleCount = 0

        private let telemetry: HTTPTelemetry
        private let sink: any SampleSink
        private let ratioLimit: Int
        private var decoder: TextExposition.Decoder
        private var rejections = Rejections()

        init(exchange: Exchange, sink: any SampleSink) {
            telemetry = exchange.context.telemetry
            self.sink = sink
            ratioLimit = exchange.limits.gzipRatio
            var options = TextExposition.Options()
            options.limits = exchange.limits
            decoder = TextExposition.Decoder(now: exchange.context.now(), options: options)
        }

        mutating func readPlain(_ body: RequestBodyReader) async throws(APIError) {
            while let piece = try await body.next() {
                decoder.feed(piece)
                try await storeIfMany()
            }
            try await store(decoder.finish())
        }

        mutating func readGzip(_ body: RequestBodyReader) async throws(APIError) {
            var inflater = Gzip.Inflater(limit: .max, ratioLimit: ratioLimit)
            var text: [UInt8] = []
            while let piece = try await body.next() {
                inflater.supply(piece)
                while try inflate(&inflater, &text) {
                    decoder.feed(text)
                    try await storeIfMany()
                }
            }
            do {
                try inflater.finish()
            } catch {
                throw APIError(error)
            }
            try await store(decoder.finish())
        }

        func answer() -> Answer {
            guard rejections.isEmpty else { return .refusal(rejections) }
            return .empty(statusCode: 204)
        }

        private func inflate(
            _ inflater: inout Gzip.Inflater,
            _ text: inout [UInt8]
        ) throws(APIError) -> Bool {
            do {
                return try inflater.next(into: &text)
            } catch {
                throw APIError(error)
            }
        }

        private mutating func storeIfMany() async throws(APIError) {
            if decoder.pendingSampleCount >= batchSamples || decoder.pendingLabelByteCount >= batchLabelBytes
            {
                try await store(decoder.take())
            }
        }

        private mutating func store(_ decoded: DecodedWrite) async throws(APIError) {
            var refused = decoded.rejections
            var stored = 0
            if decoded.batch.sampleCount > 0 || !decoded.batch.metadata.isEmpty {
                do {
                    let outcome = try await sink.append(decoded.batch)
                    stored = outcome.storedSampleCount
                    refused.add(outcome.rejections)
                } catch {
                    throw APIError(error)
                }
            }
            storedSampleCount += stored
            rejections.add(refused)
            telemetry.noteWrite(.import, stored: stored, rejected: refused.count)
        }
    }
}
