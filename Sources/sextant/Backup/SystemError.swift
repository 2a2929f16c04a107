import Glibc
import Storage

/// Error numbers of the operating system that mean something here.
enum SystemError {
    /// What was opened as a directory is a file.
    static let notDirectory = ENOTDIR
    /// The directory has something in it.
    static let directoryNotEmpty = ENOTEMPTY
}

extension FileError {
    /// Whether what was asked for does not exist.
    var isMissing: Bool { code == ENOENT }
}
