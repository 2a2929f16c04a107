import Dispatch

/// What did not come true in time, and what was seen last instead.
struct NotInTime: Error, CustomStringConvertible {
    let awaited: String
    let last: String

    var description: String { "not in time: \(awaited); last: \(last)" }
}

/// Says why a condition does not hold yet, so that the report of a time-out can tell.
struct NotYet: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Tries `body` until it returns, and gives up `seconds` after the first try; only then is an error final.
func eventually<Result>(
    _ awaited: String,
    within seconds: Double = 60,
    everyMillis: Int = 100,
    _ body: () async throws -> Result
) async throws -> Result {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
        do {
            return try await body()
        } catch {
            if ContinuousClock.now >= deadline { throw NotInTime(awaited: awaited, last: "\(error)") }
        }
        try await Task.sleep(for: .milliseconds(everyMillis))
    }
}

/// Runs blocking work on a thread of its own kind, so that the few threads of the concurrency pool stay free
/// for the other tests of the same run.
func blocking<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async {
            continuation.resume(with: Swift.Result(catching: work))
        }
    }
}
