import GRDB
import Model

import struct Foundation.Data

extension Catalog {
    /// The table of pushed groups, which came with format 2.
    static let pushTable = """
        CREATE TABLE push_group (
            labels BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL, push_millis INTEGER, failure_millis INTEGER
        ) STRICT;
        """

    /// All pushed groups, in the order of their labels' bytes.
    package func pushRecords() throws(CatalogError) -> [PushRecord] {
        try read { database in
            let rows = try Row.fetchAll(database, sql: "SELECT * FROM push_group ORDER BY labels")
            return rows.map { row in
                PushRecord(
                    labels: Array(row["labels"] as Data),
                    body: Array(row["body"] as Data),
                    pushTime: (row["push_millis"] as Int64?).map { Timestamp(millis: $0) },
                    failureTime: (row["failure_millis"] as Int64?).map { Timestamp(millis: $0) }
                )
            }
        }
    }

    /// Adds or replaces a pushed group; durable when it returns.
    package func save(_ record: PushRecord) throws(CatalogError) {
        try write { database in
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO push_group (labels, body, push_millis, failure_millis)
                    VALUES (?, ?, ?, ?)
                    """,
                arguments: [
                    Data(record.labels), Data(record.body), record.pushTime?.millis,
                    record.failureTime?.millis,
                ]
            )
        }
    }

    /// Removes pushed groups by their labels, all of them or nothing; durable when it returns.
    package func removePushRecords(labels: [[UInt8]]) throws(CatalogError) {
        try write { database in
            for one in labels {
                try database.execute(
                    sql: "DELETE FROM push_group WHERE labels = ?",
                    arguments: [Data(one)]
                )
            }
        }
    }
}
