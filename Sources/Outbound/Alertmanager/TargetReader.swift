import Model
import Rules
import StrictYAML

/// Reads where Alertmanagers are: addresses in the configuration, or in files of their own.
enum TargetReader {
    /// The addresses and labels of one entry.
    static func targets(_ node: YAMLNode, _ reader: inout StrictReader) -> AlertmanagerSettings.Targets? {
        guard let fields = reader.fields(of: node, owner: "a group of targets", known: ["targets", "labels"])
        else { return nil }
        var targets = AlertmanagerSettings.Targets(addresses: [])
        for node in reader.list(fields, "targets") {
            guard let address = reader.string(node, "targets") else { continue }
            if address.isEmpty || address.contains("/") {
                let given = LabelText.quoted(address)
                reader.report("\(given) is no host and port, such as alertmanager:9093", at: node)
            } else {
                targets.addresses.append(address)
            }
        }
        for text in reader.texts(fields, "labels") { targets.labels.append(Label(text.name, text.value)) }
        return targets
    }

    /// The targets in the files of one entry of `file_sd_configs`.
    ///
    /// Files are lists of groups, as YAML or JSON. What is wrong with one is a problem of the entry.
    static func fileTargets(
        _ node: YAMLNode,
        _ reader: inout StrictReader
    ) -> [AlertmanagerSettings.Targets] {
        let keys = ["files", "refresh_interval"]
        guard let fields = reader.fields(of: node, owner: "an entry of file_sd_configs", known: keys) else {
            return []
        }
        // Files are read anew when they change; the interval says nothing more.
        _ = reader.durationMillis(fields, "refresh_interval")
        if fields["files"] == nil { reader.report("an entry of file_sd_configs needs files", at: node) }
        var targets: [AlertmanagerSettings.Targets] = []
        for node in reader.list(fields, "files") {
            guard let text = reader.string(node, "files") else { continue }
            guard [".yml", ".yaml", ".json"].contains(where: text.hasSuffix) else {
                reader.report("the names of the files have to end in .yml, .yaml or .json", at: node)
                continue
            }
            let path = FilePath.resolve(text, against: reader.file)
            reader.dependsOn(path)
            // A folder that cannot be listed has no targets, as one that is not there.
            for file in (try? RuleFiles.files(at: path)) ?? [] {
                do { targets += try read(file) } catch { reader.report("\(error)", at: node) }
            }
        }
        return targets
    }

    private static func read(_ path: String) throws(YAMLFileError) -> [AlertmanagerSettings.Targets] {
        var reader = StrictReader(file: path)
        var targets: [AlertmanagerSettings.Targets] = []
        // JSON is YAML.
        if let root = reader.document(try TextFile.read(path)) {
            if case .sequence(let groups) = root.content {
                for group in groups {
                    guard var found = TargetReader.targets(group, &reader) else { continue }
                    found.labels.append(Label("__meta_filepath", path))
                    targets.append(found)
                }
            } else {
                reader.report("a file of targets has to be a list, not \(root.kindName)", at: root)
            }
        }
        try reader.finish()
        return targets
    }
}
