import Foundation

/// Where things are: this repository, the daemon that was built with these tests, the unpacked peers.
enum Repository {
    /// The top folder of the repository.
    static let root = {
        var folder = URL(fileURLWithPath: #filePath).standardizedFileURL
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        return folder.path
    }()

    /// The folder that the running test bundle was built into; the daemon lies beside it.
    static let productFolder = {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return bundle.deletingLastPathComponent().path
    }()

    /// The daemon under test: `SEXTANT_DAEMON`, or the one that was built with the tests.
    static let daemon = ProcessInfo.processInfo.environment["SEXTANT_DAEMON"] ?? "\(productFolder)/sextant"

    /// The folder with the peers' programs (`scripts/peers.sh`), or nil where they could not be unpacked.
    static let peerFolder: String? = {
        if let folder = ProcessInfo.processInfo.environment["SEXTANT_PEERS"] { return folder }
        var folder = URL(fileURLWithPath: productFolder)
        while folder.path != "/" && folder.lastPathComponent != ".build" { folder.deleteLastPathComponent() }
        let programs = folder.appendingPathComponent("peers/usr/bin").path
        let names = ["prometheus", "promtool", "prometheus-node-exporter"]
        let areThere = names.allSatisfy { FileManager.default.isExecutableFile(atPath: "\(programs)/\($0)") }
        return areThere ? programs : nil
    }()
}
