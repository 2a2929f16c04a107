import Logging
import Model

/// Keeps what receivers were told over restarts.
///
/// It is written behind each message. A message that arrived just before the daemon was killed may so be
/// sent once more, and none is forgotten.
struct ReceiverMemory: Sendable {
    private let archive: (any RuleArchive)?
    private let logger: Logger

    /// A memory that lies in `archive`; without one nothing is kept.
    init(_ archive: (any RuleArchive)?, logger: Logger) {
        self.archive = archive
        self.logger = logger
    }

    /// What there is, by receiver; what belongs to none of `receivers` is forgotten.
    func load(_ receivers: [String]) async -> [ByteText: [ReceiverRecord]] {
        guard let archive else { return [:] }
        do throws(SinkError) {
            let known = Set(receivers.map(ByteText.init))
            var found: [ByteText: [ReceiverRecord]] = [:]
            var removed: [RuleRecord] = []
            for stored in try await archive.ruleRecords(.receiver) {
                if let record = ReceiverRecord(stored), known.contains(ByteText(record.receiver)) {
                    found[ByteText(record.receiver), default: []].append(record)
                } else {
                    removed.append(stored)
                }
            }
            if !removed.isEmpty { try await archive.commit(saved: [], removed: removed) }
            return found
        } catch {
            logger.error(
                "what receivers were told cannot be read; they may be told again",
                metadata: ["error": "\(error)"]
            )
            return [:]
        }
    }

    /// Writes what a receiver was told of a group, or that there is nothing left of it.
    func note(_ group: ReceiverGroup, receiver: String, at now: Timestamp) async {
        guard let archive else { return }
        let record = ReceiverRecord(group, receiver: receiver, at: now).record
        do throws(SinkError) {
            if group.isEmpty {
                try await archive.commit(saved: [], removed: [record])
            } else {
                try await archive.commit(saved: [record], removed: [])
            }
        } catch {
            logger.error(
                "what a receiver was told cannot be written; after a restart it may be told again",
                metadata: ["receiver": "\(receiver)", "error": "\(error)"]
            )
        }
    }
}
