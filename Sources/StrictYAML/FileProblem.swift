/// One thing that is wrong with a file, at its place.
package struct FileProblem: Hashable, Sendable, CustomStringConvertible {
    /// The file's path as it was given.
    package var file: String
    /// The line, from 1; 0 if the problem is the file itself.
    package var line: Int
    /// The column in Unicode scalars, from 1; 0 if the problem is the file itself.
    package var column: Int
    /// What is wrong, in a plain sentence.
    package var message: String

    /// A problem with the file as a whole, such as that it cannot be read.
    package init(file: String, message: String) {
        self.init(file: file, line: 0, column: 0, message: message)
    }

    /// A problem at a place in the file.
    package init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// `file:line:column: message`.
    package var description: String {
        line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)"
    }
}

/// All that is wrong with the files that were to be read; none of them took effect.
package struct YAMLFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, in the order of the files and of their lines; never empty.
    package var problems: [FileProblem]

    /// An error of these problems.
    package init(_ problems: [FileProblem]) {
        self.problems = problems
    }

    /// One problem per line.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
