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
    private static let seriesPath = "/api/v1/series"
    /// How the paths begin of what may be answered here.
    private static let starts = [instantPath, seriesPath, "/api/v1/label"]

    /// What requests share.
    let context: APIContext

    /// Whether a request with this head may be answered here; it is a query then, or asks about labels.
    func takes(_ head: HTTPRequest) -> Bool {
        guard let path = head.path, QuickResponder.starts.contains(where: { path.hasPrefix($0) }) else {
            return false
        }
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
        let found = Routes.table.find(String(Substring(first)))
        guard let (route, variable) = found, route.methods.contains(head.method) else { return nil }
        var parameters = Parameters()
        do throws(APIError) {
            if let form { try parameters.add(form: form.readableBytesView) }
            if parts.count > 1 { try parameters.add(form: parts[1]) }
        } catch {
            return nil
        }
        let isCompressed = Responder.takesGzip(head.headerFields[.acceptEncoding])
        let limits = context.limits.current
        func small<Question>(_ question: Question?, _ known: SmallQueries<Question>) -> Answer? {
            question.flatMap { smallAnswer($0, known, backend, channel, isCompressed: isCompressed) }
        }
        // A question that cannot be read is told so on the other way.
        let answer: Answer? =
            switch route.path {
            case QuickResponder.instantPath:
                small(try? .instant(parameters, context, limits), context.smallQueries)
            case QuickResponder.rangePath:
                small(try? .range(parameters, context, limits), context.smallQueries)
            case QuickResponder.seriesPath:
                small(try? LabelQuestion(.series, parameters), context.smallLabelQuestions)
            case LabelRoutes.namesPath:
                small(try? LabelQuestion(.names, parameters), context.smallLabelQuestions)
            case LabelRoutes.valuesPath:
                small(
                    try? LabelQuestion(.values(of: LabelRoutes.labelName(variable)), parameters),
                    context.smallLabelQuestions
                )
            default: nil
            }
        guard let answer, case .bytes(let bytes) = answer.body else { return nil }
        context.telemetry.noteRequest(
            route.path,
            statusCode: answer.statusCode,
            took: began.duration(to: .now)
        )
        return respond(answer, bytes, isCompressed: isCompressed)
    }

    /// The answer to a question that is known to be small, if it still is.
    private func smallAnswer<Question>(
        _ question: Question,
        _ known: SmallQueries<Question>,
        _ backend: APIBackend,
        _ channel: any Channel,
        isCompressed: Bool
    ) -> Answer? {
        guard let parsed = known.parsed(question, isCompressed: isCompressed) else { return nil }
        let origin = QueryOrigin(kind: question.kind, text: question.text) { [channel] in
            channel.remoteAddress?.ipAddress ?? ""
        }
        let result = context.queries.runSmall(origin, backend.source) { budget throws(APIError) in
            try question.answer(parsed, context, backend, budget, waited: .zero)
        }
        guard let (answer, took) = result, case .bytes(let bytes) = answer.body,
            bytes.count <= SmallQuestionSize.answerByteCount
        else {
            known.noteMistake(question)
            return nil
        }
        known.noteAnswered(question, took: took)
        return answer
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
