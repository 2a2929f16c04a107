import Model

/// What selected series take of a query's memory, charged while they are found.
struct SelectionMemory {
    /// What the labels of a series take beside their bytes, and its place among others, in bytes.
    private static let seriesByteCount = 64
    /// What a series of a head takes beside its labels: where its samples are, and a copy of the newest of
    /// them, in bytes.
    private static let headByteCount = 448
    /// How many bytes are charged at once.
    private static let portion = 64 << 10

    private let budget: QueryBudget
    private var pending = 0
    /// What is charged; given back when the last copy of it is gone.
    private(set) var held: [HeldMemory] = []
    /// Why no more series may be added.
    private(set) var failure: SourceError?

    /// Nothing charged to `budget`.
    init(_ budget: QueryBudget) {
        self.budget = budget
    }

    /// Charges for a series that has its labels to itself; false if there is no room for it.
    mutating func add(_ labels: Labels) -> Bool {
        add(bytes: labels.packed.count + SelectionMemory.seriesByteCount)
    }

    /// Charges for what so many series of a head take beside others; false if there is no room for them.
    mutating func add(seriesOfHead count: Int) -> Bool {
        add(bytes: count * SelectionMemory.headByteCount)
    }

    /// Charges for so many bytes; false if there is no room for them.
    mutating func add(bytes count: Int) -> Bool {
        pending += count
        return pending < SelectionMemory.portion || charge()
    }

    private mutating func charge() -> Bool {
        do throws(SourceError) {
            held.append(try HeldMemory.charge(pending, to: budget))
            pending = 0
            return true
        } catch {
            failure = error
            return false
        }
    }
}
