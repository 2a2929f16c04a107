import ArgumentParser
import Glibc
import Model
import Rules
import StrictYAML

/// Checks files and tells what it finds, in the manner of promtool.
struct FileCheck {
    /// Takes a line for a file descriptor.
    private let write: (String, Int32) -> Void
    /// Whether something was wrong.
    private(set) var isFailed = false
    private var checkedRuleFiles: Set<ByteText> = []
    private var kpiFiles: [String] = []

    /// A check that has seen no file; `write` takes its lines.
    init(
        write: @escaping (String, Int32) -> Void = { StandardStream.write(Array(($0 + "\n").utf8), to: $1) }
    ) {
        self.write = write
    }

    /// Checks the rule files that `path`, a file, a directory or a pattern, stands for.
    mutating func rules(at path: String) {
        do {
            let found = try RuleFiles.files(at: path)
            if found.isEmpty { write("warning: \(path): there is no rule file", STDERR_FILENO) }
            for file in found where checkedRuleFiles.insert(ByteText(file)).inserted {
                guard !KPIFiles.isOne(file) else {
                    kpiFiles.append(file)
                    continue
                }
                check(file) { [write] () throws(YAMLFileError) in
                    let groups = try RuleFiles.load([file])
                    for warning in RuleDuplicates.find(in: groups) {
                        write("warning: \(warning)", STDERR_FILENO)
                    }
                    return "\(FileCheck.count(groups.reduce(0) { $0 + $1.rules.count }, "rule")) found"
                }
            }
        } catch {
            fail(error)
        }
    }

    /// Checks the KPI files among the rule files so far: all together, since they may name each other.
    mutating func kpis() {
        let files = kpiFiles
        let result = Result { () throws(YAMLFileError) in try KPIFiles.read(files) }
        for file in files {
            check(file) { [write] () throws(YAMLFileError) in
                switch result {
                case .failure(let error):
                    let problems = error.problems.filter { $0.file == file }
                    guard problems.isEmpty else { throw YAMLFileError(problems) }
                    return "nothing wrong in this one"
                case .success(let definitions):
                    let counts = [
                        FileCheck.count(definitions.metrics.count { $0.place.file == file }, "metric"),
                        FileCheck.count(definitions.kpis.count { $0.place.file == file }, "KPI"),
                        FileCheck.count(definitions.funnels.count { $0.place.file == file }, "funnel"),
                    ]
                    for kpi in definitions.kpis where kpi.place.file == file {
                        for metric in definitions.missingMetrics(of: kpi) {
                            write(
                                "warning: \(file):\(kpi.place.line):\(kpi.place.column): the KPI \(kpi.name) "
                                    + "needs the metric \(metric), which is not defined",
                                STDERR_FILENO
                            )
                        }
                    }
                    return "\(counts.joined(separator: ", ")) found"
                }
            }
        }
        kpiFiles = []
    }

    /// Checks a configuration file, then the rule files that it names.
    mutating func configuration(at path: String) {
        var ruleFiles: [String] = []
        check(path) { () throws(YAMLFileError) in
            let configuration = try ConfigFile.parse(TextFile.read(path), file: path)
            ruleFiles = configuration.ruleFiles
            let places = ruleFiles.isEmpty ? "" : ", \(FileCheck.count(ruleFiles.count, "rule file entry"))"
            return "\(path) is a valid configuration\(places)"
        }
        for path in ruleFiles { rules(at: path) }
        kpis()
    }

    /// Checks a retention file, and tells whether it can be used.
    @discardableResult
    mutating func retention(at path: String) -> Bool {
        check(path) { [write] () throws(YAMLFileError) in
            let content = try RetentionFile.read(path)
            for warning in content.warnings { write("warning: \(warning)", STDERR_FILENO) }
            let policy = content.policy
            let kept = policy.defaultRawMillis.map(DurationText.format(millis:)) ?? "forever"
            return "\(FileCheck.count(policy.rules.count, "rule")) found, by default kept \(kept)"
        }
    }

    /// Ends the program with code 1 if something was wrong.
    func finish() throws {
        if isFailed { throw ExitCode(1) }
    }

    /// Tells the outcome of one file, and whether it is good; `body` answers what was found.
    @discardableResult
    private mutating func check(_ file: String, _ body: () throws(YAMLFileError) -> String) -> Bool {
        write("Checking \(file)", STDOUT_FILENO)
        do {
            write("  SUCCESS: \(try body())\n", STDOUT_FILENO)
            return true
        } catch {
            write("  FAILED: \(FileCheck.count(error.problems.count, "problem"))\n", STDOUT_FILENO)
            fail(error)
            return false
        }
    }

    private mutating func fail(_ error: YAMLFileError) {
        write("\(error)", STDERR_FILENO)
        isFailed = true
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        guard number != 1 else { return "1 \(noun)" }
        return noun.hasSuffix("y") ? "\(number) \(noun.dropLast())ies" : "\(number) \(noun)s"
    }
}
