import Model

/// Puts the records of one log file into the head again.
struct LogReplay {
    /// A number that stands for no series.
    private static let unknown = UInt32.max
    /// Series have smaller numbers than this.
    private static let seriesLimit = 1 << 27

    /// The number of the file.
    let number: UInt64
    /// How many series in records had samples but no labels.
    private(set) var orphanCount = 0
    /// Whether the writes so far are in segments, and what came with them in the catalog.
    private var isFlushed = false
    /// The series of the head by the number that the file has for them.
    private var series: [UInt32] = []
    /// Series of which something may be deleted, by the same number: they come into the head with the first
    /// sample that is not.
    private var touched: [Int: (labels: Labels, tombstones: Tombstones)] = [:]

    /// A replay of the file with this number.
    init(number: UInt64) {
        self.number = number
    }

    /// Takes the next record of the file.
    mutating func take(_ record: LogRecord, into state: inout Store.State) {
        switch record {
        case .metadata(let metadata):
            // A file that a loss of power brought back may have older metadata than the catalog.
            guard !isFlushed else { return }
            for item in metadata {
                state.metadata[ByteText(item.name)] = item
                state.unsavedMetadata.insert(ByteText(item.name))
            }
        case .definitions(let definitions): define(definitions, &state)
        case .write(let write):
            state.counters.lastSequence = max(state.counters.lastSequence, write.sequence)
            isFlushed = write.sequence <= state.counters.flushedSequence
            if !isFlushed { put(write, &state) }
        }
    }

    // MARK: - Private

    private mutating func define(_ definitions: LogDefinitions, _ state: inout Store.State) {
        for entry in definitions.entries {
            let number = Int(entry.series)
            guard number < LogReplay.seriesLimit, !isKnown(number) else { continue }
            guard let labels = definitions.labels(of: entry) else { continue }
            if number >= series.count {
                let missing = number + 1 - series.count
                series.append(contentsOf: repeatElement(LogReplay.unknown, count: missing))
            }
            let tombstones = Tombstones(state.tombstones.all.filter { $0.concerns(labels) })
            if tombstones.isEmpty {
                series[number] = state.head.series(of: labels) { state.retention.rawMillis(of: labels) }
            } else {
                touched[number] = (labels, tombstones)
            }
        }
    }

    private func isKnown(_ number: Int) -> Bool {
        number < series.count && (series[number] != LogReplay.unknown || touched[number] != nil)
    }

    /// The times of a series that are deleted of a write.
    private func deleted(_ number: Int, _ write: LogWrite) -> [TimeRange] {
        guard !touched.isEmpty, let (labels, tombstones) = touched[number] else { return [] }
        return tombstones.concerning(write.sequence).ranges(of: labels)
    }

    /// The series of the head that stands for number `number` of the file, which is known.
    private mutating func headSeries(_ number: Int, _ state: inout Store.State) -> UInt32 {
        if series[number] == LogReplay.unknown, let labels = touched[number]?.labels {
            series[number] = state.head.series(of: labels) { state.retention.rawMillis(of: labels) }
        }
        return series[number]
    }

    private mutating func put(_ write: LogWrite, _ state: inout Store.State) {
        var sample = 0
        for (number, sampleCount) in zip(write.series, write.sampleCounts) {
            let end = sample + sampleCount
            defer { sample = end }
            guard isKnown(Int(number)) else {
                orphanCount += 1
                continue
            }
            let deleted = deleted(Int(number), write)
            let isDeleted = { (millis: Int64) in
                deleted.contains { $0.contains(Timestamp(millis: millis)) }
            }
            if !deleted.isEmpty, write.timestamps[sample..<end].allSatisfy(isDeleted) { continue }
            let series = headSeries(Int(number), &state)
            for position in sample..<end {
                let millis = write.timestamps[position]
                if !deleted.isEmpty, isDeleted(millis) { continue }
                if let histogram = write.histograms[position] {
                    _ = state.head.append(series, millis: millis, histogram: histogram)
                } else {
                    let bits = state.head.storable(write.values[position].bitPattern)
                    _ = state.head.append(series, millis: millis, bits: bits)
                }
            }
        }
    }
}
