import Model

/// What of a head's samples does not fit into 64 bits: native histograms.
///
/// A head keeps 64 bits for each sample. Those of a histogram are a NaN that no arithmetic yields, with a
/// number of an entry here; a number from outside that has such bits gets an entry too, so that all bits come
/// back.
struct HeadExtras: Sendable {
    private enum Entry: Sendable {
        case histogram(NativeHistogram)
        case bits(UInt64)
    }

    /// The upper 32 bits of a NaN that stands for an entry.
    private static let mark: UInt64 = 0xfffc_4e48
    private static let blockCount = 1024

    /// Blocks, so that one who goes on to write copies little of what a reader has.
    private var blocks: [[Entry]] = []
    /// About how much memory it takes, in bytes.
    private(set) var byteCount = 0

    /// Whether there is no entry.
    var isEmpty: Bool { blocks.isEmpty }

    /// Whether bits mean an entry.
    @inline(__always)
    static func isMarked(_ bits: UInt64) -> Bool { bits >> 32 == mark }

    /// Adds a histogram; gives the bits that stand for it.
    mutating func add(_ histogram: NativeHistogram) -> UInt64 {
        byteCount += 16 * histogram.heldSampleCount
        return add(.histogram(histogram))
    }

    /// Adds the bits of a number that could be taken for a mark; gives those that stand for them.
    mutating func add(bits: UInt64) -> UInt64 { add(.bits(bits)) }

    /// Puts what the marks among the values of `column` stand for in their place.
    func resolve(_ column: inout SampleColumn) {
        if isEmpty { return }
        for position in column.values.indices where HeadExtras.isMarked(column.values[position].bitPattern) {
            let number = Int(column.values[position].bitPattern & 0xffff_ffff)
            switch blocks[number / HeadExtras.blockCount][number % HeadExtras.blockCount] {
            case .bits(let bits): column.values[position] = Double(bitPattern: bits)
            case .histogram(let histogram):
                column.values[position] = NativeHistogram.placeholder
                column.histograms.append(histogram, at: position)
            }
        }
    }

    private mutating func add(_ entry: Entry) -> UInt64 {
        if blocks.last.map({ $0.count == HeadExtras.blockCount }) ?? true {
            blocks.append([])
            blocks[blocks.count - 1].reserveCapacity(HeadExtras.blockCount)
        }
        let last = blocks.count - 1
        let number = last * HeadExtras.blockCount + blocks[last].count
        precondition(number <= UInt32.max, "BUG: a head of \(number) histograms")
        blocks[last].append(entry)
        byteCount += MemoryLayout<Entry>.stride
        return HeadExtras.mark << 32 | UInt64(number)
    }
}
