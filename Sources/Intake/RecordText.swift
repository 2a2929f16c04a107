import Model

/// Records of dimensions and metrics in JSON: `{"dims": {"date": "2018-04-05", "hour": 7, "page": "/"},
/// "metrics": {"visits": 12}}`, one, an array of them, or one after the other.
///
/// `date` with or without `hour`, or `time`, say when; all other dimensions are labels. Each metric is a
/// sample of the series that has its name. A record without an hour is about the whole day: it stands at the
/// day's first instant and has the label `granularity="day"`.
package enum RecordText {
    /// Reads a whole body.
    ///
    /// - Parameters:
    ///   - body: The text.
    ///   - clock: Where dates and hours lie.
    ///   - limits: How much there may be of what.
    /// - Returns: The samples, each series and time once, the last one given; nothing is refused.
    /// - Throws: `IntakeError` that names the records and keys that are wrong; nothing of the body is taken.
    package static func decode(_ body: [UInt8], clock: RecordClock, limits: Limits = .default)
        throws(IntakeError) -> DecodedWrite
    {
        var reading = RecordReading(body, clock, limits)
        do throws(JSONFault) {
            try reading.readAll()
        } catch {
            let place = reading.json.place(of: error.position)
            throw .malformed(
                "line \(place.line), column \(place.column): the body is no JSON: expected \(error.expected)"
            )
        }
        return try reading.finish()
    }
}

/// The reading of one body.
private struct RecordReading {
    private(set) var json: JSONReader
    private let clock: RecordClock
    private let limits: Limits
    private var collector: LabelCollector
    private var faults = Rejections()
    private var recordCount = 0
    /// The number of each packed label set, in the order of mention.
    private var numbers: [[UInt8]: Int] = [:]
    private var samples: [(series: Int, millis: Int64, value: Double)] = []

    init(_ body: [UInt8], _ clock: RecordClock, _ limits: Limits) {
        json = JSONReader(body, depthLimit: Limits.nestingDepth)
        self.clock = clock
        self.limits = limits
        collector = LabelCollector(limits: limits)
    }

    mutating func readAll() throws(JSONFault) {
        if json.take("[") {
            var isFirst = true
            while try json.hasNext(end: "]", isFirst: isFirst) {
                isFirst = false
                try readRecord()
            }
            guard json.isAtEnd() else { throw json.fault("nothing behind the array") }
            return
        }
        while !json.isAtEnd() { try readRecord() }
    }

    func finish() throws(IntakeError) -> DecodedWrite {
        guard faults.isEmpty else {
            var lines = faults.first
            if faults.count > lines.count { lines.append("... \(faults.count) in all") }
            throw .malformed((lines + ["nothing of the body is stored"]).joined(separator: "\n"))
        }
        guard recordCount > 0 else {
            throw .malformed("the body has no record, such as {\"dims\": {...}, \"metrics\": {...}}")
        }
        guard samples.count <= limits.samplesPerWrite else {
            throw .tooLarge(limitName: "samples_per_write", limit: limits.samplesPerWrite)
        }
        var batch = SampleBatch()
        // Sorting keeps the order of equal ones, so that the last one given is the last one.
        let sorted = samples.sorted { ($0.series, $0.millis) < ($1.series, $1.millis) }
        var rest = sorted[...]
        for (packed, number) in numbers.sorted(by: { $0.value < $1.value }) {
            batch.beginSeries(packed: packed)
            while let sample = rest.first, sample.series == number {
                rest = rest.dropFirst()
                if let next = rest.first, next.series == number, next.millis == sample.millis { continue }
                batch.append(millis: sample.millis, value: sample.value)
            }
        }
        return DecodedWrite(batch: batch, rejections: Rejections())
    }

    // MARK: - Records

    private mutating func readRecord() throws(JSONFault) {
        recordCount += 1
        try json.need("{", "a record, which begins with \"{\"")
        var dims: [(name: String, value: JSONScalar)]?
        var metrics: [(name: String, value: JSONScalar)]?
        var isFirst = true
        while try json.hasNext(end: "}", isFirst: isFirst) {
            isFirst = false
            switch try json.key() {
            case "dims":
                if dims != nil { refuse("dims is given twice") }
                dims = try fields("dims")
            case "metrics":
                if metrics != nil { refuse("metrics is given twice") }
                metrics = try fields("metrics")
            case let key:
                refuse("\(LabelText.quoted(key)) is no key of a record; known are dims and metrics")
                _ = try json.scalar()
            }
        }
        guard let dims else { return refuse("dims are missing; they say when, by date, hour or time") }
        guard let metrics, !metrics.isEmpty else { return refuse("metrics are missing") }
        take(dims, metrics)
    }

    private mutating func fields(_ owner: String) throws(JSONFault) -> [(name: String, value: JSONScalar)] {
        var fields: [(name: String, value: JSONScalar)] = []
        var names: Set<ByteText> = []
        guard json.take("{") else {
            refuse("\(owner) has to be an object")
            _ = try json.scalar()
            return []
        }
        var isFirst = true
        while try json.hasNext(end: "}", isFirst: isFirst) {
            isFirst = false
            let name = try json.key()
            let value = try json.scalar()
            if !names.insert(ByteText(name)).inserted { refuse("\(owner).\(shown(name)) is given twice") }
            if value == .nested {
                refuse("\(owner).\(shown(name)) has values in it; only numbers and texts can be")
            }
            fields.append((name, value))
        }
        return fields
    }

    private mutating func take(
        _ dims: [(name: String, value: JSONScalar)],
        _ metrics: [(name: String, value: JSONScalar)]
    ) {
        guard let (time, isDay) = time(of: dims) else { return }
        for (name, value) in metrics {
            guard case .number(let text) = value, let number = ValueText.parse(text), number.isFinite else {
                refuse("metrics.\(shown(name)) is \(shown(value)), which is no number of 64 bits")
                continue
            }
            guard let packed = pack(name, dims, isDay) else { continue }
            let series = numbers[packed] ?? numbers.count
            numbers[packed] = series
            samples.append((series, time, number))
        }
    }

    /// When a record is, and whether it is about a whole day; nil if that is wrong.
    private mutating func time(of dims: [(name: String, value: JSONScalar)]) -> (millis: Int64, isDay: Bool)?
    {
        func value(_ name: String) -> JSONScalar? { dims.first { $0.name == name }?.value }
        if let instant = value("time") {
            guard value("date") == nil, value("hour") == nil else {
                refuse("dims.time says everything; date and hour do not go with it")
                return nil
            }
            guard case .number(let text) = instant, let seconds = ValueText.parse(text),
                seconds.magnitude <= 1e11
            else {
                refuse("dims.time is \(shown(instant)); it has to be seconds since 1970, as a number")
                return nil
            }
            return (Int64((seconds * 1000).rounded()), false)
        }
        guard let date = value("date") else {
            refuse("dims have neither date nor time")
            return nil
        }
        guard case .string(let text) = date, let day = clock.day(text) else {
            refuse("dims.date is \(shown(date)), which is no date such as \"2018-04-05\"")
            return nil
        }
        guard let given = value("hour") else { return (day, true) }
        let digits: String? =
            switch given {
            case .number(let text), .string(let text): text
            default: nil
            }
        guard let digits, digits.utf8.count <= 2, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let hour = Int(digits), hour < 24
        else {
            refuse("dims.hour is \(shown(given)); it has to be a whole number from 0 to 23")
            return nil
        }
        guard let millis = clock.hour(text, hour) else {
            refuse("dims.hour: \(text) has no hour \(hour) in \(clock.zoneName)")
            return nil
        }
        return (millis, false)
    }

    /// The packed labels of a metric; nil if they cannot be.
    private mutating func pack(
        _ metric: String,
        _ dims: [(name: String, value: JSONScalar)],
        _ isDay: Bool
    ) -> [UInt8]? {
        collector.removeAll()
        add(Labels.metricName, metric)
        for (name, value) in dims where !["date", "hour", "time"].contains(name) {
            guard name != Labels.metricName, name != Granularity.label else {
                refuse("dims.\(name) cannot be: the label \(name) is given by the record itself")
                return nil
            }
            switch value {
            case .string(let text), .number(let text): add(name, text)
            case .bool(let flag): add(name, flag ? "true" : "false")
            case .null: break
            case .nested: return nil
            }
        }
        if isDay { add(Granularity.label, Granularity.day) }
        do throws(LabelFault) {
            try collector.pack()
            return collector.packed
        } catch {
            refuse("metrics.\(shown(metric)): \(error.reason(collector))")
            return nil
        }
    }

    private mutating func add(_ name: String, _ value: String) {
        let start = collector.bytes.count
        collector.bytes.append(contentsOf: name.utf8)
        let middle = collector.bytes.count
        collector.bytes.append(contentsOf: value.utf8)
        collector.add(name: start..<middle, value: middle..<collector.bytes.count)
    }

    // MARK: - Faults

    private mutating func refuse(_ reason: String) {
        let number = recordCount
        faults.add("record \(number): \(reason)")
    }

    private func shown(_ name: String) -> String {
        let cut = String(name.unicodeScalars.prefix(64).map(Character.init))
        return LabelText.isLegacyLabelName(cut) ? cut : LabelText.quoted(cut)
    }

    private func shown(_ value: JSONScalar) -> String {
        switch value {
        case .string(let text): LabelText.quoted(String(text.unicodeScalars.prefix(64).map(Character.init)))
        case .number(let text): String(text.prefix(64))
        case .bool(let flag): flag ? "true" : "false"
        case .null: "null"
        case .nested: "an object or an array"
        }
    }
}
