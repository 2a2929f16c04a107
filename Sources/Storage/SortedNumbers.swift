/// Set operations on lists of series numbers that rise strictly.
enum SortedNumbers {
    /// The numbers that are in both lists.
    static func intersection(_ left: [UInt32], _ right: [UInt32]) -> [UInt32] {
        let (short, long) = left.count <= right.count ? (left, right) : (right, left)
        var position = 0
        return short.filter { isIn(long, $0, from: &position) }
    }

    /// The numbers of `list` that are not in `excluded`.
    static func subtracting(_ list: [UInt32], _ excluded: [UInt32]) -> [UInt32] {
        guard !excluded.isEmpty else { return list }
        var position = 0
        return list.filter { !isIn(excluded, $0, from: &position) }
    }

    /// The numbers that are in any of the lists.
    static func union(_ lists: [[UInt32]]) -> [UInt32] {
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

    /// Whether `number` is in `list` at `position` or behind; `position` moves to where it is or would be.
    ///
    /// It searches in doubling strides, so that going through a list costs little however long it is.
    private static func isIn(_ list: [UInt32], _ number: UInt32, from position: inout Int) -> Bool {
        var stride = 1
        var low = position
        while low + stride < list.count, list[low + stride] < number {
            low += stride
            stride *= 2
        }
        var high = min(low + stride + 1, list.count)
        while low < high {
            let middle = (low + high) / 2
            if list[middle] < number { low = middle + 1 } else { high = middle }
        }
        position = low
        return low < list.count && list[low] == number
    }
}
