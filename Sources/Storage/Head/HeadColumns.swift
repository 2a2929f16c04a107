import Model

/// The columns of a window's series, in the order in which the series came.
///
/// Writers send the same series in the same order again and again, so a look-up first tries the one behind
/// the one it found last, without hashing.
struct HeadColumns: Sendable {
    private var ids: [SeriesID] = []
    private var columns: [HeadColumn] = []
    private var places: [SeriesID: Int] = [:]
    private var guess = 0

    /// Columns of no series.
    init() {}

    /// The number of series.
    var seriesCount: Int { ids.count }
    /// The series.
    var keys: [SeriesID] { ids }

    /// The column of a series that has one.
    subscript(id: SeriesID) -> HeadColumn? {
        places[id].map { columns[$0] }
    }

    /// Changes the column of a series, which is empty if the series is new.
    mutating func change<Result>(_ id: SeriesID, _ body: (inout HeadColumn) -> Result) -> Result {
        let place: Int
        if guess < ids.count, ids[guess] == id {
            place = guess
        } else if let known = places[id] {
            place = known
        } else {
            place = ids.count
            places[id] = place
            ids.append(id)
            columns.append(HeadColumn())
        }
        guess = place + 1 < ids.count ? place + 1 : 0
        return body(&columns[place])
    }

    /// Puts the samples of a series in order, if it has any.
    mutating func sort(_ id: SeriesID) {
        if let place = places[id] { columns[place].sort() }
    }
}
