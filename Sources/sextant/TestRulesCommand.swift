import ArgumentParser
import Glibc
import Matching
import Model
import Rules
import StrictYAML

/// `sextant test rules`.
struct TestRulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Run files of unit tests of rules, in the form of promtool's.",
        discussion: """
            What fails goes to standard error with file, line and column: lines with - were expected and \
            are missing, lines with + are there and were not expected. The exit code is 0 if all tests \
            pass, 1 if one fails or cannot be read, 2 if the arguments make no sense.

            Examples:
              sextant test rules rules/tests/shop_test.yml
              sextant test rules --run 'two channels' rules/tests/*.yml
            """
    )

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp(
            "Run only tests whose names match this regular expression. May be given several times.",
            valueName: "regex"
        )
    )
    var patterns: [String] = []

    @Argument(help: ArgumentHelp("Files of unit tests.", valueName: "file"))
    var files: [String]

    func run() async throws {
        var names: [Regex] = []
        for pattern in patterns {
            do { names.append(try Regex("(?s:.*)(?:\(pattern))(?s:.*)")) } catch {
                throw Misuse(description: "--run \(pattern): \(error)")
            }
        }
        var isFailed = false
        for file in files {
            let failures = await Self.failures(of: file, names)
            tell("Unit Testing:  \(file)", to: STDOUT_FILENO)
            tell(failures.isEmpty ? "  SUCCESS\n" : "  FAILED\n", to: STDOUT_FILENO)
            for failure in failures { tell(failure, to: STDERR_FILENO) }
            isFailed = isFailed || !failures.isEmpty
        }
        if isFailed { throw ExitCode(1) }
    }

    /// What fails in a file; nothing if all its tests pass.
    static func failures(of path: String, _ names: [Regex] = []) async -> [String] {
        do throws(YAMLFileError) {
            let file = try UnitTestReader.load(path)
            let runner = UnitTestRunner(file, groups: try RuleFiles.load(rulePaths(of: file)))
            var failures: [String] = []
            for test in file.tests where names.isEmpty || names.contains(where: { $0.matches(test.name) }) {
                let name = test.name.isEmpty ? "" : "test \(LabelText.quoted(test.name)), "
                failures += await runner.run(test).map {
                    "\(path):\($0.place.line):\($0.place.column): \(name)\($0)"
                }
            }
            return failures
        } catch {
            return error.problems.map(\.description)
        }
    }

    /// The paths of the rule files that exist; promtool goes on without the others, too.
    private static func rulePaths(of file: UnitTestFile) -> [String] {
        file.rulePaths.filter { path in
            if let files = try? RuleFiles.files(at: path), !files.isEmpty { return true }
            let warning = "warning: no file matches \(path)\n"
            StandardStream.write(Array(warning.utf8), to: STDERR_FILENO)
            return false
        }
    }

    private func tell(_ line: String, to descriptor: Int32) {
        StandardStream.write(Array((line + "\n").utf8), to: descriptor)
    }
}
