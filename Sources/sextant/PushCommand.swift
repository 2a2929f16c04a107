import ArgumentParser
import Glibc
import Model
import Outbound
import Push

/// `sextant push`: metrics of a script that is not scraped.
struct PushCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Push metrics of a script into a daemon, or a Pushgateway.",
        discussion: """
            The metrics replace those that were pushed before under the same job and group labels; with \
            --add only those of the same names, with --delete all of them go. The exit status is 0 if the \
            server took it, 1 if not, and 2 if the arguments make no sense.

            Examples:
              sextant push --job nightly backup_bytes=123 ok=1
              sextant push --job nightly --group instance=db1 --add 'backup_bytes{disk="a"}=123'
              generate-metrics | sextant push --job nightly -
              sextant push --job nightly --delete
            """
    )

    @Option(help: "The address of the daemon.")
    var url = "http://127.0.0.1:9797"

    @Option(help: "The job that pushes.")
    var job: String

    @Option(
        help: ArgumentHelp(
            "A further label of the group. May be given several times.",
            valueName: "label=value"
        )
    )
    var group: [String] = []

    @Flag(help: "Keep metrics of other names that are in the group.")
    var add = false

    @Flag(help: "Remove the group.")
    var delete = false

    @Argument(
        help: ArgumentHelp(
            "Metrics, each as name=value; or - for text exposition from standard input.",
            valueName: "name=value"
        )
    )
    var metrics: [String] = []

    func run() async throws {
        let call = try call(reading: PushCommand.standardInput)
        let answer = try await call.send()
        guard !answer.isSuccess else { return }
        let text = answer.text.split(separator: "\n").joined(separator: "\n")
        throw Refusal(description: text.isEmpty ? "\(call.url) answers \(answer.status)" : text)
    }

    /// The server did not take it; its text.
    private struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    /// The request that the arguments ask for; `read` yields standard input.
    func call(reading read: () -> [UInt8]) throws -> HTTPCall {
        guard !(add && delete) else { throw Misuse(description: "--add and --delete exclude each other") }
        guard !job.isEmpty else { throw Misuse(description: "--job must not be empty") }
        var target = url
        while target.hasSuffix("/") { target.removeLast() }
        target += "/metrics/" + PushCommand.component("job", job)
        for label in group {
            let parts = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, LabelText.isLegacyLabelName(String(parts[0])) else {
                throw Misuse(description: "--group \(label) is no label=value")
            }
            target += "/" + PushCommand.component(String(parts[0]), String(parts[1]))
        }
        if delete {
            guard metrics.isEmpty else { throw Misuse(description: "--delete takes no metrics") }
            return HTTPCall("DELETE", target)
        }
        return HTTPCall(
            add ? "POST" : "PUT",
            target,
            headers: [("Content-Type", "text/plain; version=0.0.4")],
            body: try body(read)
        )
    }

    private func body(_ read: () -> [UInt8]) throws -> [UInt8] {
        if metrics == ["-"] { return read() }
        guard !metrics.isEmpty else {
            throw Misuse(description: "nothing to push: give name=value, or - to read standard input")
        }
        var text = ""
        for metric in metrics {
            guard let equals = metric.lastIndex(of: "="), equals > metric.startIndex,
                ValueText.parse(metric[metric.index(after: equals)...]) != nil
            else { throw Misuse(description: "\(metric) is no name=value with a number as value") }
            text += "\(metric[..<equals]) \(metric[metric.index(after: equals)...])\n"
        }
        return Array(text.utf8)
    }

    /// `name/value` for a path; a value that is not plain comes in base64.
    private static func component(_ name: String, _ value: String) -> String {
        let isPlain =
            !value.isEmpty && value != "." && value != ".."
            && value.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains(byte)
                }
            }
        return isPlain ? "\(name)/\(value)" : "\(name)@base64/\(Base64URL.encode(value))"
    }

    /// Everything from standard input.
    private static func standardInput() -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe Glibc.read(STDIN_FILENO, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += piece[..<count]
        }
    }
}
