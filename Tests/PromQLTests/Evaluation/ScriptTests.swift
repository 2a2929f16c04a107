import Foundation
import Model
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

    /// Everything that a query can be made of, by a name.
    private static func partNames(of expr: Expr) -> Set<String> {
        var names: Set<String> = []
        var open = [expr]
        while let expr = open.popLast() {
            switch expr.node {
            case .call(let function, _): names.insert(function)
            case .queryTime(let time): names.insert(time.rawValue)
            case .aggregate(let aggregation):
                names.insert(aggregation.op.rawValue)
                if !aggregation.grouping.isEmpty { names.insert(aggregation.isWithout ? "without" : "by") }
            case .binary(let binary):
                names.insert(binary.op.rawValue)
                if binary.returnsBool { names.insert("bool") }
                guard let matching = binary.matching else { break }
                if !matching.labels.isEmpty { names.insert(matching.isOn ? "on" : "ignoring") }
                names.insert(matching.cardinality.rawValue)
                if matching.fillLeft != nil { names.insert("fill_left") }
                if matching.fillRight != nil { names.insert("fill_right") }
            case .unary(let sign, _): names.insert("unary \(sign.rawValue)")
            case .subquery: names.insert("subquery")
            case .selector(let selector):
                names.insert(selector.rangeExtension.rawValue)
                if selector.modifiers.offset != nil { names.insert("offset") }
                if selector.modifiers.at != nil { names.insert("@") }
                names.formUnion(selector.matchers.map { "matcher \($0.kind.rawValue)" })
            case .number, .string, .bytes, .matrix, .parenthesized: break
            }
            open.append(contentsOf: expr.parts)
        }
        return names
    }

    @Test("the scripts use every function, operator, aggregation and modifier")
    func everythingIsCovered() throws {
        var used: Set<String> = []
        for file in ScriptTests.scripts(in: ScriptTests.folder) {
            for case .eval(let eval) in try TestScript(String(contentsOf: file, encoding: .utf8)).commands {
                guard let expr = try? Parser.parse(eval.query) else { continue }
                used.formUnion(ScriptTests.partNames(of: expr))
            }
        }
        var wanted = Set(FunctionSignature.all.map(\.name))
        wanted.formUnion(AggregationOperator.allCases.map(\.rawValue))
        wanted.formUnion(BinaryOperator.allCases.map(\.rawValue))
        wanted.formUnion(Matcher.Kind.allCases.map { "matcher \($0.rawValue)" })
        wanted.formUnion(["by", "without", "bool", "on", "ignoring", "fill_left", "fill_right", "subquery"])
        wanted.formUnion(["one-to-one", "many-to-one", "one-to-many", "many-to-many", "unary -", "unary +"])
        wanted.formUnion(["anchored", "smoothed", "offset", "@"])
        #expect(wanted.subtracting(used).sorted() == [])
    }

    /// Runs scripts from elsewhere, such as Prometheus's own, and prints how many of their queries pass.
    @Test(
        "scripts from SEXTANT_PROMQL_SCRIPTS hold",
        .enabled(if: ProcessInfo.processInfo.environment["SEXTANT_PROMQL_SCRIPTS"] != nil)
    )
    func sharedScripts() throws {
        let folder = ProcessInfo.processInfo.environment["SEXTANT_PROMQL_SCRIPTS"] ?? ""
        for file in ScriptTests.scripts(in: URL(fileURLWithPath: folder)) {
            let runner = try ScriptTests.run(file)
            let failures = runner.failures
            print("\(file.lastPathComponent): \(runner.passedCount) passed, \(failures.count) failed")
            for failure in failures { print("  \(file.lastPathComponent) \(failure)") }
            #expect(failures.isEmpty, "\(file.lastPathComponent): \(failures.count) queries failed")
        }
    }
}
