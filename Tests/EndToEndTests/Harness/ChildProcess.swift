import Foundation
import Synchronization

/// A program that the tests started; it is killed when the last reference to it goes, or when the test run
/// dies.
final class ChildProcess: Sendable {
    /// How a process ended.
    enum Ending: Hashable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    /// What could not be started, and why.
    struct SpawnError: Error, CustomStringConvertible {
        let description: String
    }

    /// The process id.
    let pid: pid_t
    /// The file that the program's standard output and standard error are written to.
    let logPath: String
    private let ending = Mutex<Ending?>(nil)

    /// Starts `executable` with its output appended to `logPath` and nothing on its standard input.
    init(_ executable: String, _ arguments: [String], workingDirectory: String, logPath: String) throws {
        self.logPath = logPath
        let reaper = Reaper.shared
        pid = try ChildProcess.spawn([executable] + arguments, in: workingDirectory, logPath: logPath)
        reaper.watch(pid)
    }

    deinit { kill() }

    /// What the program has printed so far.
    var log: String {
        let data = FileManager.default.contents(atPath: logPath) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    /// The end of what the program has printed, for reports.
    var logTail: String { String(log.suffix(4000)) }

    /// How the process ended, or nil while it runs.
    var endingIfOver: Ending? { reap(options: WNOHANG) }

    /// Sends a signal, unless the process is over.
    func signal(_ number: Int32) {
        ending.withLock { ending in
            if ending == nil { _ = Glibc.kill(pid, number) }
        }
    }

    /// Ends the process at once (SIGKILL) and waits for its end.
    func kill() {
        signal(SIGKILL)
        _ = reap(options: 0)
    }

    /// Waits until the process ends by itself.
    func waitForEnd(within seconds: Double) async throws -> Ending {
        try await eventually("the end of process \(pid)", within: seconds, everyMillis: 10) {
            guard let ending = endingIfOver else { throw NotYet("it runs") }
            return ending
        }
    }

    private func reap(options: Int32) -> Ending? {
        ending.withLock { ending in
            if let known = ending { return known }
            var status: Int32 = 0
            var result: pid_t
            repeat { result = unsafe waitpid(pid, &status, options) } while result == -1 && errno == EINTR
            guard result == pid else { return nil }
            Reaper.shared.forget(pid)
            let signal = status & 0x7f
            ending = signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal: signal)
            return ending
        }
    }

    /// Starts a program as the leader of a process group.
    ///
    /// All that this process has open is marked to be closed in the program.
    static func spawn(_ command: [String], in folder: String, logPath: String, input: Int32? = nil) throws
        -> pid_t
    {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        if let input {
            unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        unsafe posix_spawn_file_actions_addopen(&actions, 1, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        // `env` becomes the program, after it has changed the folder: the process id stays.
        let command = ["/usr/bin/env", "--chdir=\(folder)"] + command
        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        defer { for index in 0..<command.count { unsafe free(arguments[index]) } }
        var pid: pid_t = 0
        let status = unsafe posix_spawn(&pid, command[0], &actions, &attributes, &arguments, environ)
        guard status == 0 else {
            throw unsafe SpawnError(
                description: "cannot start \(command[0]): \(String(cString: strerror(status)))"
            )
        }
        return pid
    }
}

/// A shell beside the test run that kills what is left of the children once the run is over, however it
/// ended.
private final class Reaper: Sendable {
    static let shared = Reaper()

    private static let script = """
        declare -A children
        while read -r verb pid; do
            if [[ $verb == watch ]]; then children[$pid]=1; else unset "children[$pid]"; fi
        done
        for pid in "${!children[@]}"; do kill -KILL "$pid"; done
        """
    private let pipe: Int32

    private init() {
        var ends: [Int32] = [-1, -1]
        _ = unsafe Glibc.pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        pipe = ends[1]
        _ = try? ChildProcess.spawn(
            ["/bin/bash", "-c", Reaper.script],
            in: "/",
            logPath: "/dev/null",
            input: ends[0]
        )
        close(ends[0])
    }

    func watch(_ pid: pid_t) { tell("watch \(pid)\n") }

    func forget(_ pid: pid_t) { tell("forget \(pid)\n") }

    /// A line is far shorter than a pipe's atomic write, so lines of several threads do not mix.
    private func tell(_ line: String) {
        _ = unsafe write(pipe, line, line.utf8.count)
    }
}
