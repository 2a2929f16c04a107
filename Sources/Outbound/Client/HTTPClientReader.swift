import Foundation
import Model
import StrictYAML

/// Reads how requests are made, from the keys that Prometheus has for it wherever it makes requests.
package enum HTTPClientReader {
    /// The keys, which stand beside those of the place they belong to.
    package static let keys = [
        "basic_auth", "authorization", "bearer_token", "bearer_token_file", "tls_config", "proxy_url",
        "no_proxy",
        "proxy_from_environment", "proxy_connect_header", "follow_redirects", "enable_http2", "http_headers",
    ]
    /// Keys that Prometheus has and Sextant does not act on, each with the reason.
    package static let unsupported = [
        "oauth2": "put a proxy in front that gets the token, or use authorization with credentials_file",
        "sigv4": "requests are not signed for AWS", "azuread": "use authorization with credentials_file",
        "google_iam": "use authorization with credentials_file",
    ]

    /// What the fields say, paths as seen from the file's folder.
    package static func settings(_ fields: YAMLFields, _ reader: inout StrictReader) -> HTTPClientSettings {
        var settings = HTTPClientSettings()
        settings.credentials = credentials(fields, &reader)
        if let node = fields["tls_config"] { settings.tls = TLSReader.settings(node, &reader) }
        settings.proxy = proxy(fields, &reader)
        settings.headers = headers(fields, "http_headers", &reader)
        settings.followsRedirects = reader.boolean(fields, "follow_redirects") ?? true
        settings.isHTTP2Enabled = reader.boolean(fields, "enable_http2") ?? true
        return settings
    }

    // MARK: - Credentials

    private static func credentials(
        _ fields: YAMLFields,
        _ reader: inout StrictReader
    ) -> HTTPClientSettings.Credentials {
        let ways = ["basic_auth", "authorization", "bearer_token", "bearer_token_file"].filter {
            fields[$0] != nil
        }
        if ways.count > 1 {
            reader.report("only one of \(ways.joined(separator: " and ")) can be set", at: fields.node)
        }
        if let node = fields["basic_auth"] { return basic(node, &reader) }
        if let node = fields["authorization"] { return authorization(node, &reader) }
        return secret(fields, "bearer_token", &reader).map { .scheme("Bearer", $0) } ?? .none
    }

    private static func basic(_ node: YAMLNode, _ reader: inout StrictReader)
        -> HTTPClientSettings.Credentials
    {
        let keys = ["username", "username_file", "password", "password_file"]
        guard let fields = reader.fields(of: node, owner: "basic_auth", known: keys) else { return .none }
        return .basic(
            user: secret(fields, "username", &reader) ?? .text(""),
            password: secret(fields, "password", &reader) ?? .text("")
        )
    }

    private static func authorization(
        _ node: YAMLNode,
        _ reader: inout StrictReader
    ) -> HTTPClientSettings.Credentials {
        let keys = ["type", "credentials", "credentials_file"]
        guard let fields = reader.fields(of: node, owner: "authorization", known: keys) else { return .none }
        var scheme = (reader.string(fields, "type") ?? "").trimmingCharacters(in: .whitespaces)
        if scheme.isEmpty { scheme = "Bearer" }
        if scheme.lowercased() == "basic" {
            reader.report("for the type Basic there is basic_auth", at: fields["type"] ?? node)
        }
        return .scheme(scheme, secret(fields, "credentials", &reader))
    }

    /// The text of the field `name`, or the file that the field `name_file` names.
    package static func secret(
        _ fields: YAMLFields,
        _ name: String,
        _ reader: inout StrictReader
    ) -> SecretText? {
        let text = reader.string(fields, name)
        guard let path = reader.string(fields, name + "_file") else { return text.map { .text($0) } }
        if text != nil { reader.report("only one of \(name) and \(name)_file can be set", at: fields.node) }
        return .file(FilePath.resolve(path, against: reader.file))
    }

    // MARK: - Proxy and header fields

    private static func proxy(_ fields: YAMLFields, _ reader: inout StrictReader) -> ProxySettings {
        let usesEnvironment = reader.boolean(fields, "proxy_from_environment") ?? false
        let exceptions = reader.string(fields, "no_proxy")
        let headers = headers(fields, "proxy_connect_header", &reader)
        guard let node = fields["proxy_url"], let text = reader.string(node, "proxy_url"), !text.isEmpty
        else {
            if !(exceptions ?? "").isEmpty || !headers.isEmpty {
                reader.report("no_proxy and proxy_connect_header need proxy_url", at: fields.node)
            }
            return usesEnvironment ? .environment : .none
        }
        guard let url = URL(string: text), let scheme = url.scheme, ["http", "socks5"].contains(scheme),
            url.host != nil
        else {
            reader.report("proxy_url has to be an http:// or socks5:// address", at: node)
            return .none
        }
        if usesEnvironment {
            reader.report("only one of proxy_url and proxy_from_environment can be set", at: node)
        }
        return .server(url, exceptions: ProxySettings.exceptions(exceptions ?? ""), headers: headers)
    }

    /// Header fields: `http_headers` has values, secrets and files for each, `proxy_connect_header` a list.
    private static func headers(
        _ fields: YAMLFields,
        _ name: String,
        _ reader: inout StrictReader
    ) -> [HTTPClientSettings.Header] {
        guard let node = fields[name] else { return [] }
        guard case .mapping(let entries) = node.content else {
            reader.report("\(name) has to be a mapping, not \(node.kindName)", at: node)
            return []
        }
        var headers: [HTTPClientSettings.Header] = []
        for entry in entries {
            if reserved.contains(entry.name.lowercased()) {
                reader.report(
                    "the header field \(entry.name) has a key of its own or is not yours to set",
                    at: entry.key
                )
            }
            var values: [SecretText] = []
            if case .sequence(let items) = entry.value.content {
                for item in items { if let text = reader.string(item, name) { values.append(.text(text)) } }
            } else if let fields = reader.fields(
                of: entry.value,
                owner: "a header field",
                known: ["values", "secrets", "files"]
            ) {
                values += reader.strings(fields, "values").map { .text($0) }
                values += reader.strings(fields, "secrets").map { .text($0) }
                values += reader.strings(fields, "files")
                    .map { .file(FilePath.resolve($0, against: reader.file)) }
            }
            headers.append(HTTPClientSettings.Header(name: entry.name, values: values))
        }
        return headers.sorted { $0.name < $1.name }
    }

    private static let reserved: Set<String> = [
        "authorization", "host", "content-encoding", "content-length", "content-type", "user-agent",
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate",
        "accept-encoding", "x-prometheus-remote-write-version", "x-prometheus-remote-read-version",
        "x-prometheus-scrape-timeout-seconds", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
    ]
}
