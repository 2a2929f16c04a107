import Glibc

/// The folder of damaged files, `quarantine/`.
///
/// The catalog has what readers are told about them, until somebody removes the file.
struct Quarantine {
    /// The folder.
    let directory: String
    private let fileSystem: any FileSystem

    /// The folder of the data directory `directory`.
    init(of directory: String, _ fileSystem: any FileSystem) {
        self.directory = "\(directory)/quarantine"
        self.fileSystem = fileSystem
    }

    /// The names of the files that lie there.
    func names() throws(FileError) -> Set<String> {
        do throws(FileError) { return Set(try fileSystem.list(directory)) } catch {
            if error.code == ENOENT { return [] }
            throw error
        }
    }

    /// Makes the folder if it is not there.
    func prepare() throws(FileError) {
        try fileSystem.createDirectory(directory)
    }

    /// Moves a file into the folder; gives the name it has there.
    func take(_ name: String, from folder: String) throws(FileError) -> String {
        try prepare()
        let free = try freeName(name)
        try fileSystem.rename("\(folder)/\(name)", to: "\(directory)/\(free)")
        try fileSystem.syncDirectory(directory)
        try fileSystem.syncDirectory(folder)
        return free
    }

    /// Copies a file that is still needed into the folder, unless a copy of its name is there.
    ///
    /// - Returns: Whether it was copied.
    func copy(_ name: String, from folder: String) throws(FileError) -> Bool {
        try prepare()
        guard try !names().contains(name) else { return false }
        let path = "\(directory)/\(name)"
        try fileSystem.copy("\(folder)/\(name)", to: path + ".tmp")
        try fileSystem.rename(path + ".tmp", to: path)
        try fileSystem.syncDirectory(directory)
        return true
    }

    /// `name`, or if the folder has it already, one like it.
    private func freeName(_ name: String) throws(FileError) -> String {
        let taken = try names()
        var free = name
        var number = 1
        while taken.contains(free) {
            number += 1
            free = "\(name).\(number)"
        }
        return free
    }
}
