import NIOSSL

/// What is checked and shown when a connection is secured.
package struct TLSSettings: Hashable, Sendable {
    /// The certificates that are trusted, as PEM; nil for those of the system.
    package var authorities: [UInt8]?
    /// The certificate that is shown, with those that vouch for it, as PEM.
    package var certificate: [UInt8]?
    /// The key of the certificate, as PEM.
    package var key: [UInt8]?
    /// The name that the server's certificate has to have, if it is not the one in the address.
    package var serverName: String?
    /// Whether any certificate will do.
    package var skipsVerification = false
    /// The least version, such as `TLS12`; nil for 1.2.
    package var minimumVersion: Version?
    /// The greatest version.
    package var maximumVersion: Version?

    /// The versions by their names in the configuration.
    package enum Version: String, CaseIterable, Sendable {
        case tls10 = "TLS10"
        case tls11 = "TLS11"
        case tls12 = "TLS12"
        case tls13 = "TLS13"

        fileprivate var version: TLSVersion {
            switch self {
            case .tls10: .tlsv1
            case .tls11: .tlsv11
            case .tls12: .tlsv12
            case .tls13: .tlsv13
            }
        }
    }

    /// TLS as everybody does it.
    package init() {}

    /// The settings as the library takes them.
    ///
    /// - Throws: What the library says about certificates and keys that are none.
    func configuration() throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = (minimumVersion ?? .tls12).version
        configuration.maximumTLSVersion = maximumVersion?.version
        if let authorities {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authorities))
        }
        if let certificate, let key {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(certificate)
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
        }
        if skipsVerification { configuration.certificateVerification = .none }
        return configuration
    }
}
