import HTTPTypes
import HummingbirdCore
import Model
import NIOCore
import PromQL

/// Answers small queries on the thread of their connection, before Hummingbird sees them: its way through
/// tasks and a thread of the query pool costs more than such a query.
///
/// What it does not answer goes that way, as if it had not been here. So it answers only what is as it should
/// be; all refusals and errors are left to the other way.
struct QuickResponder {
    /// The longest form that is read here, in bytes.
    private static let formByteCount = 8 << 10

    private static let instantPath = "/api/v1/query"
    private static let rangePath = "/api/v1/query_range"

    /// What requests share.
    let context: APIContext

    /// Whether a request with this head may be answered here; it is a query then.
    func takes(_ head: HTTPRequest) -> Bool {
        guard let path = head.path, path.hasPrefix(QuickResponder.instantPath) else { return false }
        let fields = head.headerFields
        guard fields[.connection] == nil, fields[.expect] == nil, fields[.transferEncoding] == nil else {
            return false
        }
        let length = fields[.contentLength].map { Int($0) ?? .max } ?? 0
        switch head.method {
        case .get: return length == 0
        case .post: return length <= QuickResponder.formByteCount && Exchange.isForm(fields[.contentType])
        default: return false
        }
    }

    /// Answers a request that `takes` let through.
    ///
    /// - Parameters:
    ///   - head: The head.
    ///   - form: The body, a form; nil if there is none.
    ///   - channel: The channel it came on.
    /// - Returns: The answer; nil if the request has to go the other way.
    func answer(
        _ head: HTTPRequest,
        _ form: ByteBuffer?,
        _ channel: any Channel
    ) -> (HTTPResponse, ByteBuffer)? {
        let began = ContinuousClock.now
        guard case .ready(let backend) = context.phase, let path = head.path else { return nil }
        let parts = path.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1)
        guard let first = parts.first, Responder.allowsHost(head.authority, context.configuration) else {
            return nil
        }
        let isRange = first.elementsEqual(QuickResponder.rangePath.utf8)
        guard isRange || first.elementsEqual(QuickResponder.instantPath.utf8) else { return nil }
        let limits = context.limits.current
        let question: QueryQuestion
        do throws(APIError) {
            var parameters = Parameters()
            if let form { try parameters.add(form: form.readableBytesView) }
            if parts.count > 1 { try parameters.add(form: parts[1]) }
            question =
                isRange
                ? try .range(parameters, context, limits) : try .instant(parameters, context, limits)
        } catch {
            return nil
        }
        let isCompressed = Responder.takesGzip(head.headerFields[.acceptEncoding])
        guard let expr = context.smallQueries.expression(of: question, isCompressed: isCompressed) else {
            return nil
        }
        let origin = QueryOrigin(kind: question.kind, text: question.text) { [channel] in
            channel.remoteAddress?.ipAddress ?? ""
        }
        let result = context.queries.runSmall(origin, backend.source) { budget throws(APIError) in
            try question.answer(expr, context, backend, budget, waited: .zero)
        }
        guard let (answer, took) = result, case .bytes(let bytes) = answer.body,
            bytes.count <= SmallQueries.answerByteCount
        else {
            context.smallQueries.noteMistake(question)
            return nil
        }
        context.smallQueries.noteAnswered(question, took: took)
        context.telemetry.noteRequest(
            isRange ? QuickResponder.rangePath : QuickResponder.instantPath,
            statusCode: answer.statusCode,
            took: began.duration(to: .now)
        )
        return respond(answer, bytes, isCompressed: isCompressed)
    }

    private func respond(
        _ answer: Answer,
        _ bytes: [UInt8],
        isCompressed: Bool
    ) -> (HTTPResponse, ByteBuffer) {
        var (bytes, fields) = (bytes, Responder.fields(of: answer))
        if bytes.count >= Responder.compressedFromBytes {
            fields[.vary] = "Accept-Encoding"
            if isCompressed {
                fields[.contentEncoding] = "gzip"
                bytes = Responder.gzipped(bytes)
            }
        }
        fields[.contentLength] = String(bytes.count)
        fields[.date] = context.dates.now()
        return (
            HTTPResponse(status: HTTPResponse.Status(code: answer.statusCode), headerFields: fields),
            ByteBuffer(bytes: bytes)
        )
    }
}
