import Model
import Testing

@testable import Storage

@Suite struct LogFileTests {
    /// A log file of small writes; write i has one sample of value i.
    private func makeFile(count: Int, number: UInt64 = 7) -> (bytes: [UInt8], ends: [Int]) {
        var bytes = LogFile.header(number)
        var ends: [Int] = []
        for index in 0..<count {
            var builder = LogWriteBuilder()
            let id = SeriesID(UInt64(index % 5) + 1)
            builder.define(id, packedLabels: Labels(["__name__": "m", "i": "\(index % 5)"]).packed)
            builder.append(id, millis: Int64(index) * 1000, value: Double(index))
            LogFile.append(builder.finish(sequence: UInt64(index + 1)), number: number, to: &bytes)
            ends.append(bytes.count)
        }
        return (bytes, ends)
    }

    private func values(_ content: LogFile.Content) -> [Double] {
        content.records.flatMap { record -> [Double] in
            guard case .write(let write) = record else { return [] }
            return write.values
        }
    }

    @Test("A write comes back as it was, special values and odd times included")
    func roundTrip() throws {
        let special = [Double.nan, StaleMarker.value, -0.0, .infinity, .leastNonzeroMagnitude, 0.1]
        var builder = LogWriteBuilder()
        builder.define(SeriesID(1 << 60), packedLabels: Labels(["__name__": "m"]).packed)
        for (index, value) in special.enumerated() {
            builder.append(SeriesID(1 << 60), millis: index.isMultiple(of: 2) ? .max : .min, value: value)
        }
        builder.append(SeriesID(3), millis: 5, value: 1)
        builder.append(SeriesID(1 << 60), millis: 6, value: 2)
        guard case .write(let write) = try LogRecord.decode(builder.finish(sequence: 9)) else {
            Issue.record("no write")
            return
        }
        #expect(write.sequence == 9)
        #expect(write.definitions.map(\.labels) == [Labels(["__name__": "m"])])
        #expect(write.series.map(\.id.rawValue) == [1 << 60, 3, 1 << 60])
        #expect(write.series.map(\.sampleCount) == [6, 1, 1])
        #expect(write.values.map(\.bitPattern) == (special + [1, 2]).map(\.bitPattern))
        #expect(write.timestamps == [.max, .min, .max, .min, .max, .min, 5, 6])
    }

    @Test("Cut anywhere, a file keeps every record that is whole and calls the rest torn")
    func torn() throws {
        let (bytes, ends) = makeFile(count: 12)
        for cut in 0...bytes.count {
            let content = try LogFile.read(Array(bytes[..<cut]), path: "x", number: 7)
            let whole = ends.filter { $0 <= cut }.count
            #expect(values(content) == (0..<whole).map(Double.init), "cut at \(cut)")
            #expect(content.damagedCount == 0, "cut at \(cut)")
        }
    }

    @Test("A changed byte anywhere costs one record at most and never yields a wrong value")
    func damaged() throws {
        let (bytes, _) = makeFile(count: 12)
        for position in 0..<bytes.count {
            for bit in [0, 5] {
                var changed = bytes
                changed[position] ^= 1 << UInt8(bit)
                guard let content = try? LogFile.read(changed, path: "x", number: 7) else {
                    #expect(
                        (8..<12).contains(position),
                        "only the version may stop the reader, not byte \(position)"
                    )
                    continue
                }
                let found = values(content)
                #expect(found.count >= 11, "byte \(position)")
                #expect(Set(found).isSubset(of: Set((0..<12).map(Double.init))), "byte \(position)")
                #expect(content.damagedCount > 0 || content.tornByteCount > 0, "byte \(position) unnoticed")
            }
        }
    }

    @Test("Records of another file are not taken for records of this one")
    func recycled() throws {
        let (bytes, _) = makeFile(count: 3, number: 6)
        let content = try LogFile.read(bytes, path: "x", number: 7)
        #expect(content.records.isEmpty)
    }

    @Test("Metadata comes back as it was")
    func metadata() throws {
        let items = [
            MetricMetadata(name: "a", kind: .counter, help: "Help with \"quotes\"\n", unit: "seconds"),
            MetricMetadata(name: "b", kind: .unknown),
        ]
        guard case .metadata(let found) = try LogRecord.decode(LogRecord.encode(items)) else {
            Issue.record("no metadata")
            return
        }
        #expect(found == items)
    }

    @Test("A file of a newer format is refused by name")
    func newer() {
        var bytes = LogFile.header(7)
        bytes[8] = 99
        #expect(throws: StorageError.newerFormat(path: "x", found: 99, supported: 1)) {
            _ = try LogFile.read(bytes, path: "x", number: 7)
        }
    }
}
