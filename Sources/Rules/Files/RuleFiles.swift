import Foundation
import Glibc
import KPI
import Model
import StrictYAML

/// Finds rule files and reads them.
package enum RuleFiles {
    /// The groups of all files that `paths` name, file by file in the order given.
    ///
    /// A path is a file, a directory (all `*.yml` and `*.yaml` directly in it, by name) or a pattern whose
    /// last component holds `*`, `?` or `[`. A file that several paths name is read once. KPI files are left
    /// out; `KPIFiles` reads them.
    ///
    /// - Throws: All problems of all files at once. A missing path is one; a folder or a pattern without
    ///   files is none.
    package static func load(_ paths: [String]) throws(YAMLFileError) -> [RuleGroup] {
        var groups: [RuleGroup] = []
        var problems: [FileProblem] = []
        var seen: Set<ByteText> = []
        for path in paths {
            do {
                for file in try files(at: path) where seen.insert(ByteText(file)).inserted {
                    do {
                        let text = try TextFile.read(file)
                        guard DefinitionKind.of(text, file: file) == .rules else { continue }
                        groups += try RuleFile.parse(text, file: file)
                    } catch {
                        problems += error.problems
                    }
                }
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else { throw YAMLFileError(problems) }
        return groups
    }

    /// The files that a path names, see `load`.
    package static func files(at path: String) throws(YAMLFileError) -> [String] {
        let (folder, name) = split(path)
        if name.contains(where: { "*?[".contains($0) }) {
            return try names(in: folder.isEmpty ? "." : folder)
                .filter { unsafe fnmatch(name, $0, 0) == 0 }
                .map { folder + $0 }
        }
        guard let isFolder = isFolder(path) else { throw missing(path) }
        guard isFolder else { return [path] }
        let prefix = path.hasSuffix("/") ? path : path + "/"
        return try names(in: path)
            .filter { !$0.hasPrefix(".") && ($0.hasSuffix(".yml") || $0.hasSuffix(".yaml")) }
            .map { prefix + $0 }
    }

    /// The names of what is no folder in a folder, sorted byte-wise.
    private static func names(in folder: String) throws(YAMLFileError) -> [String] {
        guard isFolder(folder) == true else { throw missing(folder) }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                .filter { isFolder(folder + "/" + $0) == false }
        } catch {
            throw YAMLFileError([FileProblem(file: folder, message: "cannot be listed: \(error)")])
        }
    }

    /// Whether there is a folder at `path`, links followed; nil if there is nothing.
    private static func isFolder(_ path: String) -> Bool? {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: target) else { return nil }
        return attributes[.type] as? FileAttributeType == .typeDirectory
    }

    private static func missing(_ path: String) -> YAMLFileError {
        YAMLFileError([FileProblem(file: path, message: "there is no such file or directory")])
    }

    /// The folder with its slash, empty if there is none, and the last component.
    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        let next = path.index(after: slash)
        return (String(path[..<next]), String(path[next...]))
    }
}
