import KPI
import Model
import StrictYAML

/// Finds KPI files, which lie among the rule files, and reads them.
package enum KPIFiles {
    /// The definitions of all KPI files that `paths` name, as `RuleFiles.load` understands them.
    ///
    /// What rule files there are is left out, and so is what cannot be read: `RuleFiles.load` tells of it.
    ///
    /// - Throws: All problems of all KPI files at once.
    package static func load(_ paths: [String]) throws(YAMLFileError) -> KPIDefinitions {
        var files: [String] = []
        for path in paths { files += (try? RuleFiles.files(at: path)) ?? [] }
        return try read(files)
    }

    /// Whether the file at `path` is a KPI file; one that cannot be read is none.
    package static func isOne(_ path: String) -> Bool {
        guard let text = try? TextFile.read(path) else { return false }
        return DefinitionKind.of(text, file: path) != .rules
    }

    /// The definitions of those of `files` that are KPI files, each read once.
    package static func read(_ files: [String]) throws(YAMLFileError) -> KPIDefinitions {
        var found: [(path: String, text: String)] = []
        var seen: Set<ByteText> = []
        for file in files where seen.insert(ByteText(file)).inserted {
            guard let text = try? TextFile.read(file), DefinitionKind.of(text, file: file) != .rules
            else { continue }
            found.append((file, text))
        }
        return try KPIDefinitions.load(found)
    }
}
