/// The back end HUF: residuals by their size classes in a Huffman code, runs of zeros as one symbol,
/// docs/formats/chunk.md "HUF".
enum Huffman {
    /// The number of symbols.
    static let symbolCount = 152
    /// The longest code in bits.
    static let maxCodeLength = 10
    /// The symbols below this one are the residuals 0...15 themselves.
    static let literalCount = 16

    /// The symbols from this one on are classes of larger residuals; those below are runs of zeros.
    static let classStart = 32
    private static let longestRun = 131_071
    private static let dynamicTable: UInt8 = 255
    /// Below so many residuals a table of its own has to save more to be worth the time it takes to build.
    private static let fewResiduals = 1500
    /// From so many residuals on it pays to look for several literals in each ten bits.
    private static let manyResiduals = 6000

    private static let staticCodes = HuffmanLengths.tables.compactMap { HuffmanCode(lengths: $0) }
    private static let staticTables = staticCodes.map { $0.decodingTable(findsLiterals: true) }

    /// How a column is to be written.
    struct Plan {
        /// The number of the table; 255 for one of its own.
        fileprivate var table: UInt8
        /// The size of the payload in bytes.
        var byteCount: Int
        fileprivate var code: HuffmanCode
    }

    /// The number of bits that follow the code of a symbol.
    static func extraBitCount(_ symbol: Int) -> Int {
        if symbol < literalCount { return 0 }
        return symbol < classStart ? symbol - 15 : 3 + (symbol - classStart) / 2
    }

    // MARK: Encoding

    /// Chooses the table that makes `count` >= 1 residuals smallest.
    static func plan(_ residuals: UnsafePointer<UInt64>, count: Int) -> Plan? {
        var counts = [Int](repeating: 0, count: symbolCount)
        counts.withUnsafeMutableBufferPointer { counts in
            forEachSymbol(residuals, count: count) { symbol, _ in counts[symbol] &+= 1 }
        }
        let used = counts.indices.filter { counts[$0] > 0 }
        let extraBits = used.reduce(0) { $0 + counts[$1] * extraBitCount($1) }

        var best = (table: 0, bits: Int.max)
        for (table, code) in staticCodes.enumerated() {
            let bits = used.reduce(8) { $0 + counts[$1] * Int(code.lengths[$1]) }
            if bits < best.bits { best = (table, bits) }
        }
        let lengths = HuffmanCode.lengths(for: counts)
        var bits = 16
        var previous = -1
        for symbol in used {
            bits += 2 * bitLength(symbol - previous) - 1 + 4 + counts[symbol] * Int(lengths[symbol])
            previous = symbol
        }
        let allowance = count < fewResiduals ? bits * 8 / 100 : 0
        if best.bits <= bits + allowance, staticCodes.indices.contains(best.table) {
            return Plan(
                table: UInt8(best.table),
                byteCount: (best.bits + extraBits + 7) / 8,
                code: staticCodes[best.table]
            )
        }
        guard let code = HuffmanCode(lengths: lengths) else { return nil }
        return Plan(table: dynamicTable, byteCount: (bits + extraBits + 7) / 8, code: code)
    }

    /// Appends the payload as `plan` says.
    static func append(
        _ residuals: UnsafePointer<UInt64>,
        count: Int,
        _ plan: Plan,
        to bytes: inout [UInt8]
    ) {
        var writer = BitWriter()
        writer.put(UInt64(plan.table), count: 8)
        let lengths = plan.code.lengths
        if plan.table == dynamicTable {
            let used = lengths.indices.filter { lengths[$0] > 0 }
            writer.put(UInt64(used.count), count: 8)
            var previous = -1
            for symbol in used {
                // Elias gamma: as many zeros as bits follow the highest one.
                let gap = symbol - previous
                let length = bitLength(gap)
                writer.put(0, count: length - 1)
                writer.put(1, count: 1)
                writer.put(UInt64(gap) & (1 << UInt64(length - 1) - 1), count: length - 1)
                writer.put(UInt64(lengths[symbol]), count: 4)
                previous = symbol
            }
        }
        let codes = plan.code.codes
        forEachSymbol(residuals, count: count) { symbol, extra in
            writer.put(UInt64(codes[symbol]), count: Int(lengths[symbol]))
            let extraCount = extraBitCount(symbol)
            if extraCount > 32 {
                writer.put(extra & 0xffff_ffff, count: 32)
                writer.put(extra >> 32, count: extraCount - 32)
            } else {
                writer.put(extra, count: extraCount)
            }
        }
        bytes.append(contentsOf: writer.finish())
    }

    /// Calls `body` with the symbols of the residuals and the bits that follow each.
    @inline(__always)
    private static func forEachSymbol(
        _ residuals: UnsafePointer<UInt64>,
        count: Int,
        _ body: (Int, UInt64) -> Void
    ) {
        var index = 0
        while index < count {
            let residual = residuals[index]
            if residual == 0 {
                var end = index &+ 1
                while end < count, residuals[end] == 0 { end &+= 1 }
                var run = end &- index
                index = end
                while run > 1 {
                    let part = min(run, longestRun)
                    let length = bitLength(part)
                    body(14 + length, UInt64(part) & (1 &<< UInt64(length &- 1) &- 1))
                    run &-= part
                }
                if run == 1 { body(0, 0) }
                continue
            }
            index &+= 1
            if residual < UInt64(literalCount) {
                body(Int(residual), 0)
            } else {
                let length = 64 &- residual.leadingZeroBitCount
                let top = Int(truncatingIfNeeded: residual &>> UInt64(length &- 2)) & 1
                let extra = residual & (1 &<< UInt64(length &- 2) &- 1)
                body(classStart + (length &- 5) &* 2 + top, extra)
            }
        }
    }

    private static func bitLength(_ value: Int) -> Int { Int.bitWidth - value.leadingZeroBitCount }

    // MARK: Decoding

    /// Reads `count` residuals to `words` and lets `decoder` turn them into integers.
    static func decode(
        from reader: inout ByteReader,
        count: Int,
        to words: UnsafeMutablePointer<UInt64>,
        through decoder: inout ResidualDecoder
    ) throws(CodecError) {
        let readCount = try reader.remaining.withUnsafeBufferPointer { bytes throws(CodecError) in
            guard let start = bytes.baseAddress else { throw .truncated(neededBytes: 1, availableBytes: 0) }
            var cursor = BitCursor(start, byteCount: bytes.count)
            let number = UInt8(truncatingIfNeeded: cursor.read(8))
            if number == dynamicTable {
                let code = try readCode(&cursor)
                let table = code.decodingTable(findsLiterals: count >= manyResiduals)
                try decode(&cursor, table, count: count, to: words)
            } else {
                guard staticTables.indices.contains(Int(number)) else {
                    throw .badHeaderByte(field: .huffmanTable, value: number)
                }
                try decode(&cursor, staticTables[Int(number)], count: count, to: words)
            }
            guard !cursor.isBehindEnd else {
                throw .truncated(neededBytes: cursor.readByteCount, availableBytes: bytes.count)
            }
            return cursor.readByteCount
        }
        decoder.decode(words, count: count)
        try reader.skip(count: readCount)
    }

    private static func decode(
        _ shared: inout BitCursor,
        _ table: [UInt64],
        count: Int,
        to words: UnsafeMutablePointer<UInt64>
    ) throws(CodecError) {
        // A copy that nothing else can reach stays in registers.
        var cursor = shared
        defer { shared = cursor }
        try table.withUnsafeBufferPointer { table throws(CodecError) in
            guard let entries = table.baseAddress, table.count == 1 << maxCodeLength else { return }
            var index = 0
            while index < count {
                var bits = cursor.peek()
                if index &+ 3 * 4 <= count {
                    // Three entries take at most 54 bits.
                    var steps = 3
                    var taken: UInt64 = 0
                    while steps > 0 {
                        let entry = entries[Int(truncatingIfNeeded: bits & 1023)]
                        let told = Int(truncatingIfNeeded: entry &>> 18 & 7)
                        guard told > 0 else { break }
                        let extraCount = entry &>> 12 & 63
                        let extra = bits &>> (entry &>> 8 & 15) & (1 &<< extraCount &- 1)
                        words[index] = (entry &>> 38 & 15) &<< extraCount | extra
                        words[index &+ 1] = entry &>> 26 & 15
                        words[index &+ 2] = entry &>> 30 & 15
                        words[index &+ 3] = entry &>> 34 & 15
                        index &+= told
                        let bitCount = entry &>> 21 & 31
                        bits &>>= bitCount
                        taken &+= bitCount
                        steps &-= 1
                    }
                    cursor.skip(Int(truncatingIfNeeded: taken))
                    if steps == 0 { continue }
                    bits = cursor.peek()
                }
                let entry = entries[Int(truncatingIfNeeded: bits & 1023)]
                let length = entry &>> 8 & 15
                guard length > 0, !cursor.isBehindEnd else { throw .badHuffmanCode }
                let symbol = Int(truncatingIfNeeded: entry & 0xff)
                let extraCount = entry &>> 12 & 63
                let extra: UInt64
                if extraCount <= BitCursor.peekedCount - 15 {
                    extra = bits &>> length & (1 &<< extraCount &- 1)
                    cursor.skip(Int(truncatingIfNeeded: length &+ extraCount))
                } else {
                    cursor.skip(Int(truncatingIfNeeded: length))
                    extra = cursor.read(Int(truncatingIfNeeded: extraCount))
                }
                if symbol < literalCount || symbol >= classStart {
                    words[index] = (entry &>> 38 & 15) &<< extraCount | extra
                    index &+= 1
                } else {
                    let run = 1 &<< Int(truncatingIfNeeded: extraCount) | Int(truncatingIfNeeded: extra)
                    guard run <= count &- index else { throw .badHuffmanCode }
                    (words + index).update(repeating: 0, count: run)
                    index &+= run
                }
            }
        }
    }

    private static func readCode(_ cursor: inout BitCursor) throws(CodecError) -> HuffmanCode {
        let usedCount = Int(cursor.read(8))
        var lengths = [UInt8](repeating: 0, count: symbolCount)
        var symbol = -1
        for _ in 0..<usedCount {
            var zeroCount = 0
            while cursor.read(1) == 0 {
                zeroCount += 1
                guard zeroCount < 8 else { throw .badHuffmanCode }
            }
            symbol += 1 << zeroCount | Int(cursor.read(zeroCount))
            guard symbol < symbolCount, !cursor.isBehindEnd else { throw .badHuffmanCode }
            lengths[symbol] = UInt8(truncatingIfNeeded: cursor.read(4))
        }
        guard let code = HuffmanCode(lengths: lengths) else { throw .badHuffmanCode }
        return code
    }
}
