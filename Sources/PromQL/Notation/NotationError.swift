/// Why a text does not describe the values of a series.
package struct NotationError: Error, Hashable, CustomStringConvertible {
    /// The sentence for the person who wrote it.
    package let description: String

    /// An error.
    init(_ description: String) {
        self.description = description
    }
}
