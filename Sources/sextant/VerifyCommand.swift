import ArgumentParser
import Glibc
import Storage

/// `sextant verify`: reads everything in a data directory and puts what is damaged into quarantine.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every byte of a data directory that no daemon uses.",
        discussion: """
            Reads catalog, segments and log, and compares every checksum. Damaged files are moved to \
            quarantine/, what is sound of them stays, and queries of the times that have lost samples carry \
            a warning as long as the file lies there. The exit code is 0 if all is sound, 1 if something was \
            damaged or the directory cannot be checked, 2 for a wrong option.

            Examples:
              sextant verify
              sextant verify --data /var/lib/sextant
              sextant verify --rebuild-catalog
            """
    )

    @Option(help: ArgumentHelp("The directory of the data.", valueName: "directory"))
    var data = "./data"

    @Flag(help: "Make the catalog again from segments and log, also if it is sound.")
    var rebuildCatalog = false

    func run() async throws {
        guard !data.isEmpty else { throw Misuse(description: "--data must not be empty") }
        var line = ProgressLine("verify", on: Terminal.of(STDERR_FILENO))
        var check = DirectoryCheck(data, rebuildsCatalog: rebuildCatalog) { fraction, sampleCount in
            line.show(fraction: fraction, sampleCount: sampleCount)
        }
        let report = try check.run()
        StandardStream.write(Array(VerifyCommand.text(report).utf8), to: STDOUT_FILENO)
        if report.isDamaged { throw ExitCode(1) }
    }

    /// What is told: a line for each finding, then the sum.
    static func text(_ report: VerifyReport) -> String {
        var lines = report.findings.map { "\($0.file): \($0.text)" }
        let damageCount = report.findings.count { $0.isDamage }
        let sum = damageCount == 0 ? "all sound" : "\(damageCount) damaged"
        lines.append(
            "\(report.fileCount) files, \(report.byteCount) bytes, \(report.sampleCount) samples: \(sum)"
        )
        return lines.map { $0 + "\n" }.joined()
    }
}
