import Foundation
import StrictYAML
import Testing

@testable import Rules

@Suite struct RuleFilesTests {
    /// Runs `body` with the path of a new folder that holds `files`.
    private func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "rules-\(UUID().uuidString)"
        )
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in files {
            let file = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }
        try body(folder.path)
    }

    private func text(_ name: String) -> String {
        "groups:\n- name: \(name)\n  rules:\n  - {record: r, expr: up}\n"
    }

    @Test("A folder stands for its rule files by name, a pattern for what it matches, each file once")
    func paths() throws {
        let files = [
            "b.yml": text("b"), "a.yaml": text("a"), "c.txt": "no rules", ".hidden.yml": "no rules",
            "tests/d.yml": "no rules",
        ]
        try withFolder(files) { folder in
            let all = try RuleFiles.load([folder, folder + "/b.yml"])
            #expect(all.map(\.name) == ["a", "b"])
            #expect(all.map(\.file) == [folder + "/a.yaml", folder + "/b.yml"])
            #expect(try RuleFiles.load([folder + "/b.yml"]).map(\.name) == ["b"])
            #expect(try RuleFiles.load([folder + "/b*.yml", folder + "/[a]*"]).map(\.name) == ["b", "a"])
            #expect(try RuleFiles.load([folder + "/none-*.yml"]).isEmpty)
        }
        try withFolder([:]) { folder in
            let none = try RuleFiles.load([folder])
            #expect(none.isEmpty)
        }
    }

    @Test("The problems of all files are told at once, and a missing file is one")
    func problems() throws {
        let large = String(repeating: "#", count: TextFile.byteLimit + 1)
        try withFolder(["a.yml": "x: 1", "b.yml": text("b"), "c.yml": "y: 1", "d.yml": large]) { folder in
            do {
                _ = try RuleFiles.load([folder, folder + "/missing.yml"])
                Issue.record("no error")
            } catch {
                let expected = [
                    "/a.yml:1:1: unknown field \"x\" in a rule file; known are groups",
                    "/c.yml:1:1: unknown field \"y\" in a rule file; known are groups",
                    "/d.yml: is larger than 4194304 bytes",
                    "/missing.yml: there is no such file or directory",
                ]
                #expect(
                    (error as? YAMLFileError)?.problems.map(\.description) == expected.map { folder + $0 }
                )
            }
        }
    }

    @Test("Bytes that are no UTF-8 are refused")
    func notUTF8() throws {
        try withFolder([:]) { folder in
            try Data([0x61, 0xff]).write(to: URL(fileURLWithPath: folder + "/a.yml"))
            do {
                _ = try RuleFiles.load([folder])
                Issue.record("no error")
            } catch {
                #expect("\(error)" == folder + "/a.yml: is not UTF-8")
            }
        }
    }
}
