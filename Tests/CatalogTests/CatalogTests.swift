import Foundation
import GRDB
import Model
import Testing

@testable import Catalog

@Suite struct CatalogTests {
    private func temporaryPath() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("catalog-\(UUID().uuidString).sqlite")
            .path
    }

    private func record(_ file: String, _ sequence: UInt64) -> SegmentRecord {
        SegmentRecord(
            file: file,
            sequence: sequence,
            range: TimeRange(Timestamp(millis: -5), Timestamp(millis: 9)),
            retentionMillis: sequence == 1 ? nil : 7,
            seriesCount: 1,
            sampleCount: 2,
            byteCount: 3
        )
    }

    @Test("A change comes back after the catalog was opened again, numbers above Int64's range included")
    func roundTrip() throws {
        let path = temporaryPath()
        defer { do { try FileManager.default.removeItem(atPath: path) } catch {} }
        var change = CatalogChange(counters: Counters())
        change.counters.flushedSequence = .max
        change.counters.lastSequence = 5
        change.addedSegments = [record("b", 2), record("a", 1)]
        change.metadata = [MetricMetadata(name: "x", kind: .gauge, help: "X.", unit: "bytes")]
        let catalog = try Catalog(path: path)
        try catalog.commit(change)
        try catalog.close()
        let again = try Catalog(path: path)
        #expect(try again.segments() == [record("a", 1), record("b", 2)])
        #expect(try again.metadata() == change.metadata)
        #expect(try again.counters() == change.counters)
        var second = CatalogChange(counters: change.counters)
        second.removedFiles = ["a"]
        second.addedSegments = [record("c", 1)]
        try again.commit(second)
        #expect(try again.segments().map(\.file) == ["c", "b"])
    }

    @Test("A catalog of a newer format is refused by name")
    func newer() throws {
        let path = temporaryPath()
        defer { do { try FileManager.default.removeItem(atPath: path) } catch {} }
        _ = try Catalog(path: path)
        let queue = try DatabaseQueue(path: path)
        try queue.write { try $0.execute(sql: "PRAGMA user_version = 9") }
        #expect(throws: CatalogError.newerFormat(path: path, found: 9, supported: 4)) {
            _ = try Catalog(path: path)
        }
    }

    @Test("A file that is no database is refused by name")
    func noDatabase() throws {
        let path = temporaryPath()
        defer { do { try FileManager.default.removeItem(atPath: path) } catch {} }
        try Data(repeating: 7, count: 4096).write(to: URL(fileURLWithPath: path))
        #expect(throws: CatalogError.self) { _ = try Catalog(path: path) }
    }

    @Test("Pushed groups come back, are replaced and removed by their labels")
    func pushedGroups() throws {
        let path = temporaryPath()
        defer { do { try FileManager.default.removeItem(atPath: path) } catch {} }
        var first = PushRecord(labels: [3, 0, 0xff], body: [0, 1], pushTime: nil, failureTime: nil)
        let second = PushRecord(
            labels: [4],
            body: [],
            pushTime: Timestamp(millis: -1),
            failureTime: Timestamp(millis: 5)
        )
        let catalog = try Catalog(path: path)
        try catalog.save(second)
        try catalog.save(first)
        first.pushTime = Timestamp(millis: 9)
        try catalog.save(first)
        try catalog.close()
        let again = try Catalog(path: path)
        #expect(try again.pushRecords() == [first, second])
        try again.removePushRecords(labels: [[3, 0, 0xff], [7]])
        #expect(try again.pushRecords() == [second])
    }

    @Test("A catalog of format 1 keeps what it has and gets the table of pushed groups")
    func upgrades() throws {
        let path = temporaryPath()
        defer { do { try FileManager.default.removeItem(atPath: path) } catch {} }
        var change = CatalogChange(counters: Counters())
        change.addedSegments = [record("a", 1)]
        let old = try Catalog(path: path)
        try old.commit(change)
        try old.close()
        let queue = try DatabaseQueue(path: path)
        try queue.write {
            try $0.execute(
                sql: """
                    DROP TABLE push_group; DROP TABLE rule_record; ALTER TABLE segment DROP COLUMN level;
                    PRAGMA user_version = 1
                    """
            )
        }
        try queue.close()
        for _ in 0..<2 {
            let catalog = try Catalog(path: path)
            #expect(try catalog.segments() == [record("a", 1)])
            #expect(try catalog.pushRecords().isEmpty)
            #expect(try catalog.ruleRecords(.alert).isEmpty)
            try catalog.close()
        }
    }

    @Test("Records of rules are kept by kind and key, and change together or not at all")
    func ruleRecords() throws {
        let path = temporaryPath()
        defer { do { try FileManager.default.removeItem(atPath: path) } catch {} }
        let catalog = try Catalog(path: path)
        func record(_ kind: RuleRecord.Kind, _ key: UInt8, _ value: UInt8) -> RuleRecord {
            RuleRecord(kind: kind, key: [key, 0], value: [value])
        }
        try catalog.commit(
            saved: [record(.alert, 2, 1), record(.alert, 1, 1), record(.slot, 1, 5)],
            removed: []
        )
        try catalog.commit(
            saved: [record(.alert, 2, 7)],
            removed: [record(.alert, 1, 0), record(.alert, 9, 0)]
        )
        try catalog.close()
        let again = try Catalog(path: path)
        #expect(try again.ruleRecords(.alert) == [record(.alert, 2, 7)])
        #expect(try again.ruleRecords(.slot) == [record(.slot, 1, 5)])
        #expect(try again.ruleRecords(.kpi).isEmpty)
        try again.close()
    }
}
