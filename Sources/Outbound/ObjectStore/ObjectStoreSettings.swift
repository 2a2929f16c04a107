import Foundation

/// The access to an object store; its description tells nothing secret.
package struct ObjectStoreCredentials: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// Who asks.
    let accessKey: String
    /// What requests are signed with.
    let secretKey: String
    /// The token of credentials that end; nil for others.
    let sessionToken: String?

    /// These credentials.
    package init(accessKey: String, secretKey: String, sessionToken: String? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }

    /// The credentials in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, else those of
    /// the profile `AWS_PROFILE` (`default`) in `AWS_SHARED_CREDENTIALS_FILE` (`~/.aws/credentials`).
    ///
    /// Nil if there are none.
    /// - Parameters:
    ///   - environment: The environment's variables.
    ///   - readFile: Gives the text of a file; nil if it cannot be read.
    package init?(
        environment: [String: String],
        readFile: (String) -> String? = { try? String(contentsOfFile: $0, encoding: .utf8) }
    ) {
        func variable(_ name: String) -> String? {
            environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        if let accessKey = variable("AWS_ACCESS_KEY_ID"), let secretKey = variable("AWS_SECRET_ACCESS_KEY") {
            let token = variable("AWS_SESSION_TOKEN")
            self.init(accessKey: accessKey, secretKey: secretKey, sessionToken: token)
            return
        }
        let path =
            variable("AWS_SHARED_CREDENTIALS_FILE")
            ?? variable("HOME").map { "\($0)/.aws/credentials" } ?? ""
        guard let text = readFile(path) else { return nil }
        let section = "[\(variable("AWS_PROFILE") ?? "default")]"
        var values: [String: String] = [:]
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("[") {
                isInside = line == section
            } else if isInside, let equals = line.firstIndex(of: "=") {
                let name = line[..<equals].trimmingCharacters(in: .whitespaces)
                values[name] = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
            }
        }
        guard let accessKey = values["aws_access_key_id"], let secretKey = values["aws_secret_access_key"]
        else {
            return nil
        }
        self.init(accessKey: accessKey, secretKey: secretKey, sessionToken: values["aws_session_token"])
    }

    /// Nothing secret.
    package var description: String { "<secret>" }
    /// Nothing secret.
    package var debugDescription: String { description }
}
