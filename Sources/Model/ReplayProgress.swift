import Synchronization

/// How far the store is with reading its write-ahead log at start; written by the store, read by the API.
public final class ReplayProgress: Sendable {
    /// The numbers of log files: the first, the last, and the one being read or read last.
    public struct Reading: Hashable, Sendable {
        /// The number of the first file; 0 if there is none.
        public var first = 0
        /// The number of the last file.
        public var last = 0
        /// The number of the file that is being read, or `last` at the end.
        public var current = 0
    }

    private let reading = Mutex(Reading())

    /// Nothing has been read yet.
    public init() {}

    /// Where it is now.
    public var now: Reading { reading.withLock { $0 } }

    /// Notes that the files `first` to `last` are to be read.
    public func begin(first: UInt64, last: UInt64) {
        reading.withLock {
            $0.first = Int(clamping: first)
            $0.last = Int(clamping: last)
            $0.current = $0.first
        }
    }

    /// Notes that the file `number` is being read.
    public func note(_ number: UInt64) {
        reading.withLock { $0.current = Int(clamping: number) }
    }
}
