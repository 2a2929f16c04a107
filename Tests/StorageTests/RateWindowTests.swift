import Testing

@testable import Storage

@Suite struct RateWindowTests {
    @Test("the rate is that of the last minute, however long ago the store was opened")
    func measuresLastMinute() throws {
        var window = RateWindow()
        #expect(window.perSecond == nil)
        let start = ContinuousClock.now
        window.note(1000, at: start)
        #expect(window.perSecond == nil)
        window.note(1050, at: start.advanced(by: .seconds(10)))
        #expect(window.perSecond == 5)
        for second in 11...600 {
            window.note(1050 + (second - 10) * 2, at: start.advanced(by: .seconds(second)))
        }
        #expect(window.perSecond == 2)
        // After a long pause one reading from before it is left.
        window.note(2230 + 600, at: start.advanced(by: .seconds(1200)))
        #expect(window.perSecond == 1)
    }
}
