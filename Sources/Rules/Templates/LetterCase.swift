/// Letter case as Go changes it: a letter becomes one letter, or stays.
enum LetterCase {
    /// `text` in capitals.
    static func upper(_ text: String) -> String { map(text) { $0.properties.uppercaseMapping } }

    /// `text` in small letters.
    static func lower(_ text: String) -> String { map(text) { $0.properties.lowercaseMapping } }

    /// `text` with a capital at the beginning of each word; the other letters stay.
    static func title(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var out = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            let isInside = index > 0 && (isWord(scalars[index - 1]) || isJoint(scalars, at: index - 1))
            out.append(isInside ? scalar : single(scalar.properties.titlecaseMapping, or: scalar))
        }
        return String(out)
    }

    private static func map(_ text: String, _ mapping: (Unicode.Scalar) -> String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { out.append(single(mapping(scalar), or: scalar)) }
        return String(out)
    }

    private static func single(_ mapped: String, or scalar: Unicode.Scalar) -> Unicode.Scalar {
        mapped.unicodeScalars.count == 1 ? mapped.unicodeScalars.first ?? scalar : scalar
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }

    /// Whether a mark such as an apostrophe stands between two letters, which leaves them one word.
    private static func isJoint(_ scalars: [Unicode.Scalar], at index: Int) -> Bool {
        guard ["'", ".", ":", "’", "·"].contains(scalars[index]), index > 0, index + 1 < scalars.count
        else { return false }
        return scalars[index - 1].properties.isAlphabetic && scalars[index + 1].properties.isAlphabetic
    }
}
