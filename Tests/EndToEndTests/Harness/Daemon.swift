import Foundation
import Synchronization

/// A running `sextant serve` with a scratch folder of its own; the data outlive a kill or a stop.
final class Daemon: Sendable {
    /// The folder with the daemon's data (`data`), its log and what a test puts there.
    let folder: ScratchFolder
    /// The client for the daemon's port.
    let client: HTTPClient
    private let arguments: [String]
    private let process = Mutex<ChildProcess?>(nil)

    /// Prepares a daemon on a free port, for `start` to run.
    ///
    /// The arguments come behind `--listen` and `--data`. Without a folder it gets a new one.
    init(_ arguments: [String] = [], folder: ScratchFolder? = nil) throws {
        self.folder = try folder ?? ScratchFolder("daemon")
        client = HTTPClient(port: Ports.free())
        self.arguments = arguments
    }

    deinit { kill() }

    /// The address that the daemon's pages are under.
    var baseURL: String { "http://127.0.0.1:\(client.port)" }

    /// What the daemon has printed, over all its starts.
    var log: String {
        String(decoding: FileManager.default.contents(atPath: "\(folder.path)/log") ?? Data(), as: UTF8.self)
    }

    /// Starts the program and returns at once.
    func launch() throws {
        let all =
            ["serve", "--listen", "127.0.0.1:\(client.port)", "--data", "\(folder.path)/data"] + arguments
        let child = try ChildProcess(
            Repository.daemon,
            all,
            workingDirectory: folder.path,
            logPath: "\(folder.path)/log"
        )
        process.withLock { $0 = child }
    }

    /// Starts the program and waits until it answers that it is ready.
    func start() async throws {
        try launch()
        try await waitUntilReady()
    }

    /// Waits until the daemon says that it is ready; an early end is an error that shows the log.
    func waitUntilReady() async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            if let answer = try? await client.send("GET", "/-/ready", timeoutSeconds: 10),
                answer.status == 200
            {
                return
            }
            if let ending = process.withLock({ $0?.endingIfOver }) {
                throw NotInTime(awaited: "a ready daemon", last: "\(ending), log: \(log.suffix(4000))")
            }
            if ContinuousClock.now >= deadline {
                throw NotInTime(awaited: "a ready daemon", last: "log: \(log.suffix(4000))")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Ends the daemon as `kill -9` does.
    func kill() {
        process.withLock { process in
            process?.kill()
            process = nil
        }
    }

    /// Asks the daemon to end (SIGTERM) and returns how it did.
    func stop() async throws -> ChildProcess.Ending? {
        let child = process.withLock { $0 }
        child?.signal(SIGTERM)
        let ending = try await child?.waitForEnd(within: 60)
        process.withLock { $0 = nil }
        return ending
    }
}

/// Runs `body` with a started daemon and kills it afterwards; if `body` throws, the end of the log is
/// printed.
func withDaemon<Value>(
    _ arguments: [String] = [],
    folder: ScratchFolder? = nil,
    _ body: (Daemon) async throws -> Value
) async throws -> Value {
    let daemon = try Daemon(arguments, folder: folder)
    defer { daemon.kill() }
    do {
        try await daemon.start()
        return try await body(daemon)
    } catch {
        print("The daemon's log ends with:\n\(daemon.log.suffix(4000))")
        throw error
    }
}
