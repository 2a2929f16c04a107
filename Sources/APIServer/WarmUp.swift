import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks once over HTTP what clients will ask, before the daemon says that it is ready.
///
/// What a process does for the first time takes many times as long: types are looked up by name, code is read
/// in, files are opened, from the socket to the evaluation. So a few questions about one series are asked by
/// the daemon itself, and the first client after a restart waits for its own data only. They are counted as
/// all others are.
struct WarmUp {
    /// How long until the server is looked at again that does not listen yet.
    private static let patience = Duration.milliseconds(2)
    /// How often all questions are asked: what is known from the time before is answered another way.
    private static let roundCount = 2
    /// How far back ranges reach, in seconds.
    private static let rangeSeconds: Int64 = 3600

    private let context: APIContext
    private let backend: APIBackend

    /// Asks all questions; one that fails is left out, because nobody waits for its answer.
    static func run(_ context: APIContext, _ backend: APIBackend) async {
        let asking = Task { await WarmUp(context: context, backend: backend).run() }
        let limit = Task {
            // Cut short once all is asked.
            try? await Task.sleep(for: .milliseconds(context.configuration.warmUpMillis))
            asking.cancel()
        }
        await asking.value
        limit.cancel()
    }

    private func run() async {
        let work: @Sendable (QueryBudget) throws(APIError) -> [String] = { [self] in paths($0) }
        let limit = context.configuration.warmUpMillis
        // Without an idle thread in time, or on the way to a stop, nothing is warm, and nothing is wrong.
        let found = try? await context.queries.run(for: nil, nil, timeLimitMillis: limit, work)
        guard let paths = found, !paths.isEmpty else { return }
        while context.port == nil {
            // Throws if the time is over.
            do { try await Task.sleep(for: WarmUp.patience) } catch { return }
        }
        for _ in 0..<WarmUp.roundCount where !Task.isCancelled {
            // Whatever is wrong with a connection, the clients will be told of theirs.
            try? await ask(paths)
        }
    }

    /// The questions, as paths of requests; none without a series.
    private func paths(_ budget: QueryBudget) -> [String] {
        guard let (selector, time) = series(budget) else { return [] }
        let rate = "rate(\(selector)[5m])"
        let expressions = [
            selector, "topk(1, sum by (job) (\(rate)))",
            "\(rate) > bool 0 or -avg_over_time(\(selector)[5m])",
            "histogram_quantile(0.9, sum by (le) (\(rate)))", "sum(\(selector)) / max(\(selector))",
        ]
        let seconds = time.millis / 1000
        var paths: [String] = []
        for expression in expressions.map(WarmUp.encoded) {
            paths.append("/api/v1/query?query=\(expression)&time=\(seconds)")
            let start = seconds - WarmUp.rangeSeconds
            let steps = "start=\(start)&end=\(seconds)&step=15"
            paths.append("/api/v1/query_range?query=\(expression)&\(steps)")
        }
        let match = "match[]=\(WarmUp.encoded(selector))&limit=1"
        return paths + [
            "/api/v1/series?\(match)", "/api/v1/labels?\(match)", "/api/v1/label/__name__/values?\(match)",
        ]
    }

    /// A selector of one series, and the time of about its last sample; nil if there is no series.
    private func series(_ budget: QueryBudget) -> (selector: String, time: Timestamp)? {
        let request = LabelRequest(limit: 1)
        // What cannot be read is told to who asks for it.
        guard let labels = try? backend.source.series(request, budget: budget).items.first else { return nil }
        let matchers = labels.map { Matcher($0.name, .equal, $0.value) }
        // What is computed can take long.
        guard !backend.source.dependsOnHints(matchers) else { return nil }
        let texts = labels.map { "\(LabelText.quoted($0.name))=\(LabelText.quoted($0.value))" }
        let select = SelectRequest(matchers: matchers, range: .all)
        let set = try? backend.source.select(select, budget: budget)
        guard let set, set.count > 0 else { return nil }
        let bounds = try? set.bounds(of: 0)
        return ("{\(texts.joined(separator: ","))}", min(context.now(), bounds?.end ?? .max))
    }

    /// Sends a request for each path over one connection, and reads the answers.
    private func ask(_ paths: [String]) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.milliseconds(context.configuration.warmUpMillis))
            .connect(host: host, port: context.port ?? context.configuration.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            var parts = inbound.makeAsyncIterator()
            for path in paths {
                let fields: HTTPHeaders = ["Host": "localhost"]
                let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: fields)
                try await outbound.write(.head(head))
                try await outbound.write(.end(nil))
                while let part = try await parts.next() {
                    if case .end = part { break }
                }
            }
        }
    }

    /// Where the server is found.
    private var host: String {
        switch context.configuration.host {
        case "0.0.0.0": "127.0.0.1"
        case "::", "[::]": "::1"
        case let host: host
        }
    }

    /// `text` as a value in the query of an address.
    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let scalar = Unicode.Scalar(byte)
            let isPlain = scalar.isASCII && scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
            if isPlain { return String(scalar) }
            let digits = String(byte, radix: 16, uppercase: true)
            return digits.count == 1 ? "%0\(digits)" : "%\(digits)"
        }.joined()
    }
}
