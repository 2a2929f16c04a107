import Foundation
import Testing

@Suite("The repository is tidy")
struct TidyTests {
    @Test("no file name says nothing")
    func fileNames() {
        let words = ["Manager", "Helper", "Utils", "Misc"]
        let found = SourceTree.swiftFiles(below: "Sources", "Tests").map(\.path).filter { path in
            words.contains { path.split(separator: "/").last?.contains($0) == true }
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("no source traps on what comes from outside, or waits for somebody to finish it")
    func bannedWords() {
        let words = ["try!", "fatalError(", "TODO", "FIXME"]
        let found = lines(of: SourceTree.swiftFiles(below: "Sources")) { line in
            words.contains { line.contains($0) }
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("no line is longer than 110 characters, but for text in quotes")
    func lineLengths() {
        let found = lines(of: SourceTree.swiftFiles(below: "Sources", "Tests")) { line in
            line.count > 110 && !line.contains("\"")
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("no file knows the machine that it was written on")
    func machinePaths() {
        // Put together here, so that this file does not hold them itself.
        let roots = ["work", "tmp", "root", "home", "Users"].map { "/\($0)/" } + [".." + "/shared"]
        let found = lines(of: SourceTree.files) { line in roots.contains { holds(line, $0) } }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("scripts can be run")
    func scripts() {
        let scripts = SourceTree.files.filter { $0.text.hasPrefix("#!") }.map(\.path)
        #expect(scripts.contains(".ci/run"))
        let found = scripts.filter { path in
            !FileManager.default.isExecutableFile(atPath: "\(SourceTree.root)/\(path)")
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    /// The first lines that `isFound` picks, each as `path:number: line`.
    private func lines(of files: [SourceTree.File], where isFound: (Substring) -> Bool) -> [String] {
        var found: [String] = []
        for file in files {
            for (number, line) in file.lines.enumerated() where isFound(line) {
                found.append("\(file.path):\(number + 1): \(line.prefix(120))")
                if found.count == 20 { return found }
            }
        }
        return found
    }

    /// Whether `path` stands in `line` as the beginning of a path, not as a part of one or of a URL.
    private func holds(_ line: Substring, _ path: String) -> Bool {
        guard let range = line.range(of: path) else { return false }
        guard range.lowerBound > line.startIndex else { return true }
        let before = line[line.index(before: range.lowerBound)]
        return !before.isLetter && !before.isNumber && before != "." && before != "/" && before != "}"
    }
}
