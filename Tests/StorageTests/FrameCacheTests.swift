import Testing

@testable import Storage

/// The cache of decoded parts of segments.
@Suite struct FrameCacheTests {
    private final class Content: CachedContent {
        let number: Int
        let byteCount: Int

        init(_ number: Int, byteCount: Int = 10) {
            self.number = number
            self.byteCount = byteCount
        }
    }

    @Test("It keeps what was used last, within its bytes")
    func leastRecentlyUsed() throws {
        let cache = FrameCache(capacity: 100)
        func read(_ offset: Int, byteCount: Int = 10) throws -> Bool {
            let before = cache.figures.missCount
            let found = try cache.content(.init(segment: 1, offset: offset)) {
                Content(offset, byteCount: byteCount)
            }
            #expect(found.number == offset)
            return cache.figures.missCount == before
        }
        for offset in 0..<10 { #expect(try !read(offset)) }
        #expect(try read(0))
        #expect(cache.figures.byteCount == 100 && cache.figures.count == 10)
        #expect(try !read(10))
        #expect(try read(0) && !read(1))
        // Too large to be kept.
        #expect(try !read(99, byteCount: 101) && !read(99, byteCount: 101))
        #expect(try !read(98, byteCount: 95))
        #expect(cache.figures.count == 1)
        cache.removeAll(of: 1)
        #expect(cache.figures.byteCount == 0 && cache.figures.count == 0)
    }

    @Test("Random use never passes the bound and finds what is there", arguments: 0..<3)
    func randomUse(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let cache = FrameCache(capacity: 500)
        for _ in 0..<5000 {
            let key = FrameCache.Key(
                segment: UInt64.random(in: 0..<4, using: &random),
                offset: Int.random(in: 0..<40, using: &random)
            )
            let byteCount = 1 + key.offset * 3
            let found = try cache.content(key) { Content(key.offset, byteCount: byteCount) }
            #expect(found.number == key.offset)
            #expect(cache.figures.byteCount <= 500)
            if Int.random(in: 0..<300, using: &random) == 0 { cache.removeAll(of: key.segment) }
        }
        for segment in UInt64(0)..<4 { cache.removeAll(of: segment) }
        #expect(cache.figures.byteCount == 0 && cache.figures.count == 0)
    }
}
