import Model

/// The samples of a series as the JSON of an answer has them, such as `,[1700000000,"1.5"]`, a comma before
/// each.
///
/// Most of what a remembered answer costs would be to write its numbers once more.
package struct PointTexts: Sendable {
    /// The texts, one behind the other.
    package private(set) var bytes: [UInt8] = []
    /// Where each text ends.
    private var ends: [Int] = []

    /// The texts of the samples of `column`, which are numbers; the answer's other series share `times`.
    init(_ column: SampleColumn, _ times: inout TimeTexts) {
        bytes.reserveCapacity(column.count * 32)
        ends.reserveCapacity(column.count)
        let isKnown = times.covers(column.timestamps)
        for (place, value) in column.values.enumerated() {
            if isKnown {
                times.append(place, to: &bytes)
            } else {
                TimeTexts.append(Timestamp(millis: column.timestamps[place]), to: &bytes)
            }
            ValueText.append(value, to: &bytes)
            bytes.append(UInt8(ascii: "\""))
            bytes.append(UInt8(ascii: "]"))
            ends.append(bytes.count)
        }
    }

    /// What it takes, in bytes.
    var byteCount: Int { bytes.count + ends.count * MemoryLayout<Int>.stride }

    /// The texts of the samples in `range`, by position.
    func part(_ range: Range<Int>) -> PointTexts {
        guard range != ends.indices else { return self }
        let start = range.lowerBound == 0 ? 0 : ends[range.lowerBound - 1]
        let end = range.isEmpty ? start : ends[range.upperBound - 1]
        var part = self
        part.bytes = Array(bytes[start..<end])
        part.ends = ends[range].map { $0 - start }
        return part
    }

    /// Adds texts behind these.
    mutating func append(_ other: PointTexts) {
        let start = bytes.count
        bytes.append(contentsOf: other.bytes)
        ends.append(contentsOf: other.ends.map { $0 + start })
    }
}
