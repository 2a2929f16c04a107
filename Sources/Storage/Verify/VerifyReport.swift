/// What `DirectoryCheck` has found.
package struct VerifyReport: Sendable {
    /// One thing that is told.
    package struct Finding: Hashable, Sendable {
        /// The file inside the data directory.
        package var file: String
        /// The sentence.
        package var text: String
        /// Whether something is damaged.
        package var isDamage: Bool
    }

    /// What is told, in the order in which it was found.
    package var findings: [Finding] = []
    /// How many files were read.
    package var fileCount = 0
    /// How many bytes they have.
    package var byteCount = 0
    /// How many samples were read.
    package var sampleCount = 0

    /// Whether anything is damaged.
    package var isDamaged: Bool { findings.contains { $0.isDamage } }

    mutating func tell(_ file: String, _ text: String, isDamage: Bool) {
        findings.append(Finding(file: file, text: text, isDamage: isDamage))
    }
}
