import Foundation

/// The programs of `scripts/peers.sh`.
enum Peers {
    /// Whether the peers could be unpacked on this machine.
    static var areAvailable: Bool { Repository.peerFolder != nil }
    /// Why a test skips where they could not.
    static let absence: String =
        "no Prometheus here: scripts/peers.sh could not unpack it from a Debian mirror"

    /// Whether the program is among them.
    static func has(_ name: String) -> Bool {
        Repository.peerFolder.map { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") } ?? false
    }

    /// The path of a peer's program.
    static func program(_ name: String) throws -> String {
        guard let folder = Repository.peerFolder else { throw NotYet(absence) }
        return "\(folder)/\(name)"
    }

    /// Runs promtool to its end and returns how it ended and what it printed; `input` is its standard input.
    static func promtool(
        _ arguments: [String],
        input: String? = nil,
        in folder: ScratchFolder
    ) async throws -> (ending: ChildProcess.Ending, output: String) {
        try await run(program("promtool"), arguments, input: input, in: folder)
    }

    /// Runs a program to its end, with standard output and standard error in one.
    static func run(
        _ program: String,
        _ arguments: [String],
        input: String? = nil,
        in folder: ScratchFolder
    ) async throws -> (ending: ChildProcess.Ending, output: String) {
        let name = UUID().uuidString
        let output = "\(folder.path)/\(name).out"
        var command = (program, arguments)
        if let input {
            let file = try folder.write(input, to: "\(name).in")
            let script = "exec \"$@\" <\"$0\""
            command = ("/bin/bash", ["-c", script, file, program] + arguments)
        }
        let child = try ChildProcess(command.0, command.1, workingDirectory: folder.path, logPath: output)
        let ending = try await child.waitForEnd(within: 120)
        return (ending, child.log)
    }
}

/// A running Prometheus with a folder of its own.
final class PrometheusServer: Sendable {
    let client: HTTPClient
    let folder: ScratchFolder
    private let process: ChildProcess

    /// Starts Prometheus with the given configuration; `flags` come behind those for folder and address.
    init(configuration: String, port: UInt16 = Ports.free(), flags: [String] = []) async throws {
        folder = try ScratchFolder("prometheus")
        client = HTTPClient(port: port)
        let file = try folder.write(configuration, to: "prometheus.yml")
        let arguments = [
            "--config.file=\(file)", "--storage.tsdb.path=\(folder.path)/data",
            "--web.listen-address=127.0.0.1:\(port)", "--log.level=warn",
        ]
        process = try ChildProcess(
            Peers.program("prometheus"),
            arguments + flags,
            workingDirectory: folder.path,
            logPath: "\(folder.path)/log"
        )
        try await eventually("a ready Prometheus", within: 60) {
            guard try await client.get("/-/ready").status == 200 else { throw NotYet(log) }
        }
    }

    /// What Prometheus has printed.
    var log: String { process.log }

    /// Ends Prometheus at once.
    func kill() { process.kill() }
}

/// A running node_exporter.
final class NodeExporter: Sendable {
    let client: HTTPClient
    private let process: ChildProcess

    /// Starts node_exporter with the collectors that cost little.
    init(in folder: ScratchFolder) async throws {
        let port = Ports.free()
        client = HTTPClient(port: port)
        let collectors = ["cpu", "loadavg", "meminfo", "stat", "time", "uname", "vmstat"]
        let arguments =
            ["--web.listen-address=127.0.0.1:\(port)", "--collector.disable-defaults"]
            + collectors.map { "--collector.\($0)" }
        process = try ChildProcess(
            Peers.program("prometheus-node-exporter"),
            arguments,
            workingDirectory: folder.path,
            logPath: "\(folder.path)/node_exporter.log"
        )
        try await eventually("a ready node_exporter", within: 60) {
            guard try await client.get("/metrics").status == 200 else { throw NotYet("no answer") }
        }
    }

    /// Ends node_exporter at once.
    func kill() { process.kill() }
}
