/// The yearly changes of a zone's offset, as the POSIX variable `TZ` has them: `CET-1CEST,M3.5.0,M10.5.0/3`.
///
/// Source: RFC 9636, section 3.3.1. Offsets here are seconds east of UTC, the opposite of that text.
struct RecurringOffsets: Hashable {
    /// When in a year a change is, by the clock before it.
    struct Moment: Hashable {
        /// The ways to name a day.
        enum Day: Hashable {
            /// The n-th weekday (0 is Sunday) of a month; 5 is the last one.
            case weekday(month: Int, nth: Int, weekday: Int)
            /// A day of the year from 1, the leap day not counted.
            case withoutLeapDay(Int)
            /// A day of the year from 0.
            case withLeapDay(Int)
        }

        var day: Day
        /// Seconds after midnight; may be negative or more than a day.
        var second: Int64

        /// The local time of the change in that year, in seconds since the epoch.
        func localSecond(year: Int) -> Int64 {
            Int64(date(year: year).dayNumber) * 86_400 + second
        }

        private func date(year: Int) -> CivilDate {
            let newYear = CivilDate.clamped(year: year, month: 1, day: 1)
            switch day {
            case .weekday(let month, let nth, let weekday):
                let first = CivilDate.clamped(year: year, month: month, day: 1)
                let ahead = CivilDate.remainder(weekday - 1 - first.weekday, 7)
                let day = first.adding(days: ahead + (nth - 1) * 7)
                return day < first.monthStart(movedBy: 1) ? day : day.adding(days: -7)
            case .withLeapDay(let day): return newYear.adding(days: day)
            case .withoutLeapDay(let day):
                let isLeap = CivilDate(year: year, month: 2, day: 29) != nil
                return newYear.adding(days: isLeap && day >= 60 ? day : day - 1)
            }
        }
    }

    /// The offset outside of summer time.
    var standard: Int64
    /// The offset of summer time with its begin and end; nil if there is none.
    var summer: (offset: Int64, from: Moment, to: Moment)?

    /// The changes after `instant` up to the end of a year, in order: each with the offset that begins.
    func changes(after instant: Int64, throughYear lastYear: Int) -> [(time: Int64, offset: Int64)] {
        guard let summer else { return [] }
        let bounded = max(instant, -100 * 31_556_952)
        let first = CivilDate(dayNumber: Int(bounded.floored(by: 86_400))).components.year - 1
        var changes: [(time: Int64, offset: Int64)] = []
        guard first <= lastYear else { return [] }
        for year in first...lastYear {
            changes.append((summer.from.localSecond(year: year) - standard, summer.offset))
            changes.append((summer.to.localSecond(year: year) - summer.offset, standard))
        }
        changes.sort { $0.time < $1.time }
        // Where a summer ends as the next begins (a zone that always has summer time) there is no change.
        var kept: [(time: Int64, offset: Int64)] = []
        for change in changes where change.time > instant {
            if kept.last?.time == change.time { kept.removeLast() } else { kept.append(change) }
        }
        return kept
    }

    static func == (left: RecurringOffsets, right: RecurringOffsets) -> Bool {
        left.standard == right.standard && left.summer?.offset == right.summer?.offset
            && left.summer?.from == right.summer?.from && left.summer?.to == right.summer?.to
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(standard)
        hasher.combine(summer?.offset)
    }
}

extension RecurringOffsets {
    /// What `text` says, or nil if it is wrong.
    init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        guard RecurringOffsets.skipName(&rest), let west = RecurringOffsets.seconds(&rest) else {
            return nil
        }
        standard = -west
        summer = nil
        guard !rest.isEmpty else { return }
        guard RecurringOffsets.skipName(&rest) else { return nil }
        var offset = standard + 3600
        if rest.first != UInt8(ascii: ",") {
            guard let west = RecurringOffsets.seconds(&rest) else { return nil }
            offset = -west
        }
        guard rest.popFirst() == UInt8(ascii: ","), let from = RecurringOffsets.moment(&rest),
            rest.popFirst() == UInt8(ascii: ","), let to = RecurringOffsets.moment(&rest), rest.isEmpty
        else { return nil }
        summer = (offset, from, to)
    }

    private static func skipName(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let count = rest.count
        if rest.first == UInt8(ascii: "<") {
            guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
            rest = rest[(end + 1)...]
        } else {
            rest = rest.drop { ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z") }
        }
        return rest.count < count
    }

    /// A whole number of at most three digits.
    private static func number(_ rest: inout ArraySlice<UInt8>) -> Int? {
        let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard (1...3).contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// A time `[+-]hh[:mm[:ss]]`.
    private static func seconds(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        var sign: Int64 = 1
        if let first = rest.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            sign = first == UInt8(ascii: "-") ? -1 : 1
            rest = rest.dropFirst()
        }
        guard let hours = number(&rest), hours <= 167 else { return nil }
        var total = Int64(hours) * 3600
        for unit in [60, 1] as [Int64] where rest.first == UInt8(ascii: ":") {
            rest = rest.dropFirst()
            guard let part = number(&rest), part < 60 else { return nil }
            total += Int64(part) * unit
        }
        return sign * total
    }

    private static func moment(_ rest: inout ArraySlice<UInt8>) -> Moment? {
        let day: Moment.Day
        switch rest.first {
        case UInt8(ascii: "M"):
            rest = rest.dropFirst()
            guard let month = number(&rest), (1...12).contains(month),
                rest.popFirst() == UInt8(ascii: "."),
                let nth = number(&rest), (1...5).contains(nth), rest.popFirst() == UInt8(ascii: "."),
                let weekday = number(&rest), weekday <= 6
            else { return nil }
            day = .weekday(month: month, nth: nth, weekday: weekday)
        case UInt8(ascii: "J"):
            rest = rest.dropFirst()
            guard let number = number(&rest), (1...365).contains(number) else { return nil }
            day = .withoutLeapDay(number)
        default:
            guard let number = number(&rest), number <= 365 else { return nil }
            day = .withLeapDay(number)
        }
        var second: Int64 = 7200
        if rest.first == UInt8(ascii: "/") {
            rest = rest.dropFirst()
            guard let given = seconds(&rest) else { return nil }
            second = given
        }
        return Moment(day: day, second: second)
    }
}
