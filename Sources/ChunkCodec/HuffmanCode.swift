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
    /// so), the number of bits behind the code (6), how many numbers are told at once (3), the bits that
    /// these take (5), the literals after the first (3 times 4), and what stands above the bits behind the
    /// code in the number that the symbol means (4).
    ///
    /// What is told at once are several literals whose codes are in the ten bits, or one number with at most
    /// `mostQuickExtraBits` bits behind its code; nothing of runs and larger numbers.
    ///
    /// - Parameter findsLiterals: Whether several literals are looked for; that takes longer than all else.
    /// - Returns: The entries.
    func decodingTable(findsLiterals: Bool) -> [UInt64] {
        let size = 1 << Huffman.maxCodeLength
        return [UInt64](unsafeUninitializedCapacity: size) { buffer, count in
            guard let table = buffer.baseAddress else { return }
            count = size
            fill(table)
            if findsLiterals { HuffmanCode.findLiterals(table) }
        }
    }

    /// The most bits behind a code that are read together with it: three such numbers are in what a cursor
    /// shows.
    static let mostQuickExtraBits = 8

    /// Fills in what the first code says: shorter codes first, and each time their length grows all that is
    /// there a second time, as the next bit says nothing about shorter ones.
    private func fill(_ table: UnsafeMutablePointer<UInt64>) {
        table[0] = 0
        lengths.withUnsafeBufferPointer { lengths in
            codes.withUnsafeBufferPointer { codes in
                var order = InlineArray<152, UInt8>(repeating: 0)
                var ends = InlineArray<12, Int>(repeating: 0)
                for symbol in 0..<lengths.count { ends[Int(lengths[symbol]) &+ 1] &+= 1 }
                for length in 1...Huffman.maxCodeLength &+ 1 { ends[length] &+= ends[length &- 1] }
                for symbol in 0..<lengths.count {
                    let length = Int(lengths[symbol])
                    order[ends[length]] = UInt8(truncatingIfNeeded: symbol)
                    ends[length] &+= 1
                }
                // Now `ends[n]` is where the symbols of length n end.
                for length in 1...Huffman.maxCodeLength {
                    let half = 1 &<< (length &- 1)
                    (table + half).update(from: table, count: half)
                    for place in ends[length &- 1]..<ends[length] {
                        let symbol = Int(order[place])
                        table[Int(codes[symbol])] = HuffmanCode.entry(symbol, UInt64(length))
                    }
                }
            }
        }
    }

    private static func entry(_ symbol: Int, _ length: UInt64) -> UInt64 {
        let extraBitCount = Huffman.extraBitCount(symbol)
        var entry = UInt64(symbol) | length &<< 8 | UInt64(extraBitCount) &<< 12
        let isRun = symbol >= Huffman.literalCount && symbol < Huffman.classStart
        if !isRun, extraBitCount <= mostQuickExtraBits {
            entry |= 1 &<< 18 | (length &+ UInt64(extraBitCount)) &<< 21
        }
        let top = symbol < Huffman.literalCount ? symbol : 2 | symbol & 1
        return entry | UInt64(top) &<< 38
    }

    /// Adds to the entries of literals those that follow in the ten bits.
    private static func findLiterals(_ table: UnsafeMutablePointer<UInt64>) {
        // From the highest value of the bits down: what follows a code is a lower one, whose entry is still
        // as it was made.
        var index = 1 &<< Huffman.maxCodeLength &- 1
        while index >= 0 {
            defer { index &-= 1 }
            var entry = table[index]
            guard isLiteral(entry) else { continue }
            var bitCount = entry &>> 8 & 15
            var shift: UInt64 = 26
            while shift < 38 {
                let following = table[index &>> Int(truncatingIfNeeded: bitCount)]
                let end = bitCount &+ (following &>> 8 & 15)
                guard isLiteral(following), end <= UInt64(Huffman.maxCodeLength) else { break }
                entry |= (following & 15) &<< shift
                bitCount = end
                shift &+= 4
            }
            let literals = (shift &- 22) / 4
            entry &= ~(7 &<< 18 | 31 &<< 21)
            table[index] = entry | literals &<< 18 | bitCount &<< 21
        }
    }

    @inline(__always)
    private static func isLiteral(_ entry: UInt64) -> Bool {
        entry & 0xff < UInt64(Huffman.literalCount) && entry &>> 8 & 15 > 0
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
