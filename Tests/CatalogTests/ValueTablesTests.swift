import Foundation
import GRDB
import Testing

@testable import Catalog

@Suite("Tables of values") struct ValueTablesTests {
    private let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("values-\(UUID().uuidString).sqlite").path

    private func rows(_ sql: String) throws -> [String] {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.read { database in
            try Row.fetchAll(database, sql: sql).map { row in
                row.databaseValues.map { "\($0)" }.joined(separator: " ")
            }
        }
    }

    @Test("metrics, hours and days have a table each; a key that comes again replaces its value")
    func tables() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        for value in [5.0, 7.0] {
            var tables = try ValueTables(path: path)
            try tables.add("a", [.init(date: "2018-04-05", hour: 1, value: value)])
            try tables.add("b", [])
            try tables.add("a", [.init(date: "2018-04-05", hour: nil, value: 3)])
            try tables.add("a", [.init(date: "2018-04-05", hour: 1, value: value + 1)])
            #expect(tables.counts == (metrics: 2, hours: 2, days: 1))
            try tables.finish()
            #expect(try rows("SELECT * FROM HourlyValue") == ["1 \"2018-04-05\" 1 \(value + 1)"])
        }
        #expect(try rows("SELECT id, name FROM Metric ORDER BY id") == ["1 \"a\"", "2 \"b\""])
        #expect(try rows("SELECT * FROM DailyValue") == ["1 \"2018-04-05\" 3.0"])
        #expect(!FileManager.default.fileExists(atPath: path + ".part"))
    }

    @Test("a file that is not finished leaves the older one as it was")
    func discarded() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        var first = try ValueTables(path: path)
        try first.add("a", [])
        try first.finish()
        var second = try ValueTables(path: path)
        try second.add("b", [])
        second.discard()
        #expect(try rows("SELECT name FROM Metric") == ["\"a\""])
        #expect(!FileManager.default.fileExists(atPath: path + ".part"))
        #expect(throws: CatalogError.self) { _ = try ValueTables(path: "/nowhere/at/all.sqlite") }
    }
}
