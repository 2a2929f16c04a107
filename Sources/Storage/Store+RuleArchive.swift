import Catalog
import Model

/// What is known about rules lies in the catalog.
extension Store: RuleArchive {
    package func ruleRecords(_ kind: RuleRecord.Kind) async throws(SinkError) -> [RuleRecord] {
        try await archive { catalog throws(CatalogError) in try catalog.ruleRecords(kind) }
    }

    package func commit(saved: [RuleRecord], removed: [RuleRecord]) async throws(SinkError) {
        try await archive { catalog throws(CatalogError) in
            try catalog.commit(saved: saved, removed: removed)
        }
    }
}
