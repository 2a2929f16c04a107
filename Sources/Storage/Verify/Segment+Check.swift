import ChunkCodec
import Model

extension Segment {
    /// A part of a segment that cannot be read.
    struct Damage: Hashable, Sendable {
        /// The times of the samples that may be in it.
        var range: TimeRange
        /// What is wrong.
        var reason: String
    }

    /// The largest frame that is taken for one, in bytes.
    private static let longestFrame = Frame.maxRawCount + 64

    /// Reads the whole file and compares all checksums.
    ///
    /// - Parameter rest: Called after each frame, with its size in bytes.
    /// - Returns: What is damaged; nothing if all is sound.
    /// - Throws: What the system says, or what `rest` throws.
    func check(_ rest: (_ byteCount: Int) throws(StorageError) -> Void) throws(StorageError) -> [Damage] {
        do throws(StorageError) {
            try readAll(rest)
            return []
        } catch {
            guard case .damaged(_, let reason) = error else { throw error }
            // Which series it is about is found out only now.
            var damages: [Damage] = []
            do throws(StorageError) {
                damages = try scan { _, _, _ in }
            } catch {
                guard case .damaged = error else { throw error }
            }
            return damages.isEmpty ? [Damage(range: record.range, reason: reason)] : damages
        }
    }

    /// Hands what can be read of each series to `body`, in label order, its rollups as they are.
    ///
    /// - Returns: What cannot be read.
    /// - Throws: `StorageError.damaged` if it cannot be told what is in the file, or what `body` throws.
    func scan(
        _ body: (_ labels: Labels, _ column: SampleColumn, _ rollups: SeriesRollups) throws(StorageError) ->
            Void
    ) throws(StorageError) -> [Damage] {
        var damages: [Damage] = []
        func note(_ error: StorageError, _ range: TimeRange) throws(StorageError) {
            guard case .damaged(_, let reason) = error else { throw error }
            damages.append(Damage(range: range, reason: reason))
        }
        var reader = Reader()
        var previous: Labels?
        let table = try blockTable()
        for block in 0..<table.count {
            do throws(StorageError) {
                _ = try labelsBlock(block, table)
                _ = try directoryBlock(block, table)
            } catch {
                try note(error, record.range)
                continue
            }
            for ordinal in table.ordinals(ofBlock: block) {
                let labels = try labels(of: ordinal, &reader)
                var column = SampleColumn()
                var rollups: [RollupLevel: SeriesRollup] = [:]
                for chunk in try chunks(of: ordinal, &reader) {
                    do throws(StorageError) {
                        if let level = chunk.level {
                            let found = try rollup(chunk, of: ordinal, &reader)
                            rollups[level, default: SeriesRollup(level: level)].append(found)
                        } else {
                            column = column.merged(with: try read(chunk, of: ordinal, &reader))
                        }
                    } catch {
                        try note(error, chunk.range)
                    }
                }
                if let previous, !(previous < labels) {
                    damages.append(Damage(range: record.range, reason: "series are out of order"))
                } else if !column.isEmpty || !rollups.isEmpty {
                    try body(labels, column, SeriesRollups(known: Array(rollups.values)))
                    previous = labels
                }
            }
        }
        return damages
    }

    /// What another segment has to be to stand in its place.
    var shape: SegmentShape {
        SegmentShape(
            retentionMillis: record.retentionMillis,
            sequence: record.sequence,
            level: record.level
        )
    }

    // MARK: - Private

    /// Reads header, frames and footer, one after the other.
    private func readAll(_ rest: (_ byteCount: Int) throws(StorageError) -> Void) throws(StorageError) {
        do {
            let file = try open()
            let size = try file.size()
            let end = size - SegmentFormat.footerByteCount
            guard size == record.byteCount,
                try file.read(at: 0, count: SegmentFormat.header.count) == SegmentFormat.header
            else { throw StorageError.damaged(path: path, reason: "its beginning or its size is wrong") }
            var position = SegmentFormat.header.count
            while position < end {
                // What is behind the frame is read too where it fits into one call.
                let count = min(end - position, 2 * SegmentFormat.frameByteCount)
                position += try readFrame(file, position, count, end)
                try rest(count)
            }
            let footer = try file.read(at: end, count: SegmentFormat.footerByteCount)
            _ = try SegmentFooter(footer, path: path, fileByteCount: size)
        } catch let error as StorageError {
            throw error
        } catch let error as FileError {
            throw error.code == 0 ? .damaged(path: path, reason: "it is too short") : .file(error)
        } catch {
            throw .damaged(path: path, reason: "\(error)")
        }
    }

    /// Reads the frames in the `count` bytes at `position`, the first of them in any case; gives their size.
    private func readFrame(_ file: any File, _ position: Int, _ count: Int, _ end: Int) throws -> Int {
        var reader = ByteReader(try file.read(at: position, count: count))
        var read = 0
        do {
            while !reader.isAtEnd {
                _ = try Frame.read(from: &reader)
                read = count - reader.remainingCount
            }
        } catch {
            // The last one goes on behind what was read.
            let longer = min(end - position, Segment.longestFrame)
            if read > 0 { return read }
            guard longer > count else { throw error }
            reader = ByteReader(try file.read(at: position, count: longer))
            _ = try Frame.read(from: &reader)
            read = longer - reader.remainingCount
        }
        return read
    }
}
