import ChunkCodec
import GRDB

import struct Foundation.Data

/// A table whose rows carry a checksum of all their columns, so that a changed bit is noticed.
///
/// Format: docs/formats/catalog.md.
struct SealedTable {
    /// The name.
    let name: String
    /// The columns, the last one (`checksum`) left out.
    let columns: [String]

    /// Adds a row with these values, in the order of `columns`, or replaces the one with the same key.
    func put(_ values: [(any DatabaseValueConvertible)?], _ database: Database) throws {
        precondition(values.count == columns.count, "BUG: \(values.count) values for the table \(name)")
        let values = values.map { $0?.databaseValue ?? .null }
        let places = String(repeating: "?, ", count: columns.count)
        try database.execute(
            sql: "INSERT OR REPLACE INTO \(name) (\(list)) VALUES (\(places)?)",
            arguments: StatementArguments(values + [checksum(values).databaseValue])
        )
    }

    /// All rows, each with its columns in the order of `columns`.
    ///
    /// - Throws: `DamagedRow` if a row is not what was written.
    func rows(_ database: Database, order: String? = nil) throws -> [Row] {
        let rows = try Row.fetchAll(database, sql: select + (order.map { " ORDER BY \($0)" } ?? ""))
        for row in rows where !isSound(row) { throw DamagedRow(table: name) }
        return rows
    }

    /// The rows that are sound; `isComplete` becomes false if there are others, or not all could be read.
    func soundRows(_ database: Database, isComplete: inout Bool) -> [Row] {
        var rows: [Row] = []
        do {
            let cursor = try Row.fetchCursor(database, sql: select)
            while let row = try cursor.next() {
                if isSound(row) { rows.append(row.copy()) } else { isComplete = false }
            }
        } catch {
            isComplete = false
        }
        return rows
    }

    // MARK: - Private

    private var list: String { (columns + ["checksum"]).joined(separator: ", ") }
    private var select: String { "SELECT \(list) FROM \(name)" }

    private func isSound(_ row: Row) -> Bool {
        let values = Array(row.databaseValues)
        return values.last == checksum(values.dropLast()).databaseValue
    }

    /// CRC32C of the table's name and of each value with its type and length.
    private func checksum(_ values: some Sequence<DatabaseValue>) -> Int64 {
        var bytes = Array(name.utf8)
        func append(_ kind: UInt8, _ content: some Collection<UInt8>) {
            bytes.append(kind)
            append(UInt64(content.count))
            bytes.append(contentsOf: content)
        }
        func append(_ integer: UInt64) {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: integer >> shift))
            }
        }
        for value in values {
            switch value.storage {
            case .null: bytes.append(0)
            case .int64(let integer):
                bytes.append(1)
                append(UInt64(bitPattern: integer))
            case .double(let number):
                bytes.append(2)
                append(number.bitPattern)
            case .string(let text): append(3, text.utf8)
            case .blob(let data): append(4, data)
            }
        }
        return Int64(Checksum.crc32c(bytes))
    }
}

/// A row of the catalog is not what was written.
struct DamagedRow: Error, CustomStringConvertible {
    /// The table.
    var table: String
    /// The sentence for the log.
    var description: String { "a row of the table \(table) has a wrong checksum" }
}
