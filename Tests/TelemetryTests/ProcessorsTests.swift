import Testing

@testable import Telemetry

@Suite struct ProcessorsTests {
    @Test(
        "A list of processors is counted",
        arguments: [
            ("0", 1), ("0-3", 4), ("\t0-1,4,6-7", 5), ("", nil), ("x", nil), ("3-1", nil), ("1-2-3", nil),
        ] as [(String, Int?)]
    )
    func counts(list: String, count: Int?) {
        #expect(Processors.count(inList: list) == count)
    }

    @Test("There is at least one")
    func present() {
        #expect(Processors.count >= 1)
    }
}
