import ArgumentParser
import Glibc
import Telemetry

/// The program: `sextant` and its commands.
@main
struct Sextant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sextant",
        abstract: "A Prometheus-compatible time-series store and KPI engine.",
        discussion: """
            Examples:
              sextant serve
              sextant serve --rules rules --retention retention.yaml
              sextant demo
              sextant query 'kpi:orders_last_hour' --range 30d
              sextant push --job nightly backup_bytes=123 ok=1
              sextant check rules rules/
              sextant rules backfill --from 90d rules/shop.yml
              sextant graph rules/ | dot -Tsvg > kpis.svg
            """,
        version: "sextant \(BuildInfo.version)",
        subcommands: [
            ServeCommand.self, PushCommand.self, DemoCommand.self, QueryCommand.self, CheckCommand.self,
            RulesCommand.self, TestCommand.self, KPICommand.self, ExportCommand.self, ImportCommand.self,
            DashboardCommand.self, GraphCommand.self, VerifyCommand.self, DeleteCommand.self,
            BackupCommand.self, RestoreCommand.self,
        ]
    )

    /// Runs the command that the arguments name.
    ///
    /// The exit code is 0 for success, 1 for a failure and 2 for misuse.
    static func main() async {
        do {
            let command = try parseAsRoot()
            guard var asynchronous = command as? any AsyncParsableCommand else {
                var synchronous = command
                try synchronous.run()
                return
            }
            try await asynchronous.run()
        } catch let error as Misuse {
            fail("\(error)", code: 2)
        } catch let code as ExitCode {
            // The command has said why.
            Glibc.exit(code.rawValue)
        } catch {
            let code = exitCode(for: error)
            let isParserError = code == .success || code == .validationFailure
            guard isParserError else { fail("\(error)", code: 1) }
            guard code == .success else {
                write(fullMessage(for: error) + "\n", to: STDERR_FILENO)
                Glibc.exit(2)
            }
            write(fullMessage(for: error) + "\n", to: STDOUT_FILENO)
            Glibc.exit(0)
        }
    }

    private static func fail(_ message: String, code: Int32) -> Never {
        write("sextant: \(message)\n", to: STDERR_FILENO)
        Glibc.exit(code)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        StandardStream.write(Array(text.utf8), to: descriptor)
    }
}

/// The arguments make no sense together; the program ends with code 2.
struct Misuse: Error, CustomStringConvertible {
    /// The sentence for the user.
    var description: String
}
