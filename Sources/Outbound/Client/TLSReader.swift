import StrictYAML

/// Reads the mapping `tls_config`, files of certificates included.
enum TLSReader {
    private static let keys = [
        "ca", "ca_file", "cert", "cert_file", "key", "key_file", "server_name", "insecure_skip_verify",
        "min_version", "max_version",
    ]

    /// What `node` says; certificates and keys that are none are problems.
    static func settings(_ node: YAMLNode, _ reader: inout StrictReader) -> TLSSettings {
        var settings = TLSSettings()
        guard let fields = reader.fields(of: node, owner: "tls_config", known: keys) else { return settings }
        settings.authorities = bytes(fields, "ca", &reader)
        settings.certificate = bytes(fields, "cert", &reader)
        settings.key = bytes(fields, "key", &reader)
        settings.serverName = reader.string(fields, "server_name")
        settings.skipsVerification = reader.boolean(fields, "insecure_skip_verify") ?? false
        settings.minimumVersion = version(fields, "min_version", &reader)
        settings.maximumVersion = version(fields, "max_version", &reader)
        if (settings.certificate == nil) != (settings.key == nil) {
            reader.report("cert and key belong together: tls_config has only one of them", at: node)
        }
        do { _ = try settings.configuration() } catch {
            reader.report("tls_config holds what is no certificate or no key: \(error)", at: node)
        }
        return settings
    }

    private static func bytes(
        _ fields: YAMLFields,
        _ name: String,
        _ reader: inout StrictReader
    ) -> [UInt8]? {
        guard let secret = HTTPClientReader.secret(fields, name, &reader) else { return nil }
        if case .file(let path) = secret { reader.dependsOn(path) }
        do { return Array(try secret.value().utf8) } catch {
            reader.report("\(error)", at: fields[name + "_file"] ?? fields.node)
            return nil
        }
    }

    private static func version(
        _ fields: YAMLFields,
        _ name: String,
        _ reader: inout StrictReader
    ) -> TLSSettings.Version? {
        guard let text = reader.string(fields, name) else { return nil }
        guard let version = TLSSettings.Version(rawValue: text) else {
            let known = TLSSettings.Version.allCases.map(\.rawValue).joined(separator: ", ")
            reader.report("\(name) has to be one of \(known)", at: fields[name] ?? fields.node)
            return nil
        }
        return version
    }
}
