import Glibc

/// Something that is measured.
protocol Benchmark {
    /// By what it is chosen on the command line.
    static var name: String { get }
    /// What it does, in a line.
    static var summary: String { get }
    /// Measures it.
    static func run() async throws -> [Figure]
}

/// What came out.
struct Figure: CustomStringConvertible {
    /// What was measured.
    var title: String
    /// The number.
    var value: Double
    /// What it counts.
    var unit: String
    /// The number that it must not pass; nil if it is for information.
    var bound: Double?

    /// Whether it keeps to the bound.
    var isGood: Bool { bound.map { value <= $0 } ?? true }

    var description: String {
        let bound = bound.map { " (at most \(Figure.text($0)): \(isGood ? "good" : "TOO MUCH"))" } ?? ""
        return "\(title): \(Figure.text(value)) \(unit)\(bound)"
    }

    /// The number with two digits behind the point, or none if it is whole.
    private static func text(_ value: Double) -> String {
        let hundredths = Int64((value * 100).rounded())
        guard hundredths % 100 != 0 else { return "\(hundredths / 100)" }
        let digits = "\(hundredths.magnitude % 100)"
        return "\(hundredths / 100).\(digits.count < 2 ? "0" : "")\(digits)"
    }
}

/// The CPU time that this thread has taken; what the store does meanwhile in the background does not count.
enum CPUTime {
    /// So far, in seconds.
    static var seconds: Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// What `body` takes, in seconds, and what it returns.
    static func measure<Value>(_ body: () throws -> Value) rethrows -> (seconds: Double, value: Value) {
        let start = seconds
        let value = try body()
        return (seconds - start, value)
    }
}
