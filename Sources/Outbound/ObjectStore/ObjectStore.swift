import AsyncHTTPClient
import ChunkCodec
import Foundation
import NIOCore
import NIOHTTP1

/// A bucket of an S3-compatible object store: puts, reads, lists and removes objects.
///
/// Addresses have the bucket in their path (`<endpoint>/<bucket>/<key>`), which every such store answers. An
/// object is put with one request, which the stores take up to 5 GiB.
package struct ObjectStore: Sendable {
    /// The largest object, in bytes.
    package static let mostBytes = 5 << 30
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
    ///   - retryMillis: How long to wait before the second try; before each further one twice as long.
    ///   - now: The time.
    /// - Throws: `Failure` if the endpoint is no address.
    package init(
        endpoint: String,
        region: String,
        bucket: String,
        credentials: ObjectStoreCredentials,
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
    }

    /// Puts `bytes` under `key`.
    package func put(_ bytes: [UInt8], key: String) async throws(Failure) {
        let hash = SHA256.hexadecimal(SHA256.hash(bytes))
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
        try await succeed("PUT", key, payload: sha256) {
            .stream(ReadPieces(size: size, read: read), length: .known(Int64(size)))
        }
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
            let response = try await send("GET", "", query)
            let page: ObjectListing
            do {
                let body = try await response.body.collect(upTo: ObjectStore.answerByteCount)
                page = ObjectListing(String(decoding: body.readableBytesView, as: UTF8.self))
            } catch {
                throw Failure(description: "listing \(bucket)/\(prefix): \(error)")
            }
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
        let response = try await send(method, key, payload: payload, body: body)
        do { _ = try await response.body.collect(upTo: ObjectStore.answerByteCount) } catch {
            throw Failure(description: "\(method) \(bucket)/\(key): \(error)")
        }
    }

    private static let emptyHash = SHA256.hexadecimal(SHA256.hash([]))

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

/// The pieces of a body that is read as it is sent.
private struct ReadPieces: AsyncSequence, Sendable {
    /// How much is read at a time, in bytes.
    private static let pieceByteCount = 1 << 20

    let size: Int
    let read: @Sendable (Range<Int>) throws -> [UInt8]

    struct AsyncIterator: AsyncIteratorProtocol {
        let pieces: ReadPieces
        var position = 0

        mutating func next() async throws -> ByteBuffer? {
            guard position < pieces.size else { return nil }
            let end = Swift.min(pieces.size, position + ReadPieces.pieceByteCount)
            defer { position = end }
            return ByteBuffer(bytes: try pieces.read(position..<end))
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pieces: self) }
}
