/// The label that says how long a time a sample of records is about.
public enum Granularity {
    /// The name of the label.
    public static let label = "granularity"
    /// Its value for samples about a whole day, which stand at the day's first instant.
    public static let day = "day"
    /// Shorter ranges have no part in samples about a day, in milliseconds; no local day is shorter.
    public static let shortestDayMillis: Int64 = 20 * 3_600_000
}
