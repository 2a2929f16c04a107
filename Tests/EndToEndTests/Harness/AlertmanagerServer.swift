import Foundation

/// A running Alertmanager that notifies nobody.
final class AlertmanagerServer: Sendable {
    /// Where Debian's build looks for its templates, whatever folder it was unpacked to.
    private static let templates = "/usr/share/prometheus/alertmanager/default.tmpl"

    /// Whether one can be started here: its templates are installed, or may be laid over the system's files.
    static let isAvailable: Bool = {
        guard Peers.has("prometheus-alertmanager") else { return false }
        if FileManager.default.fileExists(atPath: templates) { return true }
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        probe.arguments = ["-rm", "sh", "-c", overlay, shares, "true"]
        probe.standardError = FileHandle.nullDevice
        guard (try? probe.run()) != nil else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()
    /// Why a test skips where none can be.
    static let absence = "no Alertmanager here (scripts/peers.sh), or none that finds its templates"

    /// Runs a program in a view of the files in which the peers' shared ones lie over the system's.
    private static let overlay =
        "mount -t overlay overlay -o lowerdir=\"$0\":/usr/share /usr/share && exec \"$@\""

    private static var shares: String {
        (Repository.peerFolder ?? "").replacingOccurrences(of: "/usr/bin", with: "/usr/share")
    }

    /// The client for its port.
    let client: HTTPClient
    private let process: ChildProcess

    /// Starts one whose files lie in `folder`.
    init(in folder: ScratchFolder, port: UInt16) async throws {
        client = HTTPClient(port: port)
        let file = try folder.write(
            "{route: {receiver: none}, receivers: [{name: none}]}\n",
            to: "alertmanager.yml"
        )
        var command = [
            try Peers.program("prometheus-alertmanager"), "--config.file=\(file)",
            "--storage.path=\(folder.path)/alertmanager", "--web.listen-address=127.0.0.1:\(port)",
            "--cluster.listen-address=",
        ]
        if !FileManager.default.fileExists(atPath: AlertmanagerServer.templates) {
            let view = ["-rm", "sh", "-c", AlertmanagerServer.overlay, AlertmanagerServer.shares]
            command = ["/usr/bin/unshare"] + view + command
        }
        let process = try ChildProcess(
            command[0],
            Array(command.dropFirst()),
            workingDirectory: folder.path,
            logPath: "\(folder.path)/alertmanager.log"
        )
        self.process = process
        try await eventually("a ready Alertmanager", within: 60) {
            guard try await client.get("/-/ready").status == 200 else { throw NotYet(process.log) }
        }
    }

    deinit { process.kill() }
}
