import Model

/// The counters of all sources of the shop, as they stand at a time.
struct ShopCounters: Sendable {
    /// The totals, `[source][counter]` in the order of `Shop.counters`; revenue in cents.
    private(set) var totals: [[Int64]]
    /// When they stood so.
    private(set) var time: Timestamp

    /// Counters that start with 0 at `time`.
    init(startingAt time: Timestamp) {
        self.time = time
        totals = Array(
            repeating: Array(repeating: 0, count: Shop.counters.count),
            count: Shop.sourceCount
        )
    }

    /// Counters that stand at what a daemon last heard of them; what it does not know starts at 0.
    init(_ series: [APISeries], at time: Timestamp) {
        self.init(startingAt: time)
        var last: [ByteText: Int64] = [:]
        for one in series {
            guard let value = one.points.last?.value, value >= 0, value < 1e15 else { continue }
            let isRevenue = one.labels["__name__"] == "shop_revenue_total"
            last[ByteText(SeriesText.format(one.labels))] = Int64((isRevenue ? value * 100 : value).rounded())
        }
        for source in totals.indices {
            for counter in Shop.counters.indices {
                let name = SeriesText.format(ShopCounters.labels(source: source, counter: counter))
                totals[source][counter] = last[ByteText(name)] ?? 0
            }
        }
    }

    /// Lets the shop do business for `millis`.
    mutating func advance(_ shop: Shop, millis: Int64, factor: Double = 1) {
        time = time.advanced(byMillis: millis)
        for source in totals.indices {
            let events = shop.events(source: source, before: time, millis: millis, factor: factor)
            for counter in events.indices { totals[source][counter] &+= events[counter] }
        }
    }

    /// The labels of a counter of a source, its name included.
    static func labels(source: Int, counter: Int) -> [String: String] {
        [
            "__name__": "shop_\(Shop.counters[counter])_total",
            "channel": Shop.channels[source / Shop.countries.count].name,
            "country": Shop.countries[source % Shop.countries.count].code,
        ]
    }
}

/// Text exposition of the shop's counters at several times.
struct ShopText {
    /// `[source][counter][sample]`.
    private var values: [[[Int64]]]
    private var times: [Int64] = []
    private let prefixes: [[[UInt8]]]

    /// How many samples there are.
    var sampleCount: Int { times.count * Shop.sourceCount * Shop.counters.count }

    init() {
        let sources = 0..<Shop.sourceCount
        values = sources.map { _ in Array(repeating: [], count: Shop.counters.count) }
        prefixes = sources.map { source in
            Shop.counters.indices.map { counter in
                Array((SeriesText.format(ShopCounters.labels(source: source, counter: counter)) + " ").utf8)
            }
        }
    }

    /// Adds a sample of every counter.
    mutating func add(_ counters: ShopCounters) {
        times.append(counters.time.millis)
        for source in values.indices {
            for counter in Shop.counters.indices {
                values[source][counter].append(counters.totals[source][counter])
            }
        }
    }

    /// The text of what was added, series after series, with the counters' types; empty if there is nothing.
    func text() -> [UInt8] {
        guard !times.isEmpty else { return [] }
        var out: [UInt8] = []
        out.reserveCapacity(sampleCount * 80)
        for counter in Shop.counters.indices {
            let name = "shop_\(Shop.counters[counter])_total"
            out += "# HELP \(name) \(Shop.helps[counter])\n# TYPE \(name) counter\n".utf8
            for source in values.indices { append(source, counter, to: &out) }
        }
        return out
    }

    private func append(_ source: Int, _ counter: Int, to out: inout [UInt8]) {
        let isRevenue = Shop.counters[counter] == "revenue"
        for (index, value) in values[source][counter].enumerated() {
            out += prefixes[source][counter]
            if isRevenue {
                ValueText.append(integer: UInt64(value / 100), to: &out)
                out.append(UInt8(ascii: "."))
                out.append(UInt8(ascii: "0") + UInt8(value % 100 / 10))
                out.append(UInt8(ascii: "0") + UInt8(value % 10))
            } else {
                ValueText.append(integer: UInt64(value), to: &out)
            }
            out.append(UInt8(ascii: " "))
            ValueText.append(integer: UInt64(times[index]), to: &out)
            out.append(0x0a)
        }
    }
}
