import Model
import Testing

@testable import Rules

@Suite struct GroupScheduleTests {
    private let schedule = GroupSchedule(file: "shop.yml", name: "shop", intervalMillis: 60_000)

    private func time(_ millis: Int64) -> Timestamp { Timestamp(millis: millis) }

    @Test("Offsets lie within the interval, stay the same, and differ between groups")
    func offsets() {
        let offsets = (0..<200).map {
            GroupSchedule(file: "shop.yml", name: "group \($0)", intervalMillis: 60_000).offsetMillis
        }
        #expect(offsets.allSatisfy { (0..<60_000).contains($0) })
        #expect(Set(offsets).count > 190)
        #expect(
            GroupSchedule(file: "shop.yml", name: "group 7", intervalMillis: 60_000).offsetMillis
                == offsets[7]
        )
        // "a" + "bc" is not "ab" + "c".
        #expect(
            GroupSchedule(file: "a", name: "bc", intervalMillis: 1 << 40).offsetMillis
                != GroupSchedule(file: "ab", name: "c", intervalMillis: 1 << 40).offsetMillis
        )
    }

    @Test(
        "Slots lie where Prometheus 3.5.3 has them, by the samples that it recorded",
        arguments: [
            ("a", 1000, 166), ("a group whose name is longer than one stripe", 1500, 1081),
            (String(repeating: "n", count: 300), 2000, 885),
        ] as [(String, Int64, Int64)]
    )
    func offsetsOfPrometheus(name: String, interval: Int64, offset: Int64) {
        let schedule = GroupSchedule(file: "rules/shop.yml", name: name, intervalMillis: interval)
        #expect(schedule.offsetMillis == offset)
    }

    @Test("The hash is xxHash's")
    func hash() {
        #expect(XXHash64.hash([]) == 0xef46_db37_51d8_e999)
        #expect(XXHash64.hash(Array("abc".utf8)) == 0x44bc_2cf5_ad77_0999)
        #expect(XXHash64.hash(Array(0..<100)) == 0x6ac1_e580_3216_6597)
    }

    @Test(
        "Slots lie one interval apart and are shifted by the offset",
        arguments: [-120_001, -1, 0, 1, 1_700_000_000_123]
    )
    func slots(now: Int64) {
        let before = schedule.slot(atOrBefore: time(now))
        let after = schedule.slot(after: time(now))
        #expect(before <= time(now) && after > time(now))
        #expect(after.millis - before.millis == 60_000)
        #expect((before.millis - schedule.offsetMillis) % 60_000 == 0)
        #expect(schedule.slot(atOrBefore: before) == before)
        #expect(schedule.slot(after: before) == after)
    }

    @Test(
        "The next slot follows, or is the last that came up while evaluation took long",
        arguments: [
            (0, 1, 0), (59_999, 1, 0), (60_000, 1, 0), (119_999, 1, 0), (120_000, 2, 1), (200_000, 3, 2),
            (86_400_000, 1440, 1439), (-5, 1, 0),
        ]
    )
    func next(passed: Int64, slotsOn: Int64, missed: Int) {
        let slot = schedule.slot(after: time(1_700_000_000_000))
        let (next, missedCount) = schedule.next(after: slot, now: slot.advanced(byMillis: passed))
        #expect(next.millis == slot.millis + slotsOn * 60_000)
        #expect(missedCount == missed)
    }

    @Test("A slot far ahead is given up when the clock was set back")
    func clockSetBack() {
        let slot = schedule.slot(after: time(1_700_000_000_000))
        #expect(schedule.reachable(slot, now: slot.advanced(byMillis: -61_000)) == slot)
        let now = slot.advanced(byMillis: -3_600_000 + 5)
        #expect(schedule.reachable(slot, now: now).millis == slot.millis - 3_600_000 + 60_000)
    }

    @Test("Times at the ends of the range do not trap")
    func extremes() {
        for interval in [0, 1, Int64.max / 2, .max] {
            let schedule = GroupSchedule(file: "f", name: "g", intervalMillis: interval)
            for now in [Timestamp.min, .max] {
                _ = schedule.next(after: schedule.slot(after: now), now: now)
                _ = schedule.next(after: .min, now: now)
                _ = schedule.reachable(.max, now: now)
            }
        }
    }
}
