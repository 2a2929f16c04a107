import Model

/// Set operations on lists of series ids that rise strictly.
package enum SortedIDs {
    /// Puts `id` in its place unless it is there; at the end in constant time.
    package static func insert(_ id: SeriesID, into list: inout [SeriesID]) {
        guard let last = list.last, last >= id else {
            list.append(id)
            return
        }
        let position = lowerBound(of: id, in: list)
        if list[position] != id { list.insert(id, at: position) }
    }

    /// The ids that are in both lists; gallops through the longer one.
    package static func intersection(_ left: [SeriesID], _ right: [SeriesID]) -> [SeriesID] {
        let (short, long) = left.count <= right.count ? (left, right) : (right, left)
        var result: [SeriesID] = []
        result.reserveCapacity(short.count)
        var position = 0
        for id in short {
            position = gallop(to: id, in: long, from: position)
            guard position < long.count else { break }
            if long[position] == id { result.append(id) }
        }
        return result
    }

    /// The ids of `list` that are not in `excluded`.
    package static func subtracting(_ list: [SeriesID], _ excluded: [SeriesID]) -> [SeriesID] {
        guard !excluded.isEmpty else { return list }
        var position = 0
        return list.filter { id in
            position = gallop(to: id, in: excluded, from: position)
            return position >= excluded.count || excluded[position] != id
        }
    }

    /// The ids that are in any of the lists.
    package static func union(_ lists: [[SeriesID]]) -> [SeriesID] {
        guard lists.count > 1 else { return lists.first ?? [] }
        var merged = Array(lists.joined())
        merged.sort()
        var kept = 0
        for index in merged.indices where index == 0 || merged[index] != merged[kept - 1] {
            merged[kept] = merged[index]
            kept += 1
        }
        merged.removeLast(merged.count - kept)
        return merged
    }

    /// The index of the first element that is not smaller than `id`.
    package static func lowerBound(of id: SeriesID, in list: [SeriesID]) -> Int {
        search(id, in: list, 0, list.count)
    }

    private static func search(_ id: SeriesID, in list: [SeriesID], _ from: Int, _ to: Int) -> Int {
        var low = from
        var high = to
        while low < high {
            let middle = (low + high) / 2
            if list[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// As `lowerBound`, searching in doubling strides from `from`.
    private static func gallop(to id: SeriesID, in list: [SeriesID], from: Int) -> Int {
        var stride = 1
        var low = from
        while low + stride < list.count, list[low + stride] < id {
            low += stride
            stride *= 2
        }
        return search(id, in: list, low, min(low + stride + 1, list.count))
    }
}
