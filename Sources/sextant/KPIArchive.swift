import APIServer
import Foundation
import KPI
import Logging
import Model

/// Keeps what the KPI engine has to remember besides samples: former definitions, late data, and remarks.
///
/// These are files in the folder `kpi` of the data directory: `versions.json`, `revisions.json` and
/// `backfills.json`, written anew at each change, and `annotations.jsonl`, one remark per line.
struct KPIArchive: Sendable {
    private struct VersionRecord: Codable {
        var kpi: String
        var number: Int
        var sinceMillis: Int64
        var definitions: String
    }

    /// The folder's name.
    static let folderName = "kpi"

    private let folder: URL
    private let logger: Logger

    private var versionFile: URL { folder.appendingPathComponent("versions.json") }
    private var revisionFile: URL { folder.appendingPathComponent("revisions.json") }
    private var backfillFile: URL { folder.appendingPathComponent("backfills.json") }
    private var annotationFile: URL { folder.appendingPathComponent("annotations.jsonl") }

    /// The archive of the daemon whose data are in `dataDirectory`.
    init(dataDirectory: String, logger: Logger) throws {
        folder = URL(fileURLWithPath: dataDirectory).appendingPathComponent(KPIArchive.folderName)
        self.logger = logger
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// The versions that were kept; what cannot be read is told of and left out.
    func versions() -> [KPIVersion] {
        guard let data = try? Data(contentsOf: versionFile) else { return [] }
        guard let records = try? JSONDecoder().decode([VersionRecord].self, from: data) else {
            logger.error("the versions of KPIs cannot be read", metadata: ["file": "\(versionFile.path)"])
            return []
        }
        return records.compactMap { record in
            let version = KPIVersion(
                kpi: record.kpi,
                number: record.number,
                since: Timestamp(millis: record.sinceMillis),
                text: record.definitions
            )
            if version == nil {
                logger.warning(
                    "a former definition of a KPI cannot be read any more",
                    metadata: ["kpi": "\(record.kpi)", "version": "\(record.number)"]
                )
            }
            return version
        }
    }

    /// Keeps `versions` in place of those kept before.
    func keep(_ versions: [KPIVersion]) {
        let records = versions.map {
            VersionRecord(
                kpi: $0.kpi.name,
                number: $0.number,
                sinceMillis: $0.since.millis,
                definitions: $0.definitions.text
            )
        }
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            try encoder.encode(records).write(to: versionFile, options: .atomic)
        } catch {
            logger.error("the versions of KPIs cannot be kept", metadata: ["error": "\(error)"])
        }
    }

    /// What was kept of late data; nothing if it cannot be read, which is told of.
    func revisions() -> Revisions.Record {
        guard let data = try? Data(contentsOf: revisionFile) else { return Revisions.Record() }
        do {
            return try JSONDecoder().decode(Revisions.Record.self, from: data)
        } catch {
            logger.error(
                "what is known of late data cannot be read",
                metadata: ["file": "\(revisionFile.path)", "error": "\(error)"]
            )
            return Revisions.Record()
        }
    }

    /// Keeps what is known of late data in place of what was kept before.
    func keep(_ revisions: Revisions.Record) {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            try encoder.encode(revisions).write(to: revisionFile, options: .atomic)
        } catch {
            logger.error("what is known of late data cannot be kept", metadata: ["error": "\(error)"])
        }
    }

    /// The pasts that were asked for; none if they cannot be read, which is told of.
    func backfills() -> [Backfill] {
        // Before the first one there is no file.
        guard let data = try? Data(contentsOf: backfillFile) else { return [] }
        guard let backfills = try? JSONDecoder().decode([Backfill].self, from: data) else {
            logger.error("the backfills of KPIs cannot be read", metadata: ["file": "\(backfillFile.path)"])
            return []
        }
        return backfills
    }

    /// Keeps the pasts that were asked for in place of those kept before.
    func keep(_ backfills: [Backfill]) {
        do {
            try JSONEncoder().encode(backfills).write(to: backfillFile, options: .atomic)
        } catch {
            logger.error("the backfills of KPIs cannot be kept", metadata: ["error": "\(error)"])
        }
    }

    /// The remarks that were kept; each new one is added to the file before it counts.
    func annotations() -> Annotations {
        let text = (try? String(contentsOf: annotationFile, encoding: .utf8)) ?? ""
        let known = text.split(separator: "\n").compactMap { line in
            try? JSONDecoder().decode(Annotation.self, from: Data(line.utf8))
        }
        return Annotations(known) { [annotationFile] annotation in
            let line = try JSONEncoder().encode(annotation) + Data([0x0a])
            if !FileManager.default.fileExists(atPath: annotationFile.path) {
                try Data().write(to: annotationFile)
            }
            let handle = try FileHandle(forWritingTo: annotationFile)
            defer { try? handle.close() }
            try handle.seekToEnd()
            try handle.write(contentsOf: line)
            try handle.synchronize()
        }
    }
}
