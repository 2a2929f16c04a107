import Synchronization

/// What all segments of a store share when they are read: the file system, the cache of decoded parts, and
/// the files that are open.
final class SegmentFiles: Sendable {
    /// The default size of the cache, in bytes.
    static let usualCacheByteCount = 16 << 20
    /// The most segment files that stay open while nobody reads them.
    static let openFileCount = 64

    private struct OpenFile {
        var segment: UInt64
        var file: any File
    }

    private struct State {
        var lastIdentity: UInt64 = 0
        /// The one used last is at the end.
        var open: [OpenFile] = []
    }

    /// Where the files are.
    let fileSystem: any FileSystem
    /// Decoded parts of segments.
    let cache: FrameCache
    /// Values of chunks.
    let values: ColumnCache<Double>
    /// Frames in which the values of short chunks stand.
    let frames: ColumnCache<UInt8>
    /// Times of chunks, which many series share.
    let times: ColumnCache<Int64>
    /// What is told of files that cannot be removed, and of damage that no reader is told of.
    let note: @Sendable (StorageError) -> Void
    private let state = Mutex(State())

    /// Nothing open yet; at most `columnByteCount` bytes of decoded columns are kept.
    init(
        _ fileSystem: any FileSystem,
        cacheByteCount: Int = usualCacheByteCount,
        columnByteCount: Int = 0,
        note: @escaping @Sendable (StorageError) -> Void
    ) {
        self.fileSystem = fileSystem
        cache = FrameCache(capacity: cacheByteCount)
        // Of times there are few, and frames are packed.
        let share = columnByteCount / 16
        times = ColumnCache(capacity: share)
        frames = ColumnCache(capacity: share)
        values = ColumnCache(capacity: columnByteCount - 2 * share)
        self.note = note
    }

    /// How many bytes the columns and frames take that are kept, and how often what was asked for was there
    /// and had to be decoded.
    var columnFigures: (byteCount: Int, hitCount: Int, missCount: Int) {
        let (values, times, frames) = (values.figures, times.figures, frames.figures)
        return (
            values.byteCount + times.byteCount + frames.byteCount,
            values.hitCount + times.hitCount + frames.hitCount,
            values.missCount + times.missCount + frames.missCount
        )
    }

    /// Has columns and frames go that nobody wanted for long.
    func ageColumns() {
        values.age()
        times.age()
        frames.age()
    }

    /// A number that no other segment of this process has.
    func makeIdentity() -> UInt64 {
        state.withLock { state in
            state.lastIdentity += 1
            return state.lastIdentity
        }
    }

    /// The number of files that are kept open.
    var openCount: Int { state.withLock { $0.open.count } }

    /// The file of a segment, opened if it is not open.
    ///
    /// A reader keeps a file open as long as it holds it, whatever is closed here.
    func file(of segment: UInt64, at path: String) throws(FileError) -> any File {
        let known = state.withLock { state -> (any File)? in
            guard let place = state.open.lastIndex(where: { $0.segment == segment }) else { return nil }
            let item = state.open.remove(at: place)
            state.open.append(item)
            return item.file
        }
        if let known { return known }
        let file = try fileSystem.open(path)
        // What is closed is closed outside the lock.
        let closed = state.withLock { state -> [OpenFile] in
            state.open.append(OpenFile(segment: segment, file: file))
            let tooMany = max(0, state.open.count - SegmentFiles.openFileCount)
            defer { state.open.removeFirst(tooMany) }
            return Array(state.open.prefix(tooMany))
        }
        _ = closed
        return file
    }

    /// Forgets a segment that nobody reads any more, and deletes its file if it is `obsolete`.
    func drop(_ segment: UInt64, path: String, isObsolete: Bool) {
        let closed = state.withLock { state -> [OpenFile] in
            let closed = state.open.filter { $0.segment == segment }
            state.open.removeAll { $0.segment == segment }
            return closed
        }
        _ = closed
        cache.removeAll(of: segment)
        values.removeAll(of: segment)
        frames.removeAll(of: segment)
        times.removeAll(of: segment)
        guard isObsolete else { return }
        // One that stays is a left-over without meaning, which the next start removes.
        do throws(FileError) { try fileSystem.remove(path) } catch { note(.file(error)) }
    }
}
