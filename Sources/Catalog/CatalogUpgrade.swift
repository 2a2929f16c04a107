import GRDB

/// Brings catalogs of formats 1 to 6 to the present one; the rows of 1 to 4 had no checksums.
enum CatalogUpgrade {
    /// Adds what is new to formats 5 and 6; of older ones all tables are made anew with the old rows.
    static func run(_ database: Database, from version: Int) throws {
        if version >= 5 {
            // What a version without checksums of its own claims has to be borne out by the row.
            let format = try CatalogTables.counter.rows(database)
                .first { $0[0] == CatalogTables.formatCounter }.map { $0[1] as Int }
            guard format == version else { return }
            if version == 5 { try CatalogTables.createTombstones(database) }
            try CatalogTables.createSettings(database)
            return try CatalogTables.note(Catalog.formatVersion, database)
        }
        var columns = [
            (CatalogTables.segment, CatalogTables.segment.columns),
            (CatalogTables.metadata, CatalogTables.metadata.columns),
            (CatalogTables.counter, CatalogTables.counter.columns),
        ]
        // Format 1 had no pushed groups, formats 1 and 2 no levels of segments, 1 to 3 no rules.
        if version < 3 { columns[0].1[8] = "0" }
        if version > 1 { columns.append((CatalogTables.pushGroup, CatalogTables.pushGroup.columns)) }
        if version > 3 { columns.append((CatalogTables.ruleRecord, CatalogTables.ruleRecord.columns)) }
        let contents = try columns.map { table, columns in
            try Row.fetchAll(
                database,
                sql: "SELECT \(columns.joined(separator: ", ")) FROM \(table.name)"
            )
        }
        for (table, _) in columns { try database.execute(sql: "DROP TABLE \(table.name)") }
        try CatalogTables.create(database, version: Catalog.formatVersion)
        for ((table, _), rows) in zip(columns, contents) {
            for row in rows { try table.put(Array(row.databaseValues), database) }
        }
    }
}
