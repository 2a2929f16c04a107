/// Whether the daemon lives and takes work.
enum HealthRoutes {
    @Sendable static func healthy(_ exchange: Exchange) async throws(APIError) -> Answer {
        .text("Sextant is Healthy.\n")
    }

    @Sendable static func ready(_ exchange: Exchange) async throws(APIError) -> Answer {
        switch exchange.context.phase {
        case .ready where exchange.context.isWarm: .text("Sextant is Ready.\n")
        case .ready: unavailable(isStopping: false)
        case .starting: unavailable(isStopping: false)
        case .stopping: unavailable(isStopping: true)
        }
    }

    /// The answer of all that needs the store before it is open and while it closes.
    static func unavailable(isStopping: Bool) -> Answer {
        var answer = Answer.text("Service Unavailable\n", statusCode: 503)
        answer.headers.append(("X-Prometheus-Stopping", isStopping ? "true" : "false"))
        answer.headers.append(("Retry-After", "1"))
        return answer
    }
}
