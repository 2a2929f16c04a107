import Glibc

/// A part of a file in memory that moves along with the reader.
struct LogWindow {
    /// The size of the file in bytes.
    let fileByteCount: Int
    private let file: any File
    private let pieceByteCount: Int
    /// Where in the file the part begins.
    private var start = 0
    private var part: [UInt8] = []

    /// A view of `file` that reads `pieceByteCount` bytes at a time, or more where more is asked for.
    init(_ file: any File, pieceByteCount: Int) throws(FileError) {
        self.file = file
        self.pieceByteCount = pieceByteCount
        fileByteCount = try file.size()
    }

    /// The `count` bytes at `position`; nil if the file ends before.
    mutating func bytes(at position: Int, count: Int) throws(FileError) -> ArraySlice<UInt8>? {
        guard position >= 0, count >= 0, position <= fileByteCount, count <= fileByteCount - position else {
            return nil
        }
        if position < start || position + count > start + part.count {
            // The old part goes before the new one comes.
            part = []
            part = try file.read(
                at: position,
                count: min(max(count, pieceByteCount), fileByteCount - position)
            )
            start = position
        }
        return part[position - start..<position - start + count]
    }

    /// Where `pattern` (not empty) comes next, from `position` on.
    mutating func position(of pattern: [UInt8], from position: Int) throws(FileError) -> Int? {
        guard let first = pattern.first else { return nil }
        var position = position
        while position + pattern.count <= fileByteCount {
            _ = try bytes(at: position, count: pattern.count)
            let offset = position - start
            let end = part.count - pattern.count + 1
            let found = unsafe part.withUnsafeBytes { part -> Int? in
                guard let base = part.baseAddress else { return nil }
                var offset = offset
                while offset < end, let hit = unsafe memchr(base + offset, Int32(first), end - offset) {
                    let candidate = unsafe UnsafeRawPointer(hit) - base
                    if unsafe memcmp(base + candidate, pattern, pattern.count) == 0 { return candidate }
                    offset = candidate + 1
                }
                return nil
            }
            if let found { return start + found }
            position = start + end
        }
        return nil
    }
}
