import GRDB
import Model

import struct Foundation.Data

extension Catalog {
    /// The records of a kind, in the order of their keys.
    package func ruleRecords(_ kind: RuleRecord.Kind) throws(CatalogError) -> [RuleRecord] {
        try read { database in
            try CatalogTables.ruleRecord.rows(database, order: "key").compactMap(RuleRecord.init)
                .filter { $0.kind == kind }
        }
    }

    /// Adds or replaces records and removes others, all or nothing; durable when it returns.
    package func commit(saved: [RuleRecord], removed: [RuleRecord]) throws(CatalogError) {
        try write { database in
            for record in removed {
                try database.execute(
                    sql: "DELETE FROM rule_record WHERE kind = ? AND key = ?",
                    arguments: [record.kind.rawValue, Data(record.key)]
                )
            }
            for record in saved { try CatalogTables.ruleRecord.put(record.values, database) }
        }
    }
}
