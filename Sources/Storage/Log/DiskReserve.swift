import Model

/// Room on the disk that writes leave free, so that flushes, deletes and other programs can go on.
///
/// The disk is looked at once a second at most, or sooner when much was written since; so writes go on by
/// themselves once there is room.
struct DiskReserve {
    /// How much may be written between two looks, in bytes.
    private static let byteCountPerLook = 16 << 20
    private static let timePerLook = Duration.seconds(1)
    private static let leastByteCount = 64 << 20

    private let directory: String
    private let fileSystem: any FileSystem
    /// The reserve in bytes; nil if it goes by the size of the disk.
    private let wantedByteCount: Int?
    private var nextLook: ContinuousClock.Instant?
    private var writtenByteCount = 0
    private var shortage: SinkError?

    /// The reserve on the disk of `directory`: `byteCount` bytes, or if that is nil 1 % of the disk, but 64
    /// MiB at least.
    init(byteCount: Int?, directory: String, fileSystem: any FileSystem) {
        wantedByteCount = byteCount
        self.directory = directory
        self.fileSystem = fileSystem
    }

    /// The size of the reserve on a disk: `wanted` bytes, or what it is by itself.
    static func byteCount(_ wanted: Int?, of space: DiskSpace) -> Int {
        wanted ?? max(leastByteCount, space.byteCount / 100)
    }

    /// Notes that bytes were written.
    mutating func note(writtenByteCount count: Int) {
        writtenByteCount += count
        if writtenByteCount >= DiskReserve.byteCountPerLook { nextLook = nil }
    }

    /// Why nothing may be written at `now`; nil if there is room.
    ///
    /// - Throws: What went wrong with the look at the disk; writes may go on then.
    mutating func refusal(at now: ContinuousClock.Instant) throws(FileError) -> SinkError? {
        if let nextLook, now < nextLook { return shortage }
        nextLook = now.advanced(by: DiskReserve.timePerLook)
        writtenByteCount = 0
        shortage = nil
        let space = try fileSystem.diskSpace(of: directory)
        let reserve = DiskReserve.byteCount(wantedByteCount, of: space)
        guard space.freeByteCount < reserve else { return nil }
        shortage = .unavailable(
            "the disk of \(directory) has \(space.freeByteCount) bytes free, less than the reserve of "
                + "\(reserve) bytes; writes go on once there is room"
        )
        return shortage
    }
}
