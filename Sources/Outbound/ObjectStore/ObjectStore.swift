import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1

/// A bucket of an S3-compatible object store: puts, reads, lists and removes objects.
///
/// Addresses have the bucket in their path (`<endpoint>/<bucket>/<key>`), which every such store answers.
/// Large objects are put in parts (`ObjectUpload`).
package struct ObjectStore: Sendable {
    /// The largest object, in bytes: 5 TiB.
    package static let mostBytes = 5 << 40
    /// How often a request is tried.
    private static let tries = 4
    /// How long one try may take, in milliseconds.
    private static let timeoutMillis: Int64 = 3_600_000
    /// The most bytes of an answer that is no object.
    private static let answerByteCount = 16 << 20

    /// Why a store did not do what it was asked for; nothing secret is in it.
    package struct Failure: Error, CustomStringConvertible {
        /// The sentence for the user.
        package let description: String
    }

    private let endpoint: String
    private let host: String
    private let region: String
    private let bucket: String
    private let credentials: ObjectStoreCredentials
    private let now: @Sendable () -> Date
    private let retryMillis: Int64
    private let partByteCount: Int

    private static let client = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// A bucket of the store at `endpoint`, such as `https://s3.eu-central-1.amazonaws.com`.
    ///
    /// - Parameters:
    ///   - endpoint: The store's address without a path.
    ///   - region: The store's region; many have none and take any.
    ///   - bucket: The bucket's name.
    ///   - credentials: What requests are signed with.
    ///   - partByteCount: The size from which an object is put in parts, and that of a part, in bytes; stores
    ///     want 5 MiB at least.
    ///   - retryMillis: How long to wait before the second try; before each further one twice as long.
    ///   - now: The time.
    /// - Throws: `Failure` if the endpoint is no address.
    package init(
        endpoint: String,
        region: String,
        bucket: String,
        credentials: ObjectStoreCredentials,
        partByteCount: Int = 256 << 20,
        retryMillis: Int64 = 500,
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws(Failure) {
        var endpoint = endpoint
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        guard let parts = URLComponents(string: endpoint), let scheme = parts.scheme, let host = parts.host,
            ["http", "https"].contains(scheme), !host.isEmpty, parts.path.isEmpty, parts.user == nil,
            parts.query == nil
        else { throw Failure(description: "\(endpoint) is no address of an object store") }
        self.endpoint = endpoint
        self.host = parts.port.map { "\(host):\($0)" } ?? host
        self.region = region
        self.bucket = bucket
        self.credentials = credentials
        self.now = now
        self.retryMillis = retryMillis
        self.partByteCount = partByteCount
    }

    /// Puts `bytes` under `key`.
    package func put(_ bytes: [UInt8], key: String) async throws(Failure) {
        let hash = SHA256.hash(data: bytes).hexadecimal
        try await succeed("PUT", key, payload: hash) { .bytes(ByteBuffer(bytes: bytes)) }
    }

    /// Puts `size` bytes with this SHA-256 under `key`; `read` gives those of a range.
    package func put(
        size: Int,
        sha256: String,
        key: String,
        read: @escaping @Sendable (Range<Int>) throws -> [UInt8]
    ) async throws(Failure) {
        guard size <= ObjectStore.mostBytes else {
            throw Failure(
                description: "\(size) bytes are more than an object may have (\(ObjectStore.mostBytes))"
            )
        }
        guard size <= partByteCount else {
            return try await ObjectUpload(self, key, size: size, partByteCount: partByteCount, read).run()
        }
        try await succeed("PUT", key, payload: sha256) { .pieces(of: 0..<size, read) }
    }

    /// Hands the content of the object `key` to `body`, in pieces.
    package func read(_ key: String, _ body: ([UInt8]) throws -> Void) async throws {
        let response = try await send("GET", key)
        for try await piece in response.body { try body(Array(piece.readableBytesView)) }
    }

    /// Removes the object `key`, if there is one.
    package func remove(_ key: String) async throws(Failure) {
        try await succeed("DELETE", key)
    }

    /// The sizes of all objects whose keys begin with `prefix`, by key.
    package func list(_ prefix: String) async throws(Failure) -> [String: Int] {
        var sizes: [String: Int] = [:]
        var token: String?
        repeat {
            var query = [(name: "list-type", value: "2"), (name: "prefix", value: prefix)]
            if let token { query.append((name: "continuation-token", value: token)) }
            let page = ObjectListing(try await answer("GET", "", query).text)
            for object in page.objects { sizes[object.key] = object.size }
            token = page.nextToken
        } while token != nil
        return sizes
    }

    // MARK: - Private

    private func succeed(
        _ method: String,
        _ key: String,
        payload: String = ObjectStore.emptyHash,
        body: (() -> HTTPClientRequest.Body)? = nil
    ) async throws(Failure) {
        _ = try await answer(method, key, payload: payload, body: body)
    }

    /// The text of the answer to a request, and its header.
    func answer(
        _ method: String,
        _ key: String,
        _ query: [(name: String, value: String)] = [],
        payload: String = ObjectStore.emptyHash,
        body: (() -> HTTPClientRequest.Body)? = nil
    ) async throws(Failure) -> (text: String, headers: HTTPHeaders) {
        let response = try await send(method, key, query, payload: payload, body: body)
        do {
            let content = try await response.body.collect(upTo: ObjectStore.answerByteCount)
            return (String(decoding: content.readableBytesView, as: UTF8.self), response.headers)
        } catch {
            throw Failure(description: "\(method) \(bucket)/\(key): \(error)")
        }
    }

    static let emptyHash = SHA256.hash(data: [] as [UInt8]).hexadecimal

    /// Sends a request until it succeeds, or fails in a way that another try would not change.
    private func send(
        _ method: String,
        _ key: String,
        _ query: [(name: String, value: String)] = [],
        payload: String = ObjectStore.emptyHash,
        body: (() -> HTTPClientRequest.Body)? = nil
    ) async throws(Failure) -> HTTPClientResponse {
        var pause = retryMillis
        var failure = Failure(description: "")
        for attempt in 1...ObjectStore.tries {
            if attempt > 1 {
                do { try await Task.sleep(for: .milliseconds(pause)) } catch { throw failure }
                pause *= 2
            }
            do {
                let request = request(method, key, query, payload, body?())
                let response = try await ObjectStore.client.execute(
                    request,
                    timeout: .milliseconds(ObjectStore.timeoutMillis)
                )
                if response.status.code / 100 == 2 { return response }
                let text = try await response.body.collect(upTo: ObjectStore.answerByteCount)
                failure = Failure(
                    description: "\(method) \(bucket)/\(key): status \(response.status.code)"
                        + ObjectListing.errorText(String(decoding: text.readableBytesView, as: UTF8.self))
                )
                if response.status.code < 500 && response.status.code != 429 { throw failure }
            } catch let error as Failure {
                throw error
            } catch {
                failure = Failure(description: "\(method) \(endpoint)/\(bucket)/\(key): \(error)")
            }
        }
        throw failure
    }

    private func request(
        _ method: String,
        _ key: String,
        _ query: [(name: String, value: String)],
        _ payload: String,
        _ body: HTTPClientRequest.Body?
    ) -> HTTPClientRequest {
        let time = ObjectStore.text(now())
        let path = key.isEmpty ? "/\(bucket)" : "/\(bucket)/\(key)"
        var headers: [(name: String, value: String)] = [
            ("host", host), ("x-amz-content-sha256", payload), ("x-amz-date", time),
        ]
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
        let signature = RequestSignature(credentials: credentials, region: region, time: time)
        let authorization = signature.authorization(
            .init(method: method, path: path, query: query, headers: headers, payload: payload)
        )
        var address = endpoint + RequestSignature.encode(path, keepsSlashes: true)
        if !query.isEmpty { address += "?" + RequestSignature.encode(query) }
        var request = HTTPClientRequest(url: address)
        request.method = HTTPMethod(rawValue: method)
        for header in headers { request.headers.add(name: header.name, value: header.value) }
        request.headers.add(name: "authorization", value: authorization)
        request.body = body
        return request
    }

    private static func text(_ time: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
        return formatter.string(from: time)
    }
}
