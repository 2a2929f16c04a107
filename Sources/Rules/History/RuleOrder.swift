import Model

/// An order of groups in which what a group reads was recorded before.
enum RuleOrder {
    /// `groups` so that a group comes behind those whose records it reads; where they read each other the
    /// order stays.
    static func sorted(_ groups: [RuleGroup]) -> [RuleGroup] {
        var writers: [ByteText: [Int]] = [:]
        for (index, group) in groups.enumerated() {
            for case .recording(let record) in group.rules.map(\.kind) {
                writers[ByteText(record), default: []].append(index)
            }
        }
        var order: [Int] = []
        var state = Array(repeating: State.new, count: groups.count)
        for start in groups.indices { visit(start, groups, writers, &state, &order) }
        return order.map { groups[$0] }
    }

    private enum State {
        case new, open, done
    }

    /// Puts a group and all it needs into the order, without recursion.
    private static func visit(
        _ start: Int,
        _ groups: [RuleGroup],
        _ writers: [ByteText: [Int]],
        _ state: inout [State],
        _ order: inout [Int]
    ) {
        var stack = [start]
        while let index = stack.last {
            guard state[index] == .new else {
                stack.removeLast()
                if state[index] == .open {
                    state[index] = .done
                    order.append(index)
                }
                continue
            }
            state[index] = .open
            for rule in groups[index].rules {
                for read in RuleReads(rule.expr, lookbackMillis: 0).reads {
                    guard let name = read.name else { continue }
                    for needed in writers[ByteText(name)] ?? [] where state[needed] == .new {
                        stack.append(needed)
                    }
                }
            }
        }
    }
}
