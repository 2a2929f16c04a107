import ChunkCodec
import Model

/// The retention policy in force as bytes, so that a start can tell what a changed file would delete.
///
/// Format: docs/formats/catalog.md "The retention policy".
struct RetentionRecord {
    private static let version: UInt8 = 1
    /// The most levels of one rule that are read back.
    private static let mostLevels = RollupLevel.allCases.count

    let policy: RetentionPolicy

    /// The record of `policy`.
    init(_ policy: RetentionPolicy) {
        self.policy = policy
    }

    /// The record that `bytes` are.
    init(_ bytes: [UInt8]) throws(CodecError) {
        var reader = ByteReader(bytes)
        guard try reader.readUInt8() == RetentionRecord.version else { throw .badException }
        let count = try reader.readCount(limit: reader.remainingCount)
        var times: [RetentionTimes] = []
        var names: [String?] = []
        for index in 0...count {
            times.append(try RetentionRecord.times(&reader))
            if index == 0 { continue }
            let isNamed = try reader.readUInt8() == 1
            let byteCount = try reader.readCount(limit: reader.remainingCount)
            let name = String(decoding: try reader.readBytes(count: byteCount), as: UTF8.self)
            names.append(isNamed ? name : nil)
        }
        let selections = try TombstoneRecord.selections(
            Array(try reader.readBytes(count: reader.remainingCount))
        )
        guard selections.count == count else { throw .badException }
        policy = RetentionPolicy(
            defaultTimes: times[0],
            rules: zip(zip(names, selections), times.dropFirst()).map { rule, times in
                RetentionPolicy.Rule(name: rule.0, matchers: rule.1, times: times)
            }
        )
    }

    /// Its bytes.
    var encoded: [UInt8] {
        var bytes = [RetentionRecord.version]
        Varint.append(count: policy.rules.count, to: &bytes)
        RetentionRecord.append(policy.defaultTimes, to: &bytes)
        for rule in policy.rules {
            RetentionRecord.append(rule.times, to: &bytes)
            bytes.append(rule.name == nil ? 0 : 1)
            let name = Array((rule.name ?? "").utf8)
            Varint.append(count: name.count, to: &bytes)
            bytes.append(contentsOf: name)
        }
        return bytes + TombstoneRecord.encoded(policy.rules.map(\.matchers))
    }

    // MARK: - Private

    private static func append(_ times: RetentionTimes, to bytes: inout [UInt8]) {
        Varint.append(signed: times.rawMillis ?? -1, to: &bytes)
        Varint.append(count: times.rollups.count, to: &bytes)
        for rollup in times.rollups {
            bytes.append(UInt8(RollupLevel.allCases.firstIndex(of: rollup.level) ?? 0))
            Varint.append(signed: rollup.keptMillis ?? -1, to: &bytes)
        }
    }

    private static func times(_ reader: inout ByteReader) throws(CodecError) -> RetentionTimes {
        func millis(_ reader: inout ByteReader) throws(CodecError) -> Int64? {
            let millis = try reader.readSignedVarint()
            return millis < 0 ? nil : millis
        }
        let rawMillis = try millis(&reader)
        var rollups: [RetentionTimes.Rollup] = []
        for _ in 0..<(try reader.readCount(limit: mostLevels)) {
            let level = Int(try reader.readUInt8())
            guard RollupLevel.allCases.indices.contains(level) else { throw .badException }
            let keptMillis = try millis(&reader)
            rollups.append(RetentionTimes.Rollup(level: RollupLevel.allCases[level], keptMillis: keptMillis))
        }
        return RetentionTimes(rawMillis: rawMillis, rollups: rollups)
    }
}
