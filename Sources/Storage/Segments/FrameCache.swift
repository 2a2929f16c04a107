import Model
import Synchronization

/// What a frame cache keeps: decoded content of a segment file.
protocol CachedContent: AnyObject, Sendable {
    /// About how much memory it takes, in bytes.
    var byteCount: Int { get }
}

/// Decoded parts of segments that were used last, as many as fit into a number of bytes.
///
/// One for all segments of a store. Content that is larger than the whole cache is not kept.
final class FrameCache: Sendable {
    /// What a content is found by.
    struct Key: Hashable, Sendable {
        /// The segment's `identity`.
        var segment: UInt64
        /// Where the content begins in the file; 0 for what a matcher finds.
        var offset: Int
        /// The matcher that found the content; nil for what stands in the file.
        var matcher: Matcher?
    }

    /// How the cache is doing.
    struct Figures: Hashable, Sendable {
        /// What the contents take, in bytes.
        var byteCount = 0
        /// The number of contents.
        var count = 0
        /// How often what was asked for was there.
        var hitCount = 0
        /// How often it had to be read.
        var missCount = 0
    }

    /// One content in the list of all, which is in the order of their last use.
    fileprivate struct Node {
        var key: Key
        var content: (any CachedContent)?
        var newer: Int?
        var older: Int?
    }

    fileprivate struct State {
        var places: [Key: Int] = [:]
        var nodes: [Node] = []
        var free: [Int] = []
        var newest: Int?
        var oldest: Int?
        var figures = Figures()
    }

    /// The most bytes that it keeps.
    let capacity: Int
    private let state = Mutex(State())

    /// An empty cache of at most `capacity` bytes.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// How the cache is doing now.
    var figures: Figures { state.withLock { $0.figures } }

    /// The content that `key` stands for; `load` reads it if it is not there.
    ///
    /// `load` runs outside the lock, so that two threads may read the same at the same time.
    func content<Content: CachedContent>(
        _ key: Key,
        _ load: () throws(StorageError) -> Content
    ) throws(StorageError) -> Content {
        if let found = state.withLockGivingWay({ $0.use(key) as? Content }) { return found }
        let loaded = try load()
        state.withLockGivingWay { $0.add(key, loaded, capacity) }
        return loaded
    }

    /// Forgets everything of a segment.
    func removeAll(of segment: UInt64) {
        state.withLock { state in
            for (key, place) in state.places where key.segment == segment { state.remove(place) }
        }
    }
}

extension FrameCache.State {
    fileprivate mutating func use(_ key: FrameCache.Key) -> (any CachedContent)? {
        guard let place = places[key] else {
            figures.missCount += 1
            return nil
        }
        figures.hitCount += 1
        unlink(place)
        link(place)
        return nodes[place].content
    }

    fileprivate mutating func add(_ key: FrameCache.Key, _ content: any CachedContent, _ capacity: Int) {
        if let place = places[key] { remove(place) }
        guard content.byteCount <= capacity else { return }
        while figures.byteCount > capacity - content.byteCount, let oldest { remove(oldest) }
        let node = FrameCache.Node(key: key, content: content)
        let place: Int
        if let last = free.popLast() {
            place = last
            nodes[place] = node
        } else {
            place = nodes.count
            nodes.append(node)
        }
        places[key] = place
        figures.byteCount += content.byteCount
        figures.count += 1
        link(place)
    }

    fileprivate mutating func remove(_ place: Int) {
        unlink(place)
        places[nodes[place].key] = nil
        figures.byteCount -= nodes[place].content?.byteCount ?? 0
        figures.count -= 1
        nodes[place].content = nil
        free.append(place)
    }

    private mutating func link(_ place: Int) {
        nodes[place].older = newest
        nodes[place].newer = nil
        if let newest { nodes[newest].newer = place }
        newest = place
        if oldest == nil { oldest = place }
    }

    private mutating func unlink(_ place: Int) {
        let (newer, older) = (nodes[place].newer, nodes[place].older)
        if let newer { nodes[newer].older = older } else { newest = older }
        if let older { nodes[older].newer = newer } else { oldest = newer }
    }
}
