import Foundation
import Testing

@testable import PromQL

/// Scripts in the language of Prometheus's own tests.
@Suite("PromQL scripts")
struct ScriptTests {
    private static let folder = Bundle.module.bundleURL.appendingPathComponent("Scripts")

    private static func scripts(in folder: URL) -> [URL] {
        let files =
            (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.filter { $0.pathExtension == "test" }.sorted {
            $0.lastPathComponent < $1.lastPathComponent
        }
    }

    private static func run(_ file: URL) throws -> ScriptRunner {
        var runner = ScriptRunner()
        runner.run(try TestScript(String(contentsOf: file, encoding: .utf8)))
        return runner
    }

    @Test("the scripts of this project hold", arguments: scripts(in: folder).map(\.lastPathComponent))
    func ownScript(_ name: String) throws {
        let runner = try ScriptTests.run(ScriptTests.folder.appendingPathComponent(name))
        for failure in runner.failures { Issue.record("\(name): \(failure)") }
        #expect(runner.passedCount > 0)
    }

    @Test("there are scripts to run")
    func scriptsExist() {
        #expect(!ScriptTests.scripts(in: ScriptTests.folder).isEmpty)
    }

    /// Runs scripts from elsewhere, such as Prometheus's own, and prints how many of their queries pass;
    /// those that touch native histograms may fail.
    @Test(
        "scripts from SEXTANT_PROMQL_SCRIPTS hold",
        .enabled(if: ProcessInfo.processInfo.environment["SEXTANT_PROMQL_SCRIPTS"] != nil)
    )
    func sharedScripts() throws {
        let folder = ProcessInfo.processInfo.environment["SEXTANT_PROMQL_SCRIPTS"] ?? ""
        for file in ScriptTests.scripts(in: URL(fileURLWithPath: folder)) {
            let runner = try ScriptTests.run(file)
            let histograms = runner.failures.count { $0.lacksHistograms }
            let others = runner.failures.filter { !$0.lacksHistograms }
            print(
                "\(file.lastPathComponent): \(runner.passedCount) passed, \(others.count) failed, "
                    + "\(histograms) failed without native histograms"
            )
            for failure in runner.failures where failure.lacksHistograms {
                print("  (native) \(file.lastPathComponent) \(failure)")
            }
            for failure in others { print("  \(file.lastPathComponent) \(failure)") }
            #expect(others.isEmpty, "\(file.lastPathComponent): \(others.count) queries failed")
        }
    }
}
