import Model

/// A segment file that is being written.
///
/// It has a name that does not count until it is finished.
struct SegmentOutput {
    /// The name that the file will have.
    let name: String
    /// The path that the file will have.
    let path: String
    /// Where series are added.
    var writer: SegmentWriter

    /// The path that the file has while it is written.
    var temporaryPath: String { path + ".tmp" }
}

extension Store {
    /// Begins a new segment file.
    func beginSegment(_ shape: SegmentShape) throws(FileError) -> SegmentOutput {
        let number = state.withLock { state in
            state.counters.lastFile += 1
            return state.counters.lastFile
        }
        let name = SegmentFormat.name(number)
        let path = "\(segmentDirectory)/\(name)"
        let file = try options.fileSystem.create(path + ".tmp")
        return SegmentOutput(name: name, path: path, writer: SegmentWriter(file: file, shape: shape))
    }

    /// Makes the file durable under its name and opens it; nil if it has no series.
    ///
    /// The file counts once the catalog has it. If it cannot be finished, it is deleted.
    func finish(_ output: consuming SegmentOutput) throws(StorageError) -> Segment? {
        let files = options.fileSystem
        do throws(FileError) {
            if output.writer.isEmpty {
                try files.remove(output.temporaryPath)
                return nil
            }
            try output.writer.finish()
            try files.rename(output.temporaryPath, to: output.path)
            try files.syncDirectory(segmentDirectory)
        } catch {
            discard(output)
            throw .file(error)
        }
        return try Segment(output.name, in: segmentDirectory, segmentFiles)
    }

    /// Deletes a file that will not be finished.
    func discard(_ output: SegmentOutput) {
        // Room on the disk may be what is missing; the next start removes what cannot be removed.
        do throws(FileError) { try options.fileSystem.remove(output.temporaryPath) } catch {}
    }

    /// Has `body` write to `outputs`, which have keys of its choice, and finishes these; if anything fails,
    /// no file stays.
    func writeSegments<Key: Hashable>(
        _ body: (inout [Key: SegmentOutput]) throws -> Void
    ) throws(StorageError) -> [Segment] {
        var outputs: [Key: SegmentOutput] = [:]
        var segments: [Segment] = []
        do {
            try body(&outputs)
            for key in Array(outputs.keys) {
                guard let output = outputs.removeValue(forKey: key) else { continue }
                if let segment = try finish(output) { segments.append(segment) }
            }
            return segments
        } catch {
            for output in outputs.values { discard(output) }
            for segment in segments { segment.markObsolete() }
            switch error {
            case let error as StorageError: throw error
            case let error as FileError: throw .file(error)
            default: throw .damaged(path: segmentDirectory, reason: "\(error)")
            }
        }
    }
}
