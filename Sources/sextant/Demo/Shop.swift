import Foundation
import Model

/// The business of the example shop: how many visits there are at a time, and what becomes of them.
///
/// Everything is a function of the seed and the time, so that a demo that is started again goes on where the
/// last one ended. The day and the week are those of UTC.
struct Shop: Sendable {
    /// The counters of the shop, in the order of the funnel, then the rest.
    static let counters = ["visits", "product_views", "checkouts", "orders", "signups", "revenue"]
    /// What the counters count, in the same order.
    static let helps = [
        "Visits of the shop.", "Visits in which a product was looked at.",
        "Visits in which the checkout was opened.", "Orders placed.", "Customer accounts opened.",
        "Value of the orders in euros.",
    ]

    /// A way by which visitors come, and what they do then.
    struct Channel: Sendable {
        let name: String
        /// The part of all visits.
        let share: Double
        /// Of the visits, how many look at a product; of those, how many open the checkout; and so on.
        let view: Double
        let checkout: Double
        let order: Double
        let signup: Double
        /// The typical value of an order in euros.
        let basket: Double
    }

    /// Where visitors live.
    struct Country: Sendable {
        let code: String
        /// The part of all visits.
        let share: Double
        /// How much an order is worth there, compared with the average.
        let basket: Double
    }

    /// The channels.
    static let channels = [
        Channel(
            name: "direct",
            share: 0.28,
            view: 0.62,
            checkout: 0.17,
            order: 0.72,
            signup: 0.022,
            basket: 52
        ),
        Channel(
            name: "search",
            share: 0.34,
            view: 0.66,
            checkout: 0.12,
            order: 0.64,
            signup: 0.031,
            basket: 44
        ),
        Channel(name: "ads", share: 0.20, view: 0.48, checkout: 0.09, order: 0.55, signup: 0.026, basket: 39),
        Channel(
            name: "mail",
            share: 0.11,
            view: 0.71,
            checkout: 0.21,
            order: 0.76,
            signup: 0.008,
            basket: 57
        ),
        Channel(
            name: "partner",
            share: 0.07,
            view: 0.57,
            checkout: 0.13,
            order: 0.61,
            signup: 0.045,
            basket: 48
        ),
    ]

    /// The countries.
    static let countries = [
        Country(code: "DE", share: 0.58, basket: 1), Country(code: "AT", share: 0.16, basket: 0.96),
        Country(code: "CH", share: 0.14, basket: 1.22), Country(code: "NL", share: 0.12, basket: 0.91),
    ]

    /// How many pairs of channel and country there are; those of a channel stand together.
    static let sourceCount = channels.count * countries.count

    /// Visits in an hour at an average time of the first day.
    private static let visitsPerHour = 3200.0
    private static let hourMillis: Int64 = 3_600_000
    private static let dayMillis: Int64 = 24 * hourMillis

    /// What makes one demo different from another.
    let seed: UInt64
    /// The day on which the shop opened; growth, campaigns and incidents count from it.
    let opening: Timestamp

    /// A shop that opened on the day of `opening`.
    init(seed: UInt64, opening: Timestamp) {
        self.seed = seed
        self.opening = opening.floored(toMillis: Shop.dayMillis)
    }

    /// What happens in the `millis` before `time` at one source, as additions to its counters.
    ///
    /// They are in the order of `counters`, revenue in cents. `factor` is how busy the shop is, compared
    /// with usual.
    func events(source: Int, before time: Timestamp, millis: Int64, factor: Double = 1) -> [Int64] {
        let channel = Shop.channels[source / Shop.countries.count]
        let country = Shop.countries[source % Shop.countries.count]
        var random = SplitMix(seed: seed, row: time.millis, column: source)
        let campaign = isCampaign(time)
        var mean = Shop.visitsPerHour * Double(millis) / Double(Shop.hourMillis) * factor
        mean *= channel.share * country.share * activity(time)
        if campaign { mean *= channel.name == "ads" ? 2.6 : channel.name == "mail" ? 1.8 : 1.05 }
        // Those whom a campaign brings are less determined, but they like to have an account.
        let zeal = campaign && channel.name == "ads" ? 0.8 : 1
        let payment = isIncident(time) ? 0.12 : 1

        let visits = random.eventCount(mean: mean)
        let views = random.successCount(of: visits, part: channel.view)
        let checkouts = random.successCount(of: views, part: channel.checkout * zeal)
        let orders = random.successCount(of: checkouts, part: channel.order * payment)
        let signups = random.successCount(of: visits, part: min(1, channel.signup * (campaign ? 1.5 : 1)))
        var cents: Int64 = 0
        for _ in 0..<orders {
            // A few large baskets among many of the usual size.
            let size = 0.55 + 0.9 * random.fraction() * (0.4 + 1.2 * random.fraction())
            cents += Int64((channel.basket * country.basket * size * 100).rounded())
        }
        return [Int64(visits), Int64(views), Int64(checkouts), Int64(orders), Int64(signups), cents]
    }

    /// How busy the shop is at `time`: 1 on average in the first week, by the hour, the weekday and growth.
    func activity(_ time: Timestamp) -> Double {
        let day = time.floored(toMillis: Shop.dayMillis)
        let hour = Double(time.millis - day.millis) / Double(Shop.hourMillis)
        // Quiet around three in the morning, a rise until noon, the most around six in the evening.
        let daily = 1 - 0.68 * cos((hour - 4) / 24 * 2 * .pi) - 0.26 * cos((hour - 2) / 12 * 2 * .pi)
        // 1970-01-01 was a Thursday; from Monday on.
        let weekday = Int(((day.millis / Shop.dayMillis + 3) % 7 + 7) % 7)
        let weekly = [1.06, 1, 0.97, 0.98, 0.92, 0.93, 1.14][weekday]
        let age = max(0, Double(time.millis - opening.millis) / Double(Shop.dayMillis))
        let growth = 1 + 1.1 * (1 - exp(-age / 130))
        var weather = SplitMix(seed: seed, row: day.millis, column: -1)
        return max(0.04, daily) * weekly * growth * (1 + 0.04 * weather.bell())
    }

    /// Whether a campaign runs: four days in thirty, from the 13th day on.
    func isCampaign(_ time: Timestamp) -> Bool { (12..<16).contains(day(time)) }

    /// Whether customers cannot pay: from 10 to 16 o'clock on the 22nd day, and every thirty days.
    func isIncident(_ time: Timestamp) -> Bool {
        guard day(time) == 21 else { return false }
        let millis = time.millis - time.floored(toMillis: Shop.dayMillis).millis
        return (10 * Shop.hourMillis..<16 * Shop.hourMillis).contains(millis)
    }

    /// The day since the opening, 0 to 29, again and again.
    private func day(_ time: Timestamp) -> Int64 {
        let days = (time.floored(toMillis: Shop.dayMillis).millis - opening.millis) / Shop.dayMillis
        return (days % 30 + 30) % 30
    }
}
