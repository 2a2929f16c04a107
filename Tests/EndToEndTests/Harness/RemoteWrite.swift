/// A Prometheus remote write 1.0 request under construction, written from the published schema alone so that
/// the daemon's decoder is not tested against itself.
///
/// Schema: `WriteRequest { repeated TimeSeries timeseries = 1 }`, `TimeSeries { repeated Label labels = 1;
/// repeated Sample samples = 2 }`, `Label { string name = 1; string value = 2 }`, `Sample { double value = 1;
/// int64 timestamp = 2 }`. Source: Prometheus remote write 1.0 specification.
struct RemoteWrite {
    /// One sample: a time in milliseconds since 1970 and a value.
    struct Sample: Hashable, Sendable {
        let millis: Int64
        let value: Double
    }

    private var message: [UInt8] = []

    /// Adds a series; the labels are sorted by name, as senders must.
    mutating func add(_ labels: [String: String], _ samples: [Sample]) {
        let sorted = labels.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
        add(rawLabels: sorted.map { (Array($0.key.utf8), Array($0.value.utf8)) }, samples)
    }

    /// Adds a series whose labels are sent as they are: in this order, not checked, perhaps not even text.
    mutating func add(rawLabels: [([UInt8], [UInt8])], _ samples: [Sample]) {
        var series: [UInt8] = []
        for (name, value) in rawLabels {
            var label: [UInt8] = []
            RemoteWrite.append(field: 1, name, to: &label)
            RemoteWrite.append(field: 2, value, to: &label)
            RemoteWrite.append(field: 1, label, to: &series)
        }
        for sample in samples {
            var bytes: [UInt8] = [1 << 3 | 1]
            let bits = sample.value.bitPattern
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
            bytes.append(2 << 3)
            RemoteWrite.append(varint: UInt64(bitPattern: sample.millis), to: &bytes)
            RemoteWrite.append(field: 2, bytes, to: &series)
        }
        RemoteWrite.append(field: 1, series, to: &message)
    }

    /// The request body: the message as one snappy block.
    var body: [UInt8] { RemoteWrite.snappy(message) }

    /// The header fields that a sender sets.
    static let headers = [
        ("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"), ("User-Agent", "sextant-tests"),
    ]

    /// Sends the request to a daemon.
    func send(to client: HTTPClient) async throws -> HTTPAnswer {
        try await client.send("POST", "/api/v1/write", headers: RemoteWrite.headers, body: body)
    }

    /// The snappy block format without any compression: the length, then literals of at most 64 KiB.
    private static func snappy(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        append(varint: UInt64(bytes.count), to: &out)
        var rest = bytes[...]
        while !rest.isEmpty {
            let literal = rest.prefix(65_536)
            let length = literal.count - 1
            out += [61 << 2, UInt8(length & 0xff), UInt8(length >> 8)]
            out += literal
            rest = rest.dropFirst(literal.count)
        }
        return out
    }

    private static func append(field: UInt8, _ bytes: [UInt8], to out: inout [UInt8]) {
        out.append(field << 3 | 2)
        append(varint: UInt64(bytes.count), to: &out)
        out += bytes
    }

    private static func append(varint value: UInt64, to out: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(rest))
    }
}
