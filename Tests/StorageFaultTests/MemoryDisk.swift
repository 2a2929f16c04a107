import Foundation

/// What a disk holds: contents and names, each as it is seen now and as it was last made durable.
///
/// A value, so that a copy is a picture of the moment. Paths are relative to the data directory.
struct MemoryDisk: Sendable {
    /// The bytes of a file.
    struct Content: Sendable {
        /// What reads see.
        var seen: [UInt8] = []
        /// What the last sync made durable.
        var durable: [UInt8] = []
    }

    /// A change of a directory's names that no sync of the directory has made durable.
    enum NameChange: Sendable {
        case add(String, Int)
        case move(String, to: String, Int)
        case remove(String)
    }

    /// The files, each by the number that a name stands for.
    var contents: [Int: Content] = [:]
    /// The names that are seen.
    var names: [String: Int] = [:]
    /// The names that are durable.
    private(set) var durableNames: [String: Int] = [:]
    private var pending: [(folder: String, change: NameChange)] = []

    /// The folder of a path.
    static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    /// Changes the names that are seen; the change is durable after `syncFolder`.
    mutating func change(_ change: NameChange) {
        MemoryDisk.apply(change, to: &names)
        switch change {
        case .add(let path, _), .remove(let path): pending.append((MemoryDisk.folder(of: path), change))
        case .move(_, let target, _): pending.append((MemoryDisk.folder(of: target), change))
        }
    }

    /// Makes the changes of a folder's names durable.
    mutating func syncFolder(_ folder: String) {
        for item in pending where item.folder == folder {
            MemoryDisk.apply(item.change, to: &durableNames)
        }
        pending.removeAll { $0.folder == folder }
    }

    /// The disk after a loss of power: each change since the last sync has survived or not, at random.
    ///
    /// Unsynced writes survive in units of `blockByteCount`: 4096, or 512 for torn pages.
    func crashed(seed: UInt64, blockByteCount: Int) -> MemoryDisk {
        var random = SeededGenerator(seed: seed)
        var disk = MemoryDisk()
        disk.durableNames = durableNames
        for item in pending where random.below(2) == 0 {
            MemoryDisk.apply(item.change, to: &disk.durableNames)
        }
        disk.names = disk.durableNames
        for number in Set(disk.names.values).sorted() {
            guard let content = contents[number] else { continue }
            let bytes = MemoryDisk.survivor(of: content, blockByteCount, &random)
            disk.contents[number] = Content(seen: bytes, durable: bytes)
        }
        return disk
    }

    private static func apply(_ change: NameChange, to names: inout [String: Int]) {
        switch change {
        case .add(let path, let number): names[path] = number
        case .remove(let path): names[path] = nil
        case .move(let path, let target, let number):
            names[path] = nil
            names[target] = number
        }
    }

    /// What is left of a file whose unsynced blocks survive at random; lost blocks inside it read as zeros.
    private static func survivor(
        of content: Content,
        _ blockByteCount: Int,
        _ random: inout SeededGenerator
    ) -> [UInt8] {
        guard content.seen != content.durable else { return content.durable }
        let (seen, durable) = (content.seen, content.durable)
        let low = min(seen.count, durable.count)
        let high = max(seen.count, durable.count)
        let size = [low, high, low + random.below(high - low + 1)][random.below(3)]
        var bytes = [UInt8](repeating: 0, count: size)
        var block = 0
        while block < size {
            let end = min(size, block + blockByteCount)
            let source = random.below(2) == 0 ? seen : durable
            if block < source.count {
                let known = min(end, source.count)
                bytes.replaceSubrange(block..<known, with: source[block..<known])
            }
            block = end
        }
        return bytes
    }
}
