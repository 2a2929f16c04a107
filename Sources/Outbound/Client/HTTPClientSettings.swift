import Foundation

/// How requests to one place are made, as Prometheus's `http_config` says it.
package struct HTTPClientSettings: Hashable, Sendable {
    /// How requests say who sends them.
    package enum Credentials: Hashable, Sendable {
        /// Not at all.
        case none
        /// By name and password.
        case basic(user: SecretText, password: SecretText)
        /// By a scheme, such as `Bearer`, and what it takes.
        case scheme(String, SecretText?)
    }

    /// A header field that is added to each request.
    package struct Header: Hashable, Sendable {
        /// The name.
        package var name: String
        /// The values, each a field of its own.
        package var values: [SecretText]
    }

    /// How requests say who sends them.
    package var credentials = Credentials.none
    /// What is checked and shown in TLS.
    package var tls = TLSSettings()
    /// The proxy.
    package var proxy = ProxySettings.none
    /// Further header fields.
    package var headers: [Header] = []
    /// Whether the answer's redirection is followed.
    package var followsRedirects = true
    /// Whether HTTP/2 is spoken with who can.
    package var isHTTP2Enabled = true

    /// Requests without anything special.
    package init() {}

    /// The header fields of a request made now; reads the files of secrets, which blocks.
    func headerFields() throws(HTTPCall.Failure) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        switch credentials {
        case .none: break
        case .basic(let user, let password):
            let pair = try user.value() + ":" + password.value()
            fields.append(("Authorization", "Basic " + Data(pair.utf8).base64EncodedString()))
        case .scheme(let name, let secret):
            let value = try secret?.value() ?? ""
            fields.append(("Authorization", value.isEmpty ? name : "\(name) \(value)"))
        }
        for header in headers {
            for value in header.values { fields.append((header.name, try value.value())) }
        }
        return fields
    }
}
