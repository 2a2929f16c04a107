import Foundation
import StrictYAML
import Testing

@testable import KPI

@Suite("Tests of KPI definitions") struct KPITestFileTests {
    private static let rootPath = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    private func failures(_ text: String) throws -> [String] {
        let file = try KPITestFile(text, file: "t.yaml")
        return file.failures(try DefinitionTests.load(DefinitionTests.example)).map(\.description)
    }

    @Test("the example business has the numbers that its tests expect")
    func shop() throws {
        let folder = KPITestFileTests.rootPath + "/rules"
        let text = try String(contentsOfFile: folder + "/tests/shop_kpi_test.yaml", encoding: .utf8)
        let file = try KPITestFile(text, file: "shop_kpi_test.yaml")
        #expect(file.definitionFiles == ["../shop.kpi.yaml"])
        let definitions = try KPIDefinitions.load([
            ("shop.kpi.yaml", try String(contentsOfFile: folder + "/shop.kpi.yaml", encoding: .utf8))
        ])
        #expect(file.failures(definitions).map(\.description) == [])
        #expect(file.expectationCount == 7)
    }

    @Test("what comes out otherwise is told with its place")
    func differences() throws {
        let text = """
            definition_files: [a]
            tests:
              - name: sales
                start: 2026-03-02T10:00:00+01:00
                interval: 1d
                samples:
                  - {series: 'order_value_usd{country="CH"}', values: 10 20 _ 5}
                expect:
                  - {kpi: total_revenue, from: 2026-03-02, to: 2026-03-06, values: [10, 20, 0, 6]}
                  - {kpi: total_revenue, from: 2026-03-02, to: 2026-03-06, aggregate: 34}
                  - {kpi: total_revenu, values: []}
                  - {funnel: shop, step: signups, values: [1]}
                  - {kpi: aov, from: 2026-03-02, to: 2026-03-03, values: [null]}
            """
        #expect(
            try failures(text) == [
                "t.yaml:9:9: sales: values are [10, 20, 0, 5], expected were [10, 20, 0, 6]",
                "t.yaml:10:9: sales: aggregate is 35, expected was 34",
                "t.yaml:11:9: sales: KPI \"total_revenu\" is not known; the nearest is \"total_revenue\"",
                "t.yaml:12:9: sales: values are [null], expected were [1]",
            ]
        )
    }

    @Test("runs of values are those of promtool")
    func runs() {
        #expect(SampleText.values("1 2 _ 3") == [1, 2, nil, 3])
        #expect(SampleText.values("0+10x3 5-1x2") == [0, 10, 20, 30, 5, 4, 3])
        #expect(SampleText.values("7x2 _x2 1e-3+1e-3x1") == [7, 7, 7, nil, nil, 0.001, 0.002])
        for wrong in ["x", "1+x3", "1+1x-1", "a", "1+1x999999999"] {
            #expect(SampleText.values(wrong) == nil)
        }
    }

    @Test("times are dates, seconds or instants")
    func instants() {
        #expect(InstantText.millis("1970-01-02", in: .utc) == 86_400_000)
        #expect(InstantText.millis("1970-01-01T01:00:00+01:00", in: .utc) == 0)
        #expect(InstantText.millis("1970-01-01T00:30Z", in: .utc) == 1_800_000)
        #expect(InstantText.millis("12.5", in: .utc) == 12_500)
        for wrong in [
            "", "1970-13-01", "1970-01-01T00:00:00", "1970-01-01T0:00Z", "1970-01-01 00:00Z", "1e12",
        ] {
            #expect(InstantText.millis(wrong, in: .utc) == nil)
        }
    }

    @Test(
        "wrong files are refused with the place",
        arguments: [
            ("tests: []", "1:1: definition_files"), ("definition_files: [a]\ntest: []", "2:1: unknown field"),
            ("definition_files: [a]\ntests: [{now: soon}]", "2:15: now has to be a time"),
            (
                "definition_files: [a]\ntests: [{samples: [{series: 'x{a!=\"b\"}', values: 1}]}]",
                "is no series"
            ),
            ("definition_files: [a]\ntests: [{samples: [{series: x, values: y}]}]", "are no values"),
            (
                "definition_files: [a]\ntests: [{expect: [{values: [1]}]}]",
                "is about a kpi, a metric or a funnel"
            ),
        ]
    )
    func wrong(text: String, message: String) {
        do {
            _ = try KPITestFile(text, file: "t.yaml")
            Issue.record("it was read")
        } catch {
            #expect(error.description.contains(message), "\(error)")
        }
    }
}
