import Model
import Testing

@testable import PromQL

/// The small parts of the evaluator.
@Suite("PromQL parts")
struct PartTests {
    @Test(
        "numbers in messages look as Go prints them",
        arguments: [
            (0.0, "0"), (-0.0, "-0"), (2, "2"), (1.1, "1.1"), (-0.5, "-0.5"), (100_000, "100000"),
            (1e6, "1e+06"),
            (123_456_789, "1.23456789e+08"), (0.0001, "0.0001"), (0.00001, "1e-05"), (1e30, "1e+30"),
            (1.5e300, "1.5e+300"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
        ]
    )
    func general(_ value: Double, _ text: String) {
        #expect(GoText.general(value) == text)
    }

    @Test(
        "numbers are cut to digits as Go does",
        arguments: [
            (10.0, "10"), (5.5, "5.5"), (0.0123, "0.012"), (123, "1.2e+02"), (9.96, "10"), (99.9, "1e+02"),
        ]
    )
    func twoDigits(_ value: Double, _ text: String) {
        #expect(GoText.general(value, digitCount: 2) == text)
    }

    @Test(
        "numbers with six decimals",
        arguments: [
            (0.0, "0.000000"), (1.25, "1.250000"), (-3, "-3.000000"), (0.1234567, "0.123457"),
            (1e-9, "0.000000"),
            (999_999.9999999, "1000000.000000"), (1e10, "10000000000.000000"),
        ]
    )
    func fixed(_ value: Double, _ text: String) {
        #expect(GoText.fixed(value) == text)
    }

    @Test(
        "numbers as label values never have an exponent",
        arguments: [
            (1e21, "1000000000000000000000"), (1e-7, "0.0000001"), (0.1, "0.1"), (12.5, "12.5"), (-4, "-4"),
            (0, "0"), (.infinity, "+Inf"),
        ]
    )
    func plain(_ value: Double, _ text: String) {
        #expect(GoText.plain(value) == text)
    }

    @Test(
        "times in messages",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1_735_084_800_000, "2024-12-25T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"), (951_782_400_999, "2000-02-29T00:00:00Z"),
        ]
    )
    func time(_ millis: Int64, _ text: String) {
        #expect(GoText.time(millis: millis) == text)
    }

    @Test("the calendar agrees with counting days one by one")
    func calendar() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var (year, month, day, dayOfYear) = (1890, 1, 1, 1)
        // 1890-01-01 was a Wednesday, 29,219 days before the epoch.
        for number in -29_219..<60_000 {
            let time = CivilTime(unixSeconds: Int64(number) * 86_400 + 86_399)
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length = lengths[month - 1] + (month == 2 && isLeap ? 1 : 0)
            #expect(
                [time.year, time.month, time.day, time.dayOfYear, time.daysInMonth, time.dayOfWeek]
                    == [year, month, day, dayOfYear, length, (number + 29_219 + 3) % 7].map(Int64.init)
            )
            #expect([time.hour, time.minute, time.second] == [23, 59, 59])
            (day, dayOfYear) = (day + 1, dayOfYear + 1)
            if day > length { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month, dayOfYear) = (year + 1, 1, 1) }
        }
    }

    @Test("the ends of time have a date")
    func extremeDates() {
        #expect(CivilTime(unixSeconds: .max).year == 292_277_026_596)
        #expect(CivilTime(unixSeconds: .min).year == -292_277_022_657)
    }

    @Test(
        "numbers inside of names sort as numbers",
        arguments: [
            ("cpu2", "cpu10", true), ("cpu10", "cpu2", false), ("a", "b", true), ("a1b2", "a1b10", true),
            ("1", "a", true), ("", "a", true), ("x01", "x1", true), ("99999999999999999999", "1", false),
        ]
    )
    func naturalOrder(_ left: String, _ right: String, _ isBefore: Bool) {
        #expect(NaturalOrder.precedes(left, right) == isBefore)
    }

    @Test("a compensated sum keeps what a plain one loses")
    func compensatedSum() {
        var sum = CompensatedSum()
        for value in [1, 1e100, 1, -1e100] { sum.add(value) }
        #expect(sum.value == 2)
        var tenths = CompensatedSum()
        for _ in 0..<10 { tenths.add(0.1) }
        #expect(tenths.value == 1)
        var infinite = CompensatedSum()
        for value in [1, .infinity, 2] { infinite.add(value) }
        #expect(infinite.value == .infinity)
    }

    @Test("a mean does not overflow where its sum would")
    func compensatedMean() {
        var mean = CompensatedMean()
        for value in [1.5e308, 1.5e308, -1.5e308, -1.5e308] { mean.add(value) }
        #expect(mean.value.magnitude < 1e293)
        var same = CompensatedMean()
        for _ in 0..<12 { same.add(52) }
        #expect(same.value == 52)
    }

    @Test("the steps of a subquery are multiples of its step, behind the open start")
    func subqueryGrid() throws {
        func times(_ start: Int64, _ count: Int, range: Int64, step: Int64, offset: Int64 = 0) throws
            -> [Int64]
        {
            var grid = StepGrid(instant: start)
            (grid.stepMillis, grid.count) = (30, count)
            let shape = WindowShape(rangeMillis: range, offsetMillis: offset, fixedMillis: nil)
            let inner = try SubqueryPlan(shape: shape, stepMillis: step).grid(under: grid, limit: 1000)
            return (0..<inner.count).map(inner.time)
        }
        #expect(try times(100, 1, range: 50, step: 20) == [60, 80, 100])
        #expect(try times(100, 1, range: 40, step: 20) == [80, 100])
        #expect(try times(100, 2, range: 40, step: 20) == [80, 100, 120])
        #expect(try times(10, 1, range: 40, step: 20) == [-20, 0])
        #expect(try times(0, 1, range: 40, step: 20) == [-20, 0])
        #expect(try times(5, 1, range: 4, step: 20) == [])
        #expect(try times(100, 1, range: 50, step: 20, offset: -25) == [80, 100, 120])
    }

    @Test("a set of steps has no steps behind its end", arguments: [0, 1, 63, 64, 65, 130])
    func stepSet(_ count: Int) {
        var set = StepSet.all(count)
        #expect(Array(set.positions) == Array(0..<count))
        set.invert()
        #expect(set.isEmpty)
        #expect(set.first == nil)
        if count > 0 { set.insert(count - 1) }
        #expect(set.first == (count > 0 ? count - 1 : nil))
    }
}
