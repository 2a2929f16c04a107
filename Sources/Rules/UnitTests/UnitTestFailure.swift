import Model

/// An expectation of a unit test that was not met, or why it could not be looked at.
package struct UnitTestFailure: Sendable, CustomStringConvertible {
    /// Where the test case is.
    package var place: UnitTest.Place
    /// What was tested.
    package var title: String
    /// What is wrong with it: lines that begin with `-` were expected and are missing, those with `+` are
    /// there and were not expected, the others are as expected.
    package var lines: [String]

    /// The title and the lines, indented.
    package var description: String {
        ([title] + lines.map { "    " + $0 }).joined(separator: "\n")
    }

    /// What is there (`got`) against what was expected, both in their order.
    static func difference(expected: [String], got: [String]) -> [String] {
        var unexpected = got
        var lines: [String] = []
        for line in expected {
            if let index = unexpected.firstIndex(of: line) {
                unexpected.remove(at: index)
                lines.append("  " + line)
            } else {
                lines.append("- " + line)
            }
        }
        lines += unexpected.map { "+ " + $0 }
        // What belongs to the same series stands together.
        return lines.sorted { $0.dropFirst(2).utf8.lexicographicallyPrecedes($1.dropFirst(2).utf8) }
    }
}
