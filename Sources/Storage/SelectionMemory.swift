import Model

/// What selected series take of a query's memory, charged while they are found.
struct SelectionMemory {
    /// What a series takes beside its labels, in bytes: its object, the list of its parts, and its place in
    /// what was found.
    private static let seriesByteCount = 272
    /// What a series of a head takes more: a copy of where its samples are, and of the newest of them.
    private static let headByteCount = 384
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

    /// Charges for a series; false if there is no room for it.
    mutating func add(_ labels: Labels) -> Bool {
        pending += labels.packed.count + SelectionMemory.seriesByteCount
        return pending < SelectionMemory.portion || charge()
    }

    /// Charges for what so many series of a head take beside others; false if there is no room for them.
    mutating func add(seriesOfHead count: Int) -> Bool {
        pending += count * SelectionMemory.headByteCount
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
