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
            series[number] = state.head.series(of: labels) { state.retention.rawMillis(of: labels) }
        }
    }

    private func isKnown(_ number: Int) -> Bool {
        number < series.count && series[number] != LogReplay.unknown
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
            let series = series[Int(number)]
            for position in sample..<end {
                let millis = write.timestamps[position]
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
