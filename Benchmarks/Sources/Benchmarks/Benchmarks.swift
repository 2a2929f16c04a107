import Glibc

/// Measures the engine: `Benchmarks [NAME...]` runs the benchmarks whose names contain one of the words, or all.
///
/// It prints one line per figure, with the bound that it is held to, and ends with code 1 if a bound is passed.
@main
struct Benchmarks {
    /// All benchmarks; a new one is a line here.
    static let all: [any Benchmark.Type] = [
        DecodeBenchmark.self, IndexBenchmark.self, EvaluationBenchmark.self, KPIValuesBenchmark.self,
        KPIPageBenchmark.self, KPIStatesBenchmark.self, KPIRestartBenchmark.self,
    ]

    static func main() async throws {
        let words = CommandLine.arguments.dropFirst()
        var isGood = true
        for benchmark in all {
            guard words.isEmpty || words.contains(where: { benchmark.name.contains($0) }) else { continue }
            print("\(benchmark.name): \(benchmark.summary)")
            for figure in try await benchmark.run() {
                print("  \(figure)")
                isGood = isGood && figure.isGood
            }
        }
        if !isGood { exit(1) }
    }
}
