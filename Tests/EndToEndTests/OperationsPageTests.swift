import Foundation
import Testing

extension EndToEnd {
    @Suite("docs/operations.md")
    struct OperationsPageTests {
        @Test("explains every metric that the daemon shows")
        func explainsMetrics() async throws {
            let path = "\(Repository.root)/docs/operations.md"
            let page = try String(contentsOfFile: path, encoding: .utf8)
            let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `sextant_") }
            let explained = Set(
                rows.flatMap { row in
                    row.split(separator: "|")[0].split(separator: "`").filter { $0.hasPrefix("sextant_") }
                }.map(String.init)
            )
            let folder = try ScratchFolder("operations")
            let arguments = ["--rules", "\(Repository.root)/rules"]
            try await withDaemon(arguments, folder: folder) { sextant in
                // The first request makes the metrics about requests.
                _ = try await sextant.client.get("/metrics")
                try await eventually("all metrics are explained", within: 30, everyMillis: 500) {
                    let text = try await sextant.client.get("/metrics").text
                    let shown = Set(
                        text.split(separator: "\n").compactMap { line -> String? in
                            let words = line.split(separator: " ")
                            guard words.count > 2, words[1] == "TYPE", words[2].hasPrefix("sextant_") else {
                                return nil
                            }
                            return String(words[2])
                        }
                    )
                    guard shown.contains("sextant_rule_evaluations_total") else { throw NotYet("no rules") }
                    let missing = shown.subtracting(explained).sorted()
                    guard missing.isEmpty else { throw NotYet("\(missing)") }
                }
            }
        }
    }
}
