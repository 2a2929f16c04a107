import Foundation

/// What a disk holds: contents and names, each as it is seen now and as it was last made durable.
///
/// A value, so that a copy is a picture of the moment. Paths are relative to the data directory.
struct MemoryDisk: Sendable {
    /// The bytes of a file.
    struct Content: Sendable {
        /// What reads see.
        private(set) var seen: [UInt8] = []
        /// What the last sync made durable.
        private var durable: [UInt8] = []
        /// What was done since, in its order.
        private var unsynced: [Edit] = []

        /// A file of these bytes, all of them durable.
        init(_ bytes: [UInt8] = []) {
            seen = bytes
            durable = bytes
        }

        /// Changes the bytes that are seen; the change is durable after `sync`.
        mutating func apply(_ edit: Edit) {
            edit.apply(to: &seen)
            unsynced.append(edit)
        }

        /// Whether a loss of power may leave other bytes than are seen.
        var isDurable: Bool { unsynced.isEmpty }

        /// Makes what is seen durable.
        mutating func sync() {
            durable = seen
            unsynced = []
        }

        /// What a loss of power leaves.
        ///
        /// Each block is as it was at some moment since the last sync, whatever the others are: of a file
        /// that is written over, some blocks keep their old bytes. So is the size, or it is between two of
        /// those; what no edit has reached reads as zeros.
        fileprivate func survivor(_ blockByteCount: Int, _ random: inout SeededGenerator) -> [UInt8] {
            guard !unsynced.isEmpty else { return durable }
            var moments = [durable]
            for edit in unsynced {
                var bytes = moments[moments.count - 1]
                edit.apply(to: &bytes)
                moments.append(bytes)
            }
            var size = moments[random.below(moments.count)].count
            if random.below(3) == 0 {
                let other = moments[random.below(moments.count)].count
                size = min(size, other) + random.below(abs(size - other) + 1)
            }
            var bytes = [UInt8](repeating: 0, count: size)
            for block in stride(from: 0, to: size, by: blockByteCount) {
                let source = moments[random.below(moments.count)]
                let end = min(size, block + blockByteCount, source.count)
                if block < end { bytes.replaceSubrange(block..<end, with: source[block..<end]) }
            }
            return bytes
        }
    }

    /// One change of a file's bytes.
    enum Edit: Sendable {
        case write([UInt8], at: Int)
        case truncate(to: Int)

        fileprivate func apply(to bytes: inout [UInt8]) {
            switch self {
            case .write(let written, let offset):
                let end = offset + written.count
                if bytes.count < end {
                    bytes.append(contentsOf: [UInt8](repeating: 0, count: end - bytes.count))
                }
                bytes.replaceSubrange(offset..<end, with: written)
            case .truncate(let size): bytes.removeLast(max(0, bytes.count - size))
            }
        }
    }

    /// A change of a directory's names that no sync of the directory has made durable.
    enum NameChange: Sendable {
        case add(String, Int)
        case move(String, to: String, Int)
        case remove(String)
        case moveFolder(String, to: String)
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
        case .move(_, let target, _), .moveFolder(_, let target):
            pending.append((MemoryDisk.folder(of: target), change))
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
            disk.contents[number] = Content(content.survivor(blockByteCount, &random))
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
        case .moveFolder(let path, let target):
            for (name, number) in names where name.hasPrefix(path + "/") {
                names[name] = nil
                names[target + name.dropFirst(path.utf8.count)] = number
            }
        }
    }
}
