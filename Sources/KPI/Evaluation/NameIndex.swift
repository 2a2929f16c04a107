import Model

/// The places of names; those that were asked for last are found first, since a KPI asks for the same few
/// names frame after frame.
struct NameIndex {
    private var places: [ByteText: Int] = [:]
    private var recent: [(name: ByteText, place: Int)] = []
    private var next = 0

    /// The place of a name, which may be new.
    mutating func place(of name: String) -> Int? {
        let name = ByteText(name)
        for known in recent where known.name == name { return known.place }
        guard let place = places[name] else { return nil }
        if recent.count < 2 {
            recent.append((name, place))
        } else {
            recent[next] = (name, place)
            next = 1 - next
        }
        return place
    }

    /// Sets the place of a name that has none.
    mutating func add(_ name: String, at place: Int) { places[ByteText(name)] = place }
}
