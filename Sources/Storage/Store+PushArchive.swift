import Catalog
import Dispatch
import Model

/// Pushed groups lie in the catalog.
extension Store: PushArchive {
    private static let archiveQueue = DispatchQueue(label: "sextant.archive")

    package func pushRecords() async throws(SinkError) -> [PushRecord] {
        try await archive { catalog throws(CatalogError) in try catalog.pushRecords() }
    }

    package func save(_ record: PushRecord) async throws(SinkError) {
        try await archive { catalog throws(CatalogError) in try catalog.save(record) }
    }

    package func removePushRecords(labels: [[UInt8]]) async throws(SinkError) {
        try await archive { catalog throws(CatalogError) in try catalog.removePushRecords(labels: labels) }
    }

    /// Runs `body`, which blocks, on a queue.
    func archive<Value: Sendable>(
        _ body: @escaping @Sendable (Catalog) throws(CatalogError) -> Value
    ) async throws(SinkError) -> Value {
        let result = await withCheckedContinuation { continuation in
            Store.archiveQueue.async { [catalog] in
                let result = Result<Value, CatalogError> { () throws(CatalogError) in try body(catalog) }
                continuation.resume(returning: result)
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error): throw .unavailable(error.description)
        }
    }
}
