import Testing

@testable import Storage

@Suite("Column cache")
struct ColumnCacheTests {
    private func key(_ offset: Int, segment: UInt64 = 1) -> ColumnCache<Double>.Key {
        .init(segment: segment, frame: 8, offset: offset)
    }

    private func filled(_ offsets: Range<Int>, capacity: Int) -> ColumnCache<Double> {
        let cache = ColumnCache<Double>(capacity: capacity)
        for offset in offsets {
            cache.add(key(offset), [Double(offset)])
            cache.add(key(offset), [Double(offset)])
        }
        return cache
    }

    @Test("a column is kept once it was decoded twice")
    func admission() {
        let cache = ColumnCache<Double>(capacity: 1 << 20)
        cache.add(key(1), [1, 2])
        #expect(cache.column(key(1)) == nil)
        cache.add(key(1), [1, 2])
        #expect(cache.column(key(1)) == [1, 2])
        #expect(cache.figures.hitCount == 1)
        #expect(cache.figures.missCount == 1)
    }

    @Test("columns of very many series are known again when all of them were decoded once more")
    func manyColumns() {
        let cache = ColumnCache<Double>(capacity: 1 << 24)
        for _ in 0..<2 {
            for offset in 0..<60_000 { cache.add(key(offset), [1]) }
        }
        #expect(cache.figures.count == 60_000)
    }

    @Test("it never takes more than its capacity, and what is in it stays right")
    func eviction() {
        let cache = filled(0..<1000, capacity: 20_000)
        #expect(cache.figures.byteCount <= 20_000)
        #expect(cache.figures.count > 100)
        var found = 0
        for offset in 0..<1000 {
            guard let column = cache.column(key(offset)) else { continue }
            #expect(column == [Double(offset)])
            found += 1
        }
        #expect(found == cache.figures.count)
    }

    @Test("without capacity nothing is kept")
    func noCapacity() {
        #expect(filled(0..<10, capacity: 0).figures.count == 0)
    }

    @Test("what is not wanted for two rounds goes, what is wanted stays")
    func age() {
        let cache = filled(0..<2, capacity: 1 << 20)
        for _ in 0..<3 {
            #expect(cache.column(key(0)) != nil)
            cache.age()
        }
        #expect(cache.column(key(0)) != nil)
        #expect(cache.column(key(1)) == nil)
    }

    @Test("columns of a segment that is gone go")
    func segments() {
        let cache = filled(0..<3, capacity: 1 << 20)
        for _ in 0..<2 { cache.add(key(7, segment: 2), [7]) }
        cache.removeAll(of: 1)
        #expect(cache.figures.count == 1)
        #expect(cache.column(key(7, segment: 2)) == [7])
    }
}
