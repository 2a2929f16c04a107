/// A set of series numbers below a limit, as bits.
struct SeriesBits {
    private var words: [UInt64]

    /// No numbers, all of which will be below `limit`.
    init(limit: Int) {
        words = [UInt64](repeating: 0, count: (limit + 63) / 64)
    }

    /// The numbers of `list`, all below `limit`.
    init(_ list: [UInt32], limit: Int) {
        self.init(limit: limit)
        for number in list { insert(number) }
    }

    /// Adds a number.
    @inline(__always)
    mutating func insert(_ number: UInt32) {
        words[Int(number &>> 6)] |= 1 &<< UInt64(number & 63)
    }

    /// Whether the number is in the set.
    @inline(__always)
    func contains(_ number: UInt32) -> Bool {
        let word = Int(number &>> 6)
        return word < words.count && words[word] &>> UInt64(number & 63) & 1 == 1
    }

    /// The numbers in rising order.
    var numbers: [UInt32] {
        var numbers: [UInt32] = []
        numbers.reserveCapacity(words.reduce(0) { $0 + $1.nonzeroBitCount })
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                numbers.append(UInt32(index * 64 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        return numbers
    }
}
