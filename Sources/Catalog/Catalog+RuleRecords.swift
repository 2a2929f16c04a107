import GRDB
import Model

import struct Foundation.Data

extension Catalog {
    /// The table of what is known about rules, which came with format 4.
    static let ruleTable = """
        CREATE TABLE rule_record (
            kind TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)
        ) STRICT, WITHOUT ROWID;
        """

    /// The records of a kind, in the order of their keys.
    package func ruleRecords(_ kind: RuleRecord.Kind) throws(CatalogError) -> [RuleRecord] {
        try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT key, value FROM rule_record WHERE kind = ? ORDER BY key",
                arguments: [kind.rawValue]
            )
            return rows.map { row in
                RuleRecord(
                    kind: kind,
                    key: Array(row["key"] as Data),
                    value: Array(row["value"] as Data)
                )
            }
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
            for record in saved {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO rule_record (kind, key, value) VALUES (?, ?, ?)",
                    arguments: [record.kind.rawValue, Data(record.key), Data(record.value)]
                )
            }
        }
    }
}
