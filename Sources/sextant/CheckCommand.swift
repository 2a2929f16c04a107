import ArgumentParser
import Glibc
import StrictYAML

/// `sextant check`: says whether files can be used, without a daemon.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check files before a daemon reads them.",
        discussion: """
            All problems of all files go to standard error, each as file:line:column: message. The exit code \
            is 0 if there is none, 1 if there is one, 2 if the arguments make no sense.

            Examples:
              sextant check rules rules/
              sextant check config sextant.yaml
              sextant check retention retention.yaml
            """,
        subcommands: [CheckRulesCommand.self, CheckConfigCommand.self, CheckRetentionCommand.self]
    )
}

/// `sextant check rules`.
struct CheckRulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Check rule files and KPI files.",
        discussion: """
            KPI files are checked together, with what they name of each other. \
            Rules that record or raise the same with the same labels are told as warnings.
            """
    )

    @Argument(
        help: ArgumentHelp("Rule files, directories or patterns.", valueName: "file|directory|glob")
    )
    var files: [String]

    func run() throws {
        var check = FileCheck()
        for path in files { check.rules(at: path) }
        check.kpis()
        try check.finish()
    }
}

/// `sextant check config`.
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Check configuration files and the rule files that they name."
    )

    @Argument(help: ArgumentHelp("Configuration files.", valueName: "file"))
    var files: [String]

    func run() throws {
        var check = FileCheck()
        for path in files { check.configuration(at: path) }
        try check.finish()
    }
}

/// `sextant check retention`.
struct CheckRetentionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention",
        abstract: "Check retention files.",
        discussion: """
            With --url a running daemon is asked, too, what each rule would decide about: how many series, \
            samples and bytes that are, and what would be deleted that is kept now. Nothing is changed.

            Examples:
              sextant check retention retention.yaml
              sextant check retention --url http://127.0.0.1:9797 retention.yaml
            """
    )

    @Option(help: ArgumentHelp("The address of a daemon to compare with what it holds.", valueName: "url"))
    var url: String?

    @Argument(help: ArgumentHelp("Retention files.", valueName: "file"))
    var files: [String]

    func run() async throws {
        let client = try url.map { try DaemonClient(url: $0) }
        var check = FileCheck()
        for path in files {
            guard check.retention(at: path), let client else { continue }
            let answer = try await client.retention(try TextFile.read(path), file: path)
            let text = RetentionTable.lines(answer).map { "  \($0)\n" }.joined() + "\n"
            StandardStream.write(Array(text.utf8), to: STDOUT_FILENO)
        }
        try check.finish()
    }
}
