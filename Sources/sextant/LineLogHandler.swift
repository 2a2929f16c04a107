import APIServer
import Glibc
import Logging
import Model
import Rules

/// Writes each message as one line to standard error: time, level, message, then what belongs to it as
/// `key=value`.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    private let gate: LogGate
    private let now: @Sendable () -> Timestamp

    /// A handler that writes what `gate` lets through.
    init(level: Logger.Level, gate: LogGate, now: @escaping @Sendable () -> Timestamp) {
        logLevel = level
        self.gate = gate
        self.now = now
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let (time, message) = (now(), event.message.description)
        let verdict = gate.pass(message, atMillis: time.millis)
        guard verdict.isWritten else { return }
        var metadata = metadata.merging(event.metadata ?? [:]) { $1 }
        if verdict.suppressedCount > 0 { metadata["suppressed"] = "\(verdict.suppressedCount)" }
        let line = LineLogHandler.line(
            time: time,
            level: event.level,
            message: message,
            metadata: metadata
        )
        StandardStream.write(Array(line.utf8), to: STDERR_FILENO)
    }

    /// The line of a message, its end included; fields come in the order of their names.
    static func line(
        time: Timestamp,
        level: Logger.Level,
        message: String,
        metadata: Logger.Metadata
    ) -> String {
        var line = "time=\(TimeText.format(time)) level=\(level.rawValue) msg=\(LabelText.quoted(message))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(shown("\(value)"))"
        }
        return line + "\n"
    }

    /// The value, in quotes unless it is one plain word.
    private static func shown(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x3d && $0 != 0x5c
        }
        return isPlain && !value.isEmpty ? value : LabelText.quoted(value)
    }
}
