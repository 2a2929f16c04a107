import Foundation

/// Reads files of settings, which are small texts.
package enum TextFile {
    /// The largest file, in bytes.
    package static let byteLimit = 4 << 20

    /// The text of the file at `path`.
    package static func read(_ path: String) throws(YAMLFileError) -> String {
        let bytes: [UInt8]
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            bytes = [UInt8](try handle.read(upToCount: byteLimit + 1) ?? Data())
        } catch {
            throw YAMLFileError([FileProblem(file: path, message: "cannot be read: \(reason(error))")])
        }
        guard bytes.count <= byteLimit else {
            throw YAMLFileError([FileProblem(file: path, message: "is larger than \(byteLimit) bytes")])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw YAMLFileError([FileProblem(file: path, message: "is not UTF-8")])
        }
        return text
    }

    private static func reason(_ error: any Error) -> String {
        if let posix = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError {
            return posix.localizedDescription
        }
        return (error as NSError).localizedDescription
    }
}
