import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// One request to an HTTP server, and its whole answer.
package struct HTTPCall: Sendable {
    /// What a server answered.
    package struct Answer: Sendable {
        /// The status code, such as 200.
        package var status: Int
        /// The body.
        package var body: [UInt8]

        /// The body as text; bytes that are no UTF-8 are replaced.
        package var text: String { String(decoding: body, as: UTF8.self) }
        /// Whether the status is 2xx.
        package var isSuccess: Bool { status / 100 == 2 }
    }

    /// Why there is no answer; the text names the address.
    package struct Failure: Error, CustomStringConvertible {
        /// The sentence for the user.
        package let description: String
    }

    /// The client of all calls; unlike the shared one it does not try a refused connection again until the
    /// time is over.
    private static let client = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// The method, such as `POST`.
    package var method: String
    /// The address, such as `http://127.0.0.1:9797/api/v1/query`.
    package var url: String
    /// Header fields by name.
    package var headers: [(name: String, value: String)]
    /// The body; nil for none.
    package var body: [UInt8]?
    /// The longest time that the whole call may take, in milliseconds.
    package var timeoutMillis: Int64 = 60_000
    /// The largest body that is taken as an answer, in bytes.
    package var answerBytes = 256 << 20

    /// What stands for the address in errors; nil for the address itself.
    package var name: String?

    /// A call of `method` on `url`.
    package init(
        _ method: String,
        _ url: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// Sends the request and collects the answer, whatever its status.
    package func send() async throws(Failure) -> Answer {
        try await send(over: HTTPCall.client)
    }

    /// Sends the request over `client` and collects the answer, whatever its status.
    func send(over client: HTTPClient) async throws(Failure) -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: method)
        for header in headers { request.headers.add(name: header.name, value: header.value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        do {
            let response = try await client.execute(request, timeout: .milliseconds(timeoutMillis))
            let body = try await response.body.collect(upTo: answerBytes)
            return Answer(status: Int(response.status.code), body: Array(body.readableBytesView))
        } catch {
            throw Failure(description: "\(method) \(name ?? url): \(error)")
        }
    }
}
