import APIServer
import ArgumentParser
import Foundation
import Logging
import Model
import Rules
import Storage

/// `sextant serve`: the daemon.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the daemon.",
        discussion: """
            Samples come in by Prometheus remote write or as text, and go out by the Prometheus HTTP API. \
            Without any option the daemon keeps its data in ./data, for ever, and listens on this machine \
            only. SIGTERM and SIGINT stop it; SIGHUP and POST /-/reload read rules, retention and \
            configuration anew.

            Examples:
              sextant serve
              sextant serve --rules rules --retention retention.yaml
              sextant serve --data /var/lib/sextant --config sextant.yaml
              sextant serve --listen 0.0.0.0:9797 --insecure-listen
            """
    )

    @Option(help: "The address and port to listen on.")
    var listen = "127.0.0.1:9797"

    @Flag(help: "Allow --listen with an address that other machines reach, although nobody has to log in.")
    var insecureListen = false

    @Option(
        help: ArgumentHelp(
            "The address under which others reach the daemon, for links in alerts; http://HOST:PORT if not given.",
            valueName: "url"
        )
    )
    var externalURL: String?

    @Option(help: ArgumentHelp("The directory of the data.", valueName: "directory"))
    var data = "./data"

    @Option(help: ArgumentHelp("A configuration file in the form of Prometheus's.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "Rule files: a file, a directory or a pattern. May be given several times.",
            valueName: "file|directory|glob"
        )
    )
    var rules: [String] = []

    @Option(help: ArgumentHelp("A file that says how long samples are kept.", valueName: "file"))
    var retention: String?

    @Option(
        help: ArgumentHelp(
            """
            When a write is acknowledged: once it is on the disk (fsync), or already when the system has it, \
            which then goes to the disk every second (interval) or when the system likes (os).
            """,
            valueName: "fsync|interval|os"
        )
    )
    var durability = Durability.fsync

    @Flag(name: .customLong("enable-admin-api"), help: "Enable the routes under /api/v1/admin.")
    var isAdminAPIEnabled = false

    @Option(help: ArgumentHelp("What is logged: debug, info, warning or error.", valueName: "level"))
    var logLevel = Logger.Level.info

    func run() async throws {
        try await Daemon(options()).run()
    }

    /// What the arguments ask for.
    private func options() throws -> DaemonOptions {
        guard let address = ListenAddress(listen) else {
            throw Misuse(description: "--listen \(listen) is no address and port, such as 127.0.0.1:9797")
        }
        guard address.isLoopback || insecureListen else {
            throw Misuse(
                description:
                    "--listen \(listen) can be reached from other machines and nobody has to log in; "
                    + "add --insecure-listen if that is what you want"
            )
        }
        guard !data.isEmpty else { throw Misuse(description: "--data must not be empty") }
        return DaemonOptions(
            address: address,
            externalURL: try externalAddress(port: address.port),
            dataDirectory: data,
            configurationPath: config,
            rulePaths: rules,
            retentionPath: retention,
            durability: durability,
            isAdminAPIEnabled: isAdminAPIEnabled,
            logLevel: logLevel
        )
    }
}

extension ServeCommand {
    /// The address for links, without a slash at the end.
    private func externalAddress(port: Int) throws -> String {
        guard var url = externalURL else { return "http://\(ProcessInfo.processInfo.hostName):\(port)" }
        while url.hasSuffix("/") { url.removeLast() }
        let parts = URLComponents(string: url)
        guard let parts, parts.scheme == "http" || parts.scheme == "https", parts.host?.isEmpty == false,
            parts.query == nil, parts.fragment == nil
        else {
            throw Misuse(
                description: "--external-url \(url) is no address such as https://sextant.example.com/path"
            )
        }
        return url
    }
}

extension Durability: ExpressibleByArgument {}

extension Logger.Level: @retroactive ExpressibleByArgument {}
