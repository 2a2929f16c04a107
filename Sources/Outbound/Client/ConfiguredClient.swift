import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Telemetry

/// Sends requests to one place in the way its settings ask for.
///
/// It has connections of its own; `close` ends them and has to be called.
package final class ConfiguredClient: Sendable {
    private let settings: HTTPClientSettings
    private let client: HTTPClient
    private let target: Target

    /// What the addresses of requests are made of.
    private struct Target: Sendable {
        /// The address to send to, which has another name in it if the certificate is to have one.
        var url: String
        /// The field `Host`, if it is not what `url` says.
        var host: String?
    }

    /// A client for requests to `url`.
    ///
    /// - Throws: What is wrong with the settings' certificates, or with `url`.
    package init(_ settings: HTTPClientSettings, url: String) throws {
        guard let parsed = URL(string: url), let host = parsed.host, parsed.scheme != nil else {
            throw HTTPCall.Failure(description: "\(url) is no URL")
        }
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.tlsConfiguration = try settings.tls.configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = settings.isHTTP2Enabled ? .automatic : .http1Only
        configuration.redirectConfiguration =
            settings.followsRedirects ? .follow(max: 10, allowCycles: false) : .disallow
        configuration.proxy = try ConfiguredClient.proxy(settings.proxy, for: parsed)
        var target = Target(url: url)
        if let name = settings.tls.serverName, !name.isEmpty, name != host, parsed.scheme == "https",
            var parts = URLComponents(string: url)
        {
            target.host = host + (parsed.port.map { ":\($0)" } ?? "")
            parts.host = name
            target.url = parts.string ?? url
            configuration.dnsOverride = [name: host]
        }
        self.settings = settings
        self.target = target
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Sends `body` as JSON with POST and collects the answer; `name` stands for the address in errors.
    package func post(
        _ body: [UInt8],
        timeoutMillis: Int64,
        as name: String
    ) async throws(HTTPCall.Failure) -> HTTPCall.Answer {
        var headers = try settings.headerFields()
        headers.append(("Content-Type", "application/json"))
        headers.append(("User-Agent", "Sextant/\(BuildInfo.version)"))
        if let host = target.host { headers.append(("Host", host)) }
        var call = HTTPCall("POST", target.url, headers: headers, body: body)
        call.timeoutMillis = timeoutMillis
        call.answerBytes = 1 << 20
        call.name = name
        return try await call.send(over: client)
    }

    /// Ends all connections; calls that are under way fail.
    package func close() async {
        // It fails only if it was closed before.
        try? await client.shutdown()
    }

    private static func proxy(_ settings: ProxySettings, for target: URL) throws -> HTTPClient.Configuration
        .Proxy?
    {
        guard let url = settings.proxy(for: target), let host = url.host else { return nil }
        if url.scheme == "socks5" { return .socksServer(host: host, port: url.port ?? 1080) }
        var proxy = HTTPClient.Configuration.Proxy.server(
            host: host,
            port: url.port ?? 80,
            authorization: url.user.map { .basic(username: $0, password: url.password ?? "") }
        )
        if case .server(_, _, let headers) = settings {
            for header in headers {
                for value in header.values {
                    proxy.connectHeaders.add(name: header.name, value: try value.value())
                }
            }
        }
        return proxy
    }
}
