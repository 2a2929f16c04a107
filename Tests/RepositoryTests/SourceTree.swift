import Foundation

/// The files of this repository as the tidy tests read them.
enum SourceTree {
    /// A file with its path from the top of the repository.
    struct File: Sendable {
        let path: String
        let text: String

        /// The lines of the file, without their ends.
        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    }

    /// The top folder of the repository.
    static let root = {
        var folder = URL(fileURLWithPath: #filePath).standardizedFileURL
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        return folder.path
    }()

    /// What is built, checked out or kept by a running daemon.
    private static let foreign: Set<String> = [".build", ".git", ".swiftpm", "data", "Package.resolved"]

    /// All text files that belong to the repository, or would with the next commit.
    static let files: [File] = (pathsOfGit() ?? pathsOfFolder()).sorted().compactMap { path in
        guard let data = FileManager.default.contents(atPath: "\(root)/\(path)"),
            let text = String(validating: data, as: UTF8.self)
        else { return nil }
        return File(path: path, text: text)
    }

    /// What git knows or would add; nil where this is no work tree or git is missing.
    private static func pathsOfGit() -> [String]? {
        guard FileManager.default.fileExists(atPath: "\(root)/.git") else { return nil }
        let git = Process()
        let output = Pipe()
        git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        git.arguments = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return nil }
        let paths = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        return paths.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What lies in the folder, such as that of an unpacked release.
    private static func pathsOfFolder() -> [String] {
        guard let paths = FileManager.default.enumerator(atPath: root) else { return [] }
        var found: [String] = []
        while let path = paths.nextObject() as? String {
            if foreign.contains(path) {
                paths.skipDescendants()
            } else {
                found.append(path)
            }
        }
        return found
    }

    /// The Swift files below one of the given folders.
    static func swiftFiles(below folders: String...) -> [File] {
        files.filter { file in
            file.path.hasSuffix(".swift") && folders.contains { file.path.hasPrefix("\($0)/") }
        }
    }
}
