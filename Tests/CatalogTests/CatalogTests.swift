import ChunkCodec
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

    @Test("The retention policy comes back as it was, also from a damaged catalog")
    func retention() throws {
        let path = temporaryPath()
        defer { do { try CatalogFiles.remove(path) } catch {} }
        let times = RetentionTimes(
            rawMillis: 90,
            rollups: [.init(level: .day, keptMillis: nil), .init(level: .fiveMinutes, keptMillis: 100)]
        )
        let policies = [
            RetentionPolicy.keepForever,
            RetentionPolicy(
                defaultTimes: times,
                rules: [
                    .init(name: "ünnamed", matchers: [Matcher("a", .notRegex, "b|c")], times: times),
                    .init(
                        matchers: [Matcher("a", .equal, ""), Matcher("b", .notEqual, "1")],
                        rawMillis: nil
                    ),
                ]
            ),
        ]
        let catalog = try Catalog(path: path)
        #expect(try catalog.retention() == nil)
        for policy in policies {
            var change = CatalogChange(counters: Counters())
            change.retention = policy
            #expect(!change.isEmpty)
            try catalog.commit(change)
            #expect(try catalog.retention() == policy)
        }
        try catalog.close()
        #expect(CatalogRemains(path: path).retention == policies[1])
    }

    @Test("A policy whose bytes are cut or changed is an error or another policy, never a trap")
    func damagedRetention() throws {
        let policy = RetentionPolicy(
            defaultTimes: RetentionTimes(rawMillis: 1, rollups: [.init(level: .hour, keptMillis: 2)]),
            rules: [.init(name: "n", matchers: [Matcher("a", .equal, "b")], times: .init(rawMillis: 3))]
        )
        let bytes = RetentionRecord(policy).encoded
        #expect(try RetentionRecord(bytes).policy == policy)
        for end in bytes.indices {
            #expect(throws: CodecError.self) { _ = try RetentionRecord(Array(bytes[..<end])) }
        }
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                #expect((try? RetentionRecord(changed).policy) != policy)
            }
        }
    }

    @Test("A closed catalog refuses everything")
    func closed() throws {
        let path = temporaryPath()
        defer { do { try CatalogFiles.remove(path) } catch {} }
        let catalog = try Catalog(path: path)
        try catalog.close()
        let error = CatalogError.database(path: path, reason: "it is closed")
        #expect(throws: error) { try catalog.commit(CatalogChange(counters: Counters())) }
        #expect(throws: error) { _ = try catalog.segments() }
        #expect(throws: error) { try catalog.check() }
        try catalog.close()
    }

    @Test("A catalog of a newer format is refused by name")
    func newer() throws {
        let path = temporaryPath()
        defer { do { try FileManager.default.removeItem(atPath: path) } catch {} }
        _ = try Catalog(path: path)
        let queue = try DatabaseQueue(path: path)
        try queue.write { try $0.execute(sql: "PRAGMA user_version = 9") }
        // A number that no row with a checksum bears out is damage.
        #expect(throws: CatalogError.damaged(path: path, reason: "its format is wrong")) {
            _ = try Catalog(path: path)
        }
        try queue.write { try CatalogTables.counter.put([CatalogTables.formatCounter, 9], $0) }
        #expect(throws: CatalogError.newerFormat(path: path, found: 9, supported: Catalog.formatVersion)) {
            _ = try Catalog(path: path)
        }
    }

    @Test("A changed row, a missing table and a damaged file are noticed; what is sound can be taken over")
    func damage() throws {
        let path = temporaryPath()
        defer { do { try CatalogFiles.remove(path) } catch {} }
        var change = CatalogChange(counters: Counters())
        change.metadata = ["a", "b", "c"].map { MetricMetadata(name: $0, kind: .gauge, help: "Help.") }
        change.removedFiles = ["1"]
        change.addedDamages = [DamageRecord(file: "2", range: .all, text: "Two.")]
        let catalog = try Catalog(path: path)
        try catalog.commit(change)
        try catalog.save(PushRecord(labels: [1], body: [2], pushTime: nil, failureTime: nil))
        try catalog.close()
        let queue = try DatabaseQueue(path: path)
        try queue.write { try $0.execute(sql: "UPDATE metadata SET help = 'help.' WHERE name = 'b'") }
        try queue.close()
        #expect(throws: CatalogError.self) { _ = try Catalog(path: path) }
        let remains = CatalogRemains(path: path)
        #expect(!remains.isComplete)
        #expect(Set(remains.metadata.map(\.name)) == ["a", "c"])
        #expect(remains.removedFiles == ["1"] && remains.damages == change.addedDamages)
        #expect(remains.pushRecords.map(\.labels) == [[1]])
        let other = temporaryPath()
        defer { do { try CatalogFiles.remove(other) } catch {} }
        let rebuilt = try Catalog(path: other)
        try rebuilt.restore(remains)
        #expect(try rebuilt.pushRecords().count == 1)
        #expect(try rebuilt.damages() == change.addedDamages)
        try rebuilt.close()
        #expect(CatalogRemains(path: other).isComplete)
    }

    @Test("A transaction that is damaged in the write-ahead file is noticed if another one came after it")
    func damagedWriteAhead() throws {
        let path = temporaryPath()
        let copy = temporaryPath()
        defer { do { try CatalogFiles.remove(path) } catch {} }
        let catalog = try Catalog(path: path)
        for number in 0..<5 {
            try catalog.save(PushRecord(labels: [UInt8(number)], body: [1], pushTime: nil, failureTime: nil))
        }
        let main = try Data(contentsOf: URL(fileURLWithPath: path))
        let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
        #expect(!WriteAheadFile(bytes: Array(log)).isDamaged)
        var noticed = 0
        let places = Array(stride(from: 40, to: log.count, by: 997))
        for place in places {
            defer { do { try CatalogFiles.remove(copy) } catch {} }
            var bytes = log
            bytes[place] ^= 8
            try main.write(to: URL(fileURLWithPath: copy))
            try bytes.write(to: URL(fileURLWithPath: copy + "-wal"))
            do throws(CatalogError) {
                // Only the last transaction can be missing: it may never have become durable.
                #expect(try Catalog(path: copy).pushRecords().count >= 4, "byte \(place)")
            } catch {
                guard case .damaged = error else { throw error }
                noticed += 1
            }
        }
        #expect(noticed > places.count / 2)
        for count in stride(from: 0, to: log.count, by: 1013) {
            #expect(!WriteAheadFile(bytes: Array(log.prefix(count))).isDamaged, "cut at \(count)")
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

    @Test(
        "Catalogs of formats without checksums keep what they have and get the other tables",
        arguments: 1...4
    )
    func upgrades(version: Int) throws {
        let path = temporaryPath()
        defer { do { try CatalogFiles.remove(path) } catch {} }
        var change = CatalogChange(counters: Counters())
        change.addedSegments = [record("a", 1)]
        let push = PushRecord(labels: [1], body: [2], pushTime: nil, failureTime: nil)
        let rule = RuleRecord(kind: .alert, key: [1], value: [2])
        let old = try Catalog(path: path)
        try old.commit(change)
        try old.save(push)
        try old.commit(saved: [rule], removed: [])
        try old.close()
        var steps = ["setting", "tombstone", "removed", "damage"].map { "DROP TABLE \($0)" }
        steps.append("DELETE FROM counter WHERE name = 'format'")
        if version < 2 { steps.append("DROP TABLE push_group") }
        if version < 3 { steps.append("ALTER TABLE segment DROP COLUMN level") }
        if version < 4 { steps.append("DROP TABLE rule_record") }
        var tables = ["segment", "metadata", "counter"]
        if version >= 2 { tables.append("push_group") }
        if version >= 4 { tables.append("rule_record") }
        steps += tables.map { "ALTER TABLE \($0) DROP COLUMN checksum" }
        let queue = try DatabaseQueue(path: path)
        try queue.write { [steps] database in
            for step in steps + ["PRAGMA user_version = \(version)"] { try database.execute(sql: step) }
        }
        try queue.close()
        for _ in 0..<2 {
            let catalog = try Catalog(path: path)
            #expect(try catalog.segments() == [record("a", 1)])
            #expect(try catalog.pushRecords() == (version < 2 ? [] : [push]))
            #expect(try catalog.ruleRecords(.alert) == (version < 4 ? [] : [rule]))
            try catalog.close()
        }
    }

    @Test(
        "Deletes come back until they are forgotten, are taken over, and formats 5 and 6 get what they lack",
        arguments: [5, 6]
    )
    func tombstones(version: Int) throws {
        let path = temporaryPath()
        defer { do { try CatalogFiles.remove(path) } catch {} }
        let first = try Catalog(path: path)
        try first.close()
        let queue = try DatabaseQueue(path: path)
        try queue.write { database in
            try database.execute(sql: "DROP TABLE setting")
            if version < 6 { try database.execute(sql: "DROP TABLE tombstone") }
            try database.execute(sql: "PRAGMA user_version = \(version)")
            try CatalogTables.counter.put([CatalogTables.formatCounter, version], database)
        }
        try queue.close()
        #expect(CatalogRemains(path: path).isComplete)
        let catalog = try Catalog(path: path)
        let records = [UInt64.max, 3].map { number in
            TombstoneRecord(
                number: number,
                sequence: 5,
                range: TimeRange(.min, Timestamp(millis: 7)),
                selections: [[Matcher("a", .notRegex, "b\u{0}é")], []],
                nextLog: 9
            )
        }
        #expect(try catalog.retention() == nil)
        var change = CatalogChange(counters: Counters())
        change.addedTombstones = records
        #expect(!change.isEmpty)
        try catalog.commit(change)
        #expect(Set(try catalog.tombstones()) == Set(records))
        try catalog.check()
        #expect(Set(CatalogRemains(path: path).tombstones) == Set(records))
        change.addedTombstones = []
        change.removedTombstones = [3]
        try catalog.commit(change)
        #expect(try catalog.tombstones() == [records[0]])
        try catalog.close()
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
