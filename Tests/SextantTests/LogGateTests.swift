import Testing

@testable import sextant

@Suite struct LogGateTests {
    @Test("writes the same complaint ten times a minute, whatever its numbers, and counts the rest")
    func repeated() {
        let gate = LogGate()
        for number in 0..<50 {
            let verdict = gate.pass("cannot write file \(number)", atMillis: Int64(number) * 100)
            #expect(verdict == .init(isWritten: number < 10, suppressedCount: 0))
        }
        #expect(gate.pass("something else", atMillis: 5000) == .init(isWritten: true, suppressedCount: 0))
        #expect(gate.suppressedCount == 40)
        let next = gate.pass("cannot write file 7", atMillis: 60_000)
        #expect(next == .init(isWritten: true, suppressedCount: 40))
        #expect(gate.pass("cannot write file 7", atMillis: 60_001).suppressedCount == 0)
    }

    @Test("writes a hundred lines a second, of however many kinds")
    func flood() {
        let gate = LogGate()
        var written = 0
        for number in 0..<5000 {
            let name = String(repeating: "x", count: number % 2500 + 1)
            if gate.pass(name, atMillis: 1000).isWritten { written += 1 }
        }
        #expect(written == 100)
        #expect(gate.suppressedCount == 4900)
        #expect(gate.pass("new", atMillis: 2000) == .init(isWritten: true, suppressedCount: 4900))
    }
}
