/// A canonical Huffman code over the symbols of `Huffman`: lengths, codes, and the table that decodes.
struct HuffmanCode {
    /// The length of each symbol's code in bits, 0 for a symbol that does not occur.
    let lengths: [UInt8]
    /// Each symbol's code, its first bit lowest.
    let codes: [UInt16]

    /// The code with these lengths, each at most `Huffman.maxCodeLength`; nil if there is none with them.
    init?(lengths: [UInt8]) {
        var counts = [Int](repeating: 0, count: Huffman.maxCodeLength + 1)
        for length in lengths where length > 0 {
            guard length <= Huffman.maxCodeLength else { return nil }
            counts[Int(length)] += 1
        }
        var next = [Int](repeating: 0, count: Huffman.maxCodeLength + 1)
        var code = 0
        for length in 1...Huffman.maxCodeLength {
            code = (code + counts[length - 1]) << 1
            next[length] = code
            guard code + counts[length] <= 1 << length else { return nil }
        }
        var codes = [UInt16](repeating: 0, count: lengths.count)
        for (symbol, length) in lengths.enumerated() where length > 0 {
            var rest = next[Int(length)]
            next[Int(length)] += 1
            var reversed = 0
            for _ in 0..<length {
                reversed = reversed << 1 | rest & 1
                rest >>= 1
            }
            codes[symbol] = UInt16(truncatingIfNeeded: reversed)
        }
        self.lengths = lengths
        self.codes = codes
    }

    /// What the next ten bits say, for each value of them.
    ///
    /// An entry is, from the lowest bit: the symbol (8 bits), the length of its code (4; 0: no code begins
    /// so), the number of bits behind the code (6), how many literals the ten bits hold (3), the bits that
    /// these take (4), the literals after the first (3 times 4), and what stands above the bits behind the
    /// code in the number that the symbol means (4).
    func decodingTable() -> [UInt64] {
        let size = 1 << Huffman.maxCodeLength
        return [UInt64](unsafeUninitializedCapacity: size) { buffer, count in
            guard let table = buffer.baseAddress else { return }
            table.initialize(repeating: 0, count: size)
            count = size
            fill(table)
        }
    }

    private func fill(_ table: UnsafeMutablePointer<UInt64>) {
        let size = 1 << Huffman.maxCodeLength
        for symbol in 0..<lengths.count where lengths[symbol] > 0 {
            let length = UInt64(lengths[symbol])
            var entry = UInt64(symbol) | length << 8
            entry |= UInt64(Huffman.extraBitCount(symbol)) << 12
            if symbol < Huffman.literalCount {
                entry |= 1 << 18 | length << 21 | UInt64(symbol) << 37
            } else {
                entry |= UInt64(2 | symbol & 1) << 37
            }
            var index = Int(codes[symbol])
            while index < size {
                table[index] = entry
                index &+= 1 &<< Int(length)
            }
        }
        // From the highest value of the bits down: what follows a code is a lower one, whose entry is still
        // as it was made above.
        var index = size &- 1
        while index >= 0 {
            defer { index &-= 1 }
            var entry = table[index]
            guard entry &>> 18 & 7 == 1 else { continue }
            var bitCount = entry &>> 8 & 15
            var shift: UInt64 = 25
            while shift < 37 {
                let following = table[index &>> Int(truncatingIfNeeded: bitCount)]
                let length = following &>> 8 & 15
                let end = bitCount &+ length
                guard following &>> 18 & 7 == 1, end <= UInt64(Huffman.maxCodeLength) else { break }
                entry |= (following & 15) &<< shift
                bitCount = end
                shift &+= 4
            }
            let literals = (shift &- 21) / 4
            entry &= ~(7 &<< 18 | 15 &<< 21)
            table[index] = entry | literals &<< 18 | bitCount &<< 21
        }
    }

    /// Code lengths of at most `Huffman.maxCodeLength` that suit the `counts` of symbols.
    ///
    /// Source: Huffman's algorithm; where a code becomes too long, counts are flattened and it is run again.
    static func lengths(for counts: [Int]) -> [UInt8] {
        var lengths = [UInt8](repeating: 0, count: counts.count)
        let symbols = counts.indices.filter { counts[$0] > 0 }
        guard symbols.count > 1 else {
            for symbol in symbols { lengths[symbol] = 1 }
            return lengths
        }
        var weights = counts
        while true {
            let depths = depths(of: symbols.map { weights[$0] })
            if depths.allSatisfy({ $0 <= Huffman.maxCodeLength }) {
                for (symbol, depth) in zip(symbols, depths) { lengths[symbol] = UInt8(depth) }
                return lengths
            }
            for symbol in symbols { weights[symbol] = (weights[symbol] + 1) / 2 + 1 }
        }
    }

    /// The depths of the leaves with these weights (at least two) in a Huffman tree.
    private static func depths(of weights: [Int]) -> [Int] {
        // Two queues: leaves by weight, and inner nodes, whose weights come out rising.
        let leaves = weights.indices.sorted { (weights[$0], $0) < (weights[$1], $1) }
        let count = weights.count
        var parents = [Int](repeating: 0, count: 2 * count - 1)
        var inner: [Int] = []
        var (nextLeaf, nextInner) = (0, 0)
        func takeLeast() -> (node: Int, weight: Int) {
            if nextLeaf < count, nextInner == inner.count || weights[leaves[nextLeaf]] <= inner[nextInner] {
                nextLeaf += 1
                return (leaves[nextLeaf - 1], weights[leaves[nextLeaf - 1]])
            }
            nextInner += 1
            return (count + nextInner - 1, inner[nextInner - 1])
        }
        for _ in 1..<count {
            let (left, right) = (takeLeast(), takeLeast())
            parents[left.node] = count + inner.count
            parents[right.node] = count + inner.count
            inner.append(left.weight + right.weight)
        }
        var depths = [Int](repeating: 0, count: 2 * count - 1)
        for node in stride(from: 2 * count - 3, through: 0, by: -1) {
            depths[node] = depths[parents[node]] + 1
        }
        return Array(depths[..<count])
    }
}
