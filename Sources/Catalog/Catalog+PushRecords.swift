import GRDB
import Model

import struct Foundation.Data

extension Catalog {
    /// All pushed groups, in the order of their labels' bytes.
    package func pushRecords() throws(CatalogError) -> [PushRecord] {
        try read { try CatalogTables.pushGroup.rows($0, order: "labels").map(PushRecord.init) }
    }

    /// Adds or replaces a pushed group; durable when it returns.
    package func save(_ record: PushRecord) throws(CatalogError) {
        try write { try CatalogTables.pushGroup.put(record.values, $0) }
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
