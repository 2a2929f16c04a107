/// Gives the nodes of a plan the times they are evaluated at.
///
/// It goes from the result downwards, since an input is wanted at the times of the node that takes it, those
/// inside of a subquery at the subquery's steps, and those that are the same at every step only once.
struct GridAssignment {
    private let grid: StepGrid
    private let pointLimit: Int

    /// For a query at the times of `grid`, whose subqueries may have at most `pointLimit` steps.
    init(_ grid: StepGrid, pointLimit: Int) {
        self.grid = grid
        self.pointLimit = pointLimit
    }

    /// The plan of `nodes`, of which the last one yields the result.
    ///
    /// - Throws: `PromQLError` if times cannot be computed or a subquery has too many steps.
    func plan(_ nodes: [PlanNode]) throws(PromQLError) -> Plan {
        var nodes = nodes
        let root = nodes.count - 1
        nodes[root].grid = nodes[root].isInvariant ? grid.first : grid
        for index in nodes.indices.reversed() {
            let node = nodes[index]
            if let subquery = node.operation.subquery {
                nodes[index].innerGrid = try subquery.grid(under: node.grid, limit: pointLimit)
            }
            if let shape = node.operation.shape, shape.ends(on: node.grid) == nil {
                throw .badData("the query's times are out of range")
            }
            for (position, input) in node.inputs.enumerated() {
                let wanted = nodes[index].inputGrid(position)
                let isOnce = nodes[input].isInvariant && wanted.count > 1
                nodes[input].grid = isOnce ? wanted.first : wanted
            }
        }
        let readGroups = ReadGroup.assign(to: &nodes)
        return Plan(nodes: nodes, grid: grid, readGroups: readGroups)
    }
}

extension Operation {
    /// The subquery whose steps its first input is wanted at.
    fileprivate var subquery: SubqueryPlan? {
        switch self {
        case .subquery(let plan): return plan
        case .window(let plan):
            if case .subquery(let subquery) = plan.source { return subquery }
            return nil
        default: return nil
        }
    }

    /// Where it looks for samples.
    fileprivate var shape: WindowShape? {
        switch self {
        case .selector(let plan), .sampleTimes(let plan), .samples(let plan): plan.shape
        case .window(let plan): plan.shape
        case .info(let plan): plan.shape
        default: nil
        }
    }
}
