import Catalog
import Model

/// Makes what stands in the place of a segment that has damage: a new one without it, and a copy of the old
/// one in quarantine.
struct SegmentRepair {
    /// The data directory.
    let directory: String
    let files: SegmentFiles

    /// What stands in the place of the damaged segment once the catalog lists it.
    struct Result {
        /// What is sound of it; nil if nothing is.
        var replacement: Segment?
        /// What happened, for the log and for readers.
        var damage: DamageRecord
        /// How many samples are lost.
        var lostCount: Int

        /// What readers are told: nothing if all samples are there.
        var damagesForReaders: [DamageRecord] { lostCount > 0 ? [damage] : [] }
    }

    private var folder: String { "\(directory)/segments" }

    /// Repairs `segment`, which stays as it is.
    ///
    /// - Parameters:
    ///   - segment: The damaged segment.
    ///   - damages: What of it cannot be read; at least one.
    ///   - number: The number of the file in its place.
    /// - Returns: What stands in its place.
    /// - Throws: `StorageError` if a file cannot be written.
    func run(
        _ segment: Segment,
        _ damages: [Segment.Damage],
        number: UInt64
    ) throws(StorageError) -> Result {
        do {
            let replacement = try rewrite(segment, SegmentFormat.name(number))
            let name = segment.record.file
            _ = try Quarantine(of: directory, files.fileSystem).copy(name, from: folder)
            let start = damages.map(\.range.start).min() ?? segment.record.range.start
            let end = damages.map(\.range.end).max() ?? segment.record.range.end
            let lost = max(0, segment.record.sampleCount - (replacement?.record.sampleCount ?? 0))
            let text = """
                segment \(name) has damage, \(lost) samples are lost; the file was moved to quarantine: \
                \(damages.first?.reason ?? "")
                """
            return Result(
                replacement: replacement,
                damage: DamageRecord(file: name, range: TimeRange(start, end), text: text),
                lostCount: lost
            )
        } catch let error as StorageError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .damaged(path: segment.path, reason: "\(error)")
        }
    }

    /// `segment`, or what is found in its file if its block table cannot be read.
    private func readable(_ segment: Segment) throws(StorageError) -> Segment {
        do throws(StorageError) {
            _ = try segment.blockTable()
            return segment
        } catch {
            guard case .damaged = error else { throw error }
            return try Segment(searching: segment.record.file, known: segment.record, in: folder, files)
        }
    }

    private func rewrite(_ segment: Segment, _ name: String) throws -> Segment? {
        let path = "\(folder)/\(name)"
        let fileSystem = files.fileSystem
        do {
            var writer = SegmentWriter(file: try fileSystem.create(path + ".tmp"), shape: segment.shape)
            do throws(StorageError) {
                _ = try readable(segment).scan { labels, column, rollups throws(StorageError) in
                    do throws(FileError) { try writer.add(labels, column, rollups) } catch {
                        throw .file(error)
                    }
                }
            } catch {
                // Nothing is left of one that does not tell what is in it.
                guard case .damaged = error else { throw error }
            }
            if writer.isEmpty {
                try fileSystem.remove(path + ".tmp")
                return nil
            }
            try writer.finish()
            try fileSystem.rename(path + ".tmp", to: path)
            try fileSystem.syncDirectory(folder)
        } catch {
            // The next start removes what cannot be removed.
            do throws(FileError) { try fileSystem.remove(path + ".tmp") } catch {}
            throw error
        }
        return try Segment(name, in: folder, files)
    }
}
