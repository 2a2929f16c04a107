import ArgumentParser
import Foundation
import Glibc
import KPI
import Rules
import StrictYAML

/// `sextant test kpi`: samples in, expected values out, without a daemon.
struct KPITestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kpi",
        abstract: "Run tests of KPI definitions.",
        discussion: """
            A test file names definition files, gives samples, and says what values KPIs, metrics and \
            funnels have then. What comes out otherwise goes to standard error as file:line:column: message. \
            The exit code is 0 if all is as expected, 1 if not, 2 if the arguments make no sense.

            Example:
              sextant test kpi rules/tests/shop_kpi_test.yaml
            """
    )

    @Argument(help: ArgumentHelp("Test files.", valueName: "file"))
    var files: [String]

    func run() throws {
        var isFailed = false
        for path in files {
            write("Testing \(path)", STDOUT_FILENO)
            do {
                let file = try KPITestFile(TextFile.read(path), file: path)
                let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
                let paths = file.definitionFiles.map { name in
                    name.hasPrefix("/") ? name : folder.appendingPathComponent(name).standardizedFileURL.path
                }
                // A missing file must not pass for one without definitions.
                let texts = try paths.map { ($0, try TextFile.read($0)) }
                let failures = file.failures(try KPIDefinitions.load(texts))
                for failure in failures { write("\(failure)", STDERR_FILENO) }
                let count = file.expectationCount
                write(
                    failures.isEmpty
                        ? "  SUCCESS: \(count) expectations met\n"
                        : "  FAILED: \(failures.count) of \(count) differ\n",
                    STDOUT_FILENO
                )
                isFailed = isFailed || !failures.isEmpty
            } catch let error as YAMLFileError {
                write("\(error)", STDERR_FILENO)
                write("  FAILED\n", STDOUT_FILENO)
                isFailed = true
            }
        }
        if isFailed { throw ExitCode(1) }
    }

    private func write(_ line: String, _ descriptor: Int32) {
        StandardStream.write(Array((line + "\n").utf8), to: descriptor)
    }
}
