import Testing

@testable import ChunkCodec

/// Huffman codes and dictionaries: that they are used, that they save, that damage is found.
@Suite struct HuffmanTests {
    private func encoded(_ values: [Double], _ effort: EncodingEffort) -> [UInt8] {
        var bytes: [UInt8] = []
        ValueColumn.encode(values, effort: effort, into: &bytes)
        return bytes
    }

    private func decoded(_ bytes: [UInt8], _ count: Int) throws -> [UInt64] {
        var values: [Double] = []
        try ValueColumn.decode(bytes[...], count: count, into: &values)
        return values.map(\.bitPattern)
    }

    /// Differences of an exponential distribution: what counters of random events have.
    private func noisyCounter(_ count: Int, scale: Double, seed: UInt64) -> [Double] {
        var random = SeededGenerator(seed: seed)
        var state = 0.0
        return (0..<count).map { _ in
            let uniform = Double(random.next() >> 11) / Double(1 << 53)
            var (step, limit) = (0.0, uniform)
            // -ln(1 - u) by counting halvings is near enough for a test.
            while limit > 0.5, step < 40 {
                limit = (limit - 0.5) * 2
                step += 1
            }
            state += (step * scale + limit * scale).rounded()
            return state
        }
    }

    @Test("All static tables are codes, and complete enough for every symbol")
    func staticTables() {
        #expect(HuffmanLengths.tables.count == 120)
        for (number, lengths) in HuffmanLengths.tables.enumerated() {
            #expect(lengths.count == Huffman.symbolCount)
            #expect(lengths.allSatisfy { (1...10).contains($0) }, "table \(number)")
            #expect(HuffmanCode(lengths: lengths) != nil, "table \(number)")
        }
    }

    @Test("Noisy counters are smaller in a Huffman code, with a shared table and with one of their own")
    func isUsed() throws {
        var tables: Set<String> = []
        for (index, scale) in [0.3, 1, 3, 10, 100, 5000, 1e6].enumerated() {
            for count in [200, 1000, 3000, 8192] {
                let values = noisyCounter(count, scale: scale, seed: UInt64(index * 10 + count))
                let small = encoded(values, .compaction)
                let quick = encoded(values, .flush)
                #expect(small.count < quick.count, "scale \(scale), \(count) values")
                #expect(try decoded(small, count) == values.map(\.bitPattern), "scale \(scale), \(count)")
                var residuals = zip(values.dropFirst(), values).map { UInt64($0 - $1) }
                let plan = unsafe Huffman.plan(&residuals, count: residuals.count)
                var payload: [UInt8] = []
                if let plan { unsafe Huffman.append(&residuals, count: residuals.count, plan, to: &payload) }
                #expect(payload.count == plan?.byteCount)
                tables.insert(payload.first == 255 ? "own" : "static")
            }
        }
        #expect(tables == ["own", "static"])
    }

    @Test("Residuals of every length, runs of zeros and the largest numbers come back", arguments: 0..<300)
    func residuals(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let count = 1 + random.below(seed % 10 == 0 ? 20_000 : 400)
        let widest = UInt64(random.below(65))
        let zeros = random.below(100)
        var residuals = (0..<count).map { _ -> UInt64 in
            if random.below(100) < zeros { return 0 }
            let width = UInt64(random.below(Int(widest) + 1))
            return width == 64 ? random.next() : random.next() & (1 << width - 1)
        }
        if seed == 7 { residuals = [UInt64](repeating: 0, count: 300_000) + [.max] }
        let plan = try unsafe #require(Huffman.plan(&residuals, count: residuals.count))
        var bytes: [UInt8] = []
        unsafe Huffman.append(&residuals, count: residuals.count, plan, to: &bytes)
        #expect(bytes.count == plan.byteCount)
        var words = [UInt64](repeating: 9, count: residuals.count)
        var reader = ByteReader(bytes + [0xaa, 0xbb])
        // D0-FOR from 0 with base 0 gives the residuals themselves.
        var decoder = ResidualDecoder(.rebasedOffsets, first: 0, divisor: 1, base: 0)
        try unsafe Huffman.decode(from: &reader, count: words.count, to: &words, through: &decoder)
        #expect(words == residuals, "seed \(seed)")
        #expect(reader.remainingCount == 2)
    }

    @Test("A few fractions that repeat become a dictionary, as decimals or as bits")
    func dictionaries() throws {
        var random = SeededGenerator(seed: 3)
        for distinct in [[0.25, 1.5, 0.1, 7], [1.0 / 3, 2.0 / 7, .nan, -0.0, .infinity]] {
            let values = (0..<2000).map { _ in distinct[random.below(distinct.count)] }
            let small = encoded(values, .compaction)
            #expect(small.first == 4)
            #expect(small.count < encoded(values, .flush).count * 2 / 3)
            #expect(try decoded(small, values.count) == values.map(\.bitPattern))
        }
    }

    @Test("Damaged columns give an error or values, in bounds", arguments: 0..<40)
    func damage(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let values =
            seed % 2 == 0
            ? noisyCounter(700, scale: 20, seed: UInt64(seed))
            : (0..<700).map { _ in Double(1 + random.below(40)) / 7 }
        let bytes = encoded(values, .compaction)
        for _ in 0..<300 {
            var damaged = bytes
            if random.below(4) == 0 { damaged.removeLast(random.below(damaged.count)) }
            for _ in 0..<1 + random.below(3) where !damaged.isEmpty {
                damaged[random.below(damaged.count)] ^= 1 << UInt8(random.below(8))
            }
            do {
                let count = try decoded(damaged, values.count).count
                #expect(count == values.count, "seed \(seed)")
            } catch {
                #expect(error is CodecError, "seed \(seed)")
            }
        }
    }
}
