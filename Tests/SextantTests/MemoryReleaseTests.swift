import Foundation
import Testing

@testable import sextant

@Suite struct MemoryReleaseTests {
    @Test("pages of the program that were read go, and come back when they are used")
    func releases() throws {
        let before = try filePages()
        MemoryRelease.releaseNow()
        let after = try filePages()
        #expect(after < before)
        // Code and constants are as before.
        #expect("\(Int.max) \(1.5)" == "9223372036854775807 1.5")
    }

    /// The pages of files that the process has in memory.
    private func filePages() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let fields = text.split(separator: " ")
        return try #require(Int(fields[2]))
    }
}
