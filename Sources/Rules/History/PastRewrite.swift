import Model

/// What has to be written so that a rule's past becomes what it would have recorded.
struct PastRewrite {
    /// The samples to write; none of them is there already.
    private(set) var batch = SampleBatch()
    /// At how many slots a sample changes.
    private(set) var changedSlotCount = 0

    private let slots: PastSlots
    private let values: PastValues
    private let offsetMillis: Int64
    private var changed: Set<Int> = []

    /// Compares what a rule yields at `slots` with the samples that are there.
    ///
    /// - Parameters:
    ///   - values: What the rule yields.
    ///   - slots: The slots.
    ///   - offsetMillis: How far before its slot a sample lies.
    ///   - existing: The samples of series that the rule has recorded, from one interval before the first
    ///     slot to one behind the last.
    ///   - lastEvaluated: The group's last slot; what it left out at the slot behind the last one ends there.
    init(
        _ values: PastValues,
        at slots: PastSlots,
        offsetMillis: Int64,
        existing: [Labels: SampleColumn],
        lastEvaluated: Timestamp?
    ) {
        self.slots = slots
        self.values = values
        self.offsetMillis = offsetMillis
        for labels in Set(values.series.keys).union(existing.keys).sorted() {
            rewrite(labels, existing[labels] ?? SampleColumn(), lastEvaluated)
        }
        changedSlotCount = changed.count
    }

    private mutating func rewrite(_ labels: Labels, _ existing: SampleColumn, _ lastEvaluated: Timestamp?) {
        var old: [Int64: Double] = [:]
        old.reserveCapacity(existing.count)
        for (millis, value) in zip(existing.timestamps, existing.values) { old[millis] = value }
        let yielded = values.series[labels]
        var column = SampleColumn()
        func isPresent(_ value: Double?) -> Bool { value.map { !StaleMarker.matches($0) } ?? false }

        // The value that readers see from a slot on until the next one.
        var current = old[millis(of: -1)].flatMap { isPresent($0) ? $0 : nil }
        var strays = Array(zip(existing.timestamps, existing.values))[...]
        for index in slots.indices {
            let time = millis(of: index)
            endStrays(&strays, before: time, current, index, &column)
            if values.failed[index] {
                if let here = old[time] { current = isPresent(here) ? here : nil }
                continue
            }
            let value = yielded?[index]
            let here = old[time]
            if let value {
                if !PastRewrite.isSame(here, value) { note(time, value, index, &column) }
            } else if isPresent(here) || (here == nil && current != nil) {
                note(time, StaleMarker.value, index, &column)
            }
            current = value
        }
        let next = slots.slot(slots.count)
        if let lastEvaluated, next <= lastEvaluated, current != nil, old[millis(of: slots.count)] == nil,
            changed.contains(slots.count - 1) || !column.isEmpty
        {
            column.append(millis: millis(of: slots.count), value: StaleMarker.value)
        }
        if !column.isEmpty { batch.append(labels, column) }
    }

    /// Gives samples that lie between two slots the value that counts there, so that nothing old shows.
    private mutating func endStrays(
        _ strays: inout ArraySlice<(Int64, Double)>,
        before time: Int64,
        _ current: Double?,
        _ index: Int,
        _ column: inout SampleColumn
    ) {
        while let (millis, value) = strays.first, millis < time {
            strays = strays.dropFirst()
            guard index > 0, (millis - self.millis(of: 0)) % slots.intervalMillis != 0 else { continue }
            let wanted = current ?? StaleMarker.value
            let isSame =
                StaleMarker.matches(wanted)
                ? StaleMarker.matches(value) : wanted.bitPattern == value.bitPattern
            if !isSame { note(millis, wanted, index - 1, &column) }
        }
    }

    /// Whether a sample that is there may stay.
    ///
    /// It is the value, to the bit or as far as an answer from rollups and one from samples agree: else all
    /// that is old would be written anew once it is rolled up.
    private static func isSame(_ here: Double?, _ value: Double) -> Bool {
        guard let here, here.bitPattern != value.bitPattern else { return here != nil }
        let difference = (here - value).magnitude
        return difference > 0 && difference <= 1e-12 * min(here.magnitude, value.magnitude)
    }

    private func millis(of index: Int) -> Int64 {
        slots.first.millis - offsetMillis + Int64(index) * slots.intervalMillis
    }

    private mutating func note(_ millis: Int64, _ value: Double, _ index: Int, _ column: inout SampleColumn) {
        column.append(millis: millis, value: value)
        changed.insert(index)
    }
}
