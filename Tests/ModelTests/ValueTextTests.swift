import Model
import Testing

@Suite struct ValueTextTests {
    @Test(
        "Values print as Go's strconv prints them for the Prometheus API",
        arguments: [
            (0.0, "0"), (-0.0, "-0"), (1, "1"), (-1.5, "-1.5"), (0.1, "0.1"), (1e-6, "0.000001"),
            (9.9e-7, "9.9e-07"), (1e-07, "1e-07"), (1e20, "100000000000000000000"), (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (Double(sign: .plus, exponent: 66, significand: 1.5), "110680464442257310000"),
            (9_007_199_254_740_992, "9007199254740992"), (1e15, "1000000000000000"),
            (1e16, "10000000000000000"),
            (0.30000000000000004, "0.30000000000000004"), (.leastNonzeroMagnitude, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
            (.nan, "NaN"), (1234.5678, "1234.5678"), (100, "100"), (1e-5, "0.00001"),
        ] as [(Double, String)]
    )
    func values(value: Double, text: String) {
        #expect(ValueText.format(value) == text)
    }

    @Test("What is printed reads back to the same bits")
    func roundTrip() {
        var state: UInt64 = 1
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = Double(bitPattern: state)
            guard !value.isNaN else { continue }
            #expect(ValueText.parse(ValueText.format(value)) == value)
        }
    }

    @Test("Numbers of usual size print with the digits that Swift finds")
    func usualSize() {
        var state: UInt64 = 7
        for round in 0..<200_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // All exponents of the range, and significands of all kinds.
            let significand =
                switch round % 4 {
                case 0: state >> 12
                case 1: UInt64(1) << 52 - 1 - state >> 60
                case 2: state >> 61
                default: state >> 12 & ~0xff_ffff_ffff
                }
            let value = Double(bitPattern: (1013 + state % 60) << 52 | significand)
            guard value >= 1e-3, value < 1e15, value.rounded(.towardZero) != value else { continue }
            #expect(ValueText.format(value) == value.description)
            let short = (Double(state % 1_000_000_007) / 1000)
            guard short >= 1e-3, short.rounded(.towardZero) != short else { continue }
            #expect(ValueText.format(-short) == (-short).description)
        }
    }

    @Test(
        "Alert values print with an exponent",
        arguments: [(1.0, "1e+00"), (0, "0e+00"), (-1234.5, "-1.2345e+03"), (1e-10, "1e-10")]
            as [(Double, String)]
    )
    func scientific(value: Double, text: String) {
        #expect(ValueText.formatScientific(value) == text)
    }

    @Test(
        "Times print as seconds with milliseconds only where there are some",
        arguments: [
            (4000, "4"), (1_435_781_451_781, "1435781451.781"), (50, "0.050"), (-1500, "-1.500"), (0, "0"),
            (.min, "-9223372036854775.808"),
        ] as [(Int64, String)]
    )
    func times(millis: Int64, text: String) {
        var out: [UInt8] = []
        ValueText.append(Timestamp(millis: millis), to: &out)
        #expect(String(decoding: out, as: UTF8.self) == text)
    }

    @Test(
        "Texts that are no number are refused",
        arguments: ["", "x", "1x", "--1", "1e", "nanx", " 1", "0x", "infin"]
    )
    func refusals(text: String) {
        #expect(ValueText.parse(text) == nil)
    }
}

@Suite struct DurationTextTests {
    @Test(
        "Durations are read and printed as Prometheus does",
        arguments: [
            ("0s", 0), ("15s", 15_000), ("1h30m", 5_400_000), ("90d", 7_776_000_000), ("1y", 31_536_000_000),
            ("2w", 1_209_600_000), ("1d1ms", 86_400_001), ("100ms", 100),
        ] as [(String, Int64)]
    )
    func both(text: String, millis: Int64) {
        #expect(DurationText.parse(text) == millis)
        #expect(DurationText.format(millis: millis) == text)
    }

    @Test(
        "What is no duration is refused",
        arguments: ["", "5", "1.5h", "1m1h", "1h1h", "-1s", "1 h", "h", "99999999999y", "1x"]
    )
    func refusals(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test("Days are not turned into weeks that leave a rest")
    func weeks() {
        #expect(DurationText.format(millis: 91 * 86_400_000) == "13w")
        #expect(DurationText.format(millis: 90 * 86_400_000) == "90d")
        #expect(DurationText.format(millis: -1500) == "-1s500ms")
    }
}
