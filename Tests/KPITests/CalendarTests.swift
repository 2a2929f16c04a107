import Foundation
import Testing

@testable import KPI

@Suite("Calendars") struct CalendarTests {
    private func zone(_ name: String) throws -> TimeZoneRules {
        try #require(TimeZones.system.zone(named: name), "the zone files of Debian's tzdata are needed")
    }

    /// Lines of numbers made by Python's zoneinfo.
    ///
    /// The file may be another one, so that many more instants can be compared by hand.
    @Test("agree with Python's zoneinfo on random instants in all zones")
    func golden() throws {
        let path =
            ProcessInfo.processInfo.environment["CALENDAR_GOLDEN"]
            ?? Bundle.module.path(forResource: "Golden/calendar", ofType: "txt") ?? ""
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let anchor = try #require(CivilDate("2018-04-05"))
        var count = 0
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().compactMap { Int64($0) }
            try #require(numbers.count == 13)
            let calendar = Calendar(
                zone: try zone(String(words[0])),
                fiscalStart: .init(month: 2, day: 1),
                cycles: [.init(name: "sprint", dayCount: 14, anchor: anchor)]
            )
            let periods: [Period] = [.day, .week, .named("sprint"), .month, .quarter, .fiscalYear]
            for (index, period) in periods.enumerated() {
                let bucket = calendar.bucket(period, containing: numbers[0] * 1000)
                #expect(
                    bucket
                        == Bucket(start: numbers[1 + 2 * index] * 1000, end: numbers[2 + 2 * index] * 1000),
                    "\(period.name) of \(line)"
                )
            }
            count += 1
        }
        #expect(count >= 400)
    }

    @Test("a day without midnight begins at its first instant")
    func cairo() throws {
        let calendar = Calendar(zone: try zone("Africa/Cairo"))
        let day = calendar.bucket(.day, containing: 1_745_540_000_000)
        #expect(day == Bucket(start: 1_745_532_000_000, end: 1_745_614_800_000))
        #expect(calendar.bucket(.day, before: day, by: 1).start == 1_745_445_600_000)
    }

    @Test("an hour that is repeated is two hours; a half-hour switch makes a short one")
    func hours() throws {
        let newYork = Calendar(zone: try zone("America/New_York"))
        // 3 November 2024: 01:30 EDT and 01:30 EST.
        let first = newYork.bucket(.hour, containing: 1_730_611_800_000)
        let second = newYork.bucket(.hour, containing: 1_730_615_400_000)
        #expect(first == Bucket(start: 1_730_610_000_000, end: 1_730_613_600_000))
        #expect(second == Bucket(start: 1_730_613_600_000, end: 1_730_617_200_000))
        #expect(
            newYork.cover(.hour, from: 1_730_606_400_000, to: 1_730_696_400_000, limit: 100)?.count == 25
        )
        let lordHowe = Calendar(zone: try zone("Australia/Lord_Howe"))
        // 6 April 2025, 02:00 back to 01:30: at 15:00 UTC of the day before.
        let short = lordHowe.bucket(.hour, containing: 1_743_865_200_000)
        #expect(short == Bucket(start: 1_743_865_200_000, end: 1_743_867_000_000))
        #expect(lordHowe.bucket(.hour, containing: 1_743_867_000_000).end == 1_743_870_600_000)
        let day = lordHowe.bucket(.day, containing: 1_743_865_200_000)
        #expect(day.end - day.start == 24 * 3_600_000 + 1_800_000)
    }

    @Test("a date that the zone skips has no bucket")
    func skippedDate() throws {
        let apia = Calendar(zone: try zone("Pacific/Apia"))
        // 29 December 2011 was followed by the 31st.
        let day = apia.bucket(.day, containing: 1_325_200_000_000)
        let next = apia.next(.day, after: day)
        #expect(next.start == day.end)
        #expect(next.end - next.start == 86_400_000)
        #expect(apia.dayCount(from: day.start, to: next.end) == 2)
    }

    @Test("sprints go by local dates, before their anchor too")
    func sprints() throws {
        let anchor = try #require(CivilDate("2018-04-05"))
        let cycle = Calendar.Cycle(name: "sprint", dayCount: 14, anchor: anchor)
        let utc = Calendar(cycles: [cycle])
        let sprint = try #require(utc.period(named: "sprint"))
        let buckets =
            utc.cover(sprint, from: 1_522_886_400_000, to: 1_530_144_000_000, limit: 100) ?? []
        #expect(
            buckets.map { CivilDate(dayNumber: Int($0.start / 86_400_000)).description }
                == ["2018-04-05", "2018-04-19", "2018-05-03", "2018-05-17", "2018-05-31", "2018-06-14"]
        )
        #expect(
            utc.bucket(sprint, before: buckets[0], by: 1).start == 1_522_886_400_000 - 14 * 86_400_000
        )
        let zurich = Calendar(zone: try zone("Europe/Zurich"), cycles: [cycle])
        // 23 October to 6 November 2025 holds the end of summer time.
        let long = zurich.bucket(sprint, containing: 1_761_400_000_000)
        #expect(zurich.dayCount(from: long.start, to: long.end) == 14)
        #expect((long.end - long.start) % 86_400_000 == 3_600_000)
    }

    @Test("a cover is minimal, for random ranges, zones and periods")
    func covers() throws {
        var chance = SplitMix(seed: 11)
        let zones = try [
            "UTC", "Africa/Cairo", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe",
        ]
        .map(zone)
        for _ in 0..<400 {
            let calendar = Calendar(
                zone: zones[chance.below(zones.count)],
                weekStart: chance.below(7),
                fiscalStart: .init(month: 1 + chance.below(12), day: 1 + chance.below(28)),
                cycles: [
                    .init(
                        name: "x",
                        dayCount: 1 + chance.below(20),
                        anchor: CivilDate(dayNumber: chance.below(20_000))
                    )
                ]
            )
            let period = calendar.periods[chance.below(calendar.periods.count)]
            let start = Int64(chance.below(2_000_000_000)) * 1000 + Int64(chance.below(1000))
            let end = start + Int64(chance.below(30)) * Int64(chance.below(90_000_000))
            let buckets = try #require(calendar.cover(period, from: start, to: end, limit: 100_000))
            let first = try #require(buckets.first)
            let last = try #require(buckets.last)
            #expect(first.contains(start))
            #expect(last.end >= end)
            if buckets.count > 1 { #expect(last.start < end) }
            for (left, right) in zip(buckets, buckets.dropFirst()) {
                #expect(left.end == right.start)
                #expect(calendar.bucket(period, before: right, by: 1) == left)
            }
        }
    }

    @Test("an end on a boundary adds no bucket, and a range without length has one")
    func boundaries() {
        let calendar = Calendar()
        let day: Int64 = 86_400_000
        #expect(calendar.cover(.day, from: 0, to: day, limit: 10)?.count == 1)
        #expect(calendar.cover(.day, from: 0, to: day + 1, limit: 10)?.count == 2)
        #expect(
            calendar.cover(.day, from: day, to: day, limit: 10) == [Bucket(start: day, end: 2 * day)]
        )
        #expect(calendar.cover(.hour, from: 0, to: day, limit: 23) == nil)
    }

    @Test("fiscal quarters are three months counted from the fiscal year")
    func fiscalQuarters() throws {
        let calendar = Calendar(fiscalStart: .init(month: 2, day: 1))
        let instant = try #require(CivilDate("2026-01-15")).dayNumber
        let quarter = calendar.bucket(.fiscalQuarter, containing: Int64(instant) * 86_400_000)
        #expect(CivilDate(dayNumber: Int(quarter.start / 86_400_000)).description == "2025-11-01")
        #expect(CivilDate(dayNumber: Int(quarter.end / 86_400_000)).description == "2026-02-01")
    }

    @Test("windows are elapsed time or local dates")
    func windows() throws {
        #expect(Window("7d") == .elapsed(604_800_000))
        #expect(Window("604800s") == .elapsed(604_800_000))
        #expect(Window("7 days") == .days(7))
        for text in ["", "0d", "7 weeks", "-7 days", "0 days", "7  days", "99999 days", "99999d"] {
            #expect(Window(text) == nil)
        }
        let zurich = Calendar(zone: try zone("Europe/Zurich"))
        // 26 October 2025 has 25 hours.
        let end = zurich.bucket(.day, containing: 1_761_483_600_000).end
        #expect(zurich.range(of: .days(1), endingAt: end).start == end - 25 * 3_600_000)
        #expect(zurich.range(of: .elapsed(86_400_000), endingAt: end).start == end - 86_400_000)
    }

    @Test("files that are no zone files are refused")
    func damagedZones() throws {
        let data = try #require(
            FileManager.default.contents(atPath: "/usr/share/zoneinfo/Europe/Zurich")
        )
        let bytes = [UInt8](data)
        let whole = try #require(TimeZoneFile.parse(bytes, name: "x"))
        for count in stride(from: 0, to: bytes.count - 1, by: 7) {
            let cut = TimeZoneFile.parse(Array(bytes.prefix(count)), name: "x")
            #expect(cut == nil || cut != whole)
        }
        var chance = SplitMix(seed: 3)
        for _ in 0..<2000 {
            var damaged = bytes
            damaged[chance.below(bytes.count)] = UInt8(chance.below(256))
            _ = TimeZoneFile.parse(damaged, name: "x")
        }
        for name in [
            "", "../etc/passwd", "/etc/passwd", "Europe", "Europe/", "Europe//Zurich", "Nowhere/Land",
        ] {
            #expect(TimeZones.system.zone(named: name) == nil)
        }
        #expect(RecurringOffsets("CET-1CEST,M3.5.0,M10.5.0/3")?.standard == 3600)
        #expect(RecurringOffsets("<-0330>3:30<-0230>,M3.2.0,M11.1.0")?.summer?.offset == -9000)
        for text in [
            "", "CET", "CET-1CEST", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0/3x",
        ] {
            #expect(RecurringOffsets(text) == nil)
        }
    }

    @Test("another zone takes the place of a calendar's and leaves its weeks, anchors and fiscal year")
    func moved() throws {
        let definitions = try DefinitionTests.load(
            """
            kpi_version: 1
            calendars:
              c: {timezone: Europe/Zurich, week_start: sunday, fiscal_year_start: "02-01", periods: {sprint: {every: 14d, anchor: 2018-04-05}}}
            metrics: [{name: m, from: {samples: m}}]
            kpis: [{name: k, type: simple, metric: m, calendar: c}]
            """
        )
        let calendar = try #require(definitions.kpi("k")?.calendar)
        let zone = try #require(TimeZones.system.zone(named: "America/New_York"))
        let other = calendar.moved(to: zone)
        // 10 April 2018, noon in both.
        let noon: Int64 = 1_523_376_000_000
        for (period, date) in [
            ("day", "2018-04-10"), ("week", "2018-04-08"), ("sprint", "2018-04-05"), ("month", "2018-04-01"),
            ("fiscal_quarter", "2018-02-01"), ("fiscal_year", "2018-02-01"), ("quarter", "2018-04-01"),
            ("year", "2018-01-01"),
        ] {
            let start = zone.start(of: try #require(CivilDate(date))) * 1000
            let found = try #require(other.period(named: period))
            #expect(other.bucket(found, containing: noon).start == start, "\(period)")
        }
    }

    @Test("a full hour of a date is the first such instant; one that the clock skips is none")
    func hourOfDate() throws {
        let zurich = try #require(TimeZones.system.zone(named: "Europe/Zurich"))
        func start(_ date: String, _ hour: Int) throws -> Int64? {
            zurich.start(ofHour: hour, of: try #require(CivilDate(date)))
        }
        #expect(try start("2025-03-30", 1) == 1_743_292_800)
        #expect(try start("2025-03-30", 2) == nil)
        #expect(try start("2025-03-30", 3) == 1_743_296_400)
        #expect(try start("2025-10-26", 2) == 1_761_436_800)
        #expect(try start("2025-10-26", 3) == 1_761_444_000)
        #expect(TimeZoneRules.utc.start(ofHour: 23, of: try #require(CivilDate("1969-12-31"))) == -3600)
        let cairo = try #require(TimeZones.system.zone(named: "Africa/Cairo"))
        #expect(cairo.start(ofHour: 0, of: try #require(CivilDate("2025-04-25"))) == nil)
        #expect(cairo.start(ofHour: 1, of: try #require(CivilDate("2025-04-25"))) == 1_745_532_000)
    }

    @Test("dates turn into days and back")
    func dates() throws {
        for number in stride(from: -800_000, to: 800_000, by: 37) {
            let date = CivilDate(dayNumber: number)
            let (year, month, day) = date.components
            #expect(CivilDate(year: year, month: month, day: day) == date)
        }
        #expect(CivilDate("1970-01-01")?.dayNumber == 0)
        #expect(CivilDate("1970-01-01")?.weekday == 3)
        for text in [
            "2025-02-29", "2025-13-01", "2025-00-10", "25-01-01", "2025-1-1", "2025-01-01x", "",
        ] {
            #expect(CivilDate(text) == nil)
        }
    }
}

/// Random numbers that a seed determines.
struct SplitMix {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `bound`.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
