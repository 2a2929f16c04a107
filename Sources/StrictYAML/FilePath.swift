/// Paths that are written in files.
package enum FilePath {
    /// A relative path as seen from the folder of `file`.
    package static func resolve(_ path: String, against file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}
