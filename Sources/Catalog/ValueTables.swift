import Foundation
import GRDB
import Glibc

/// Values of metrics as tables of a SQLite file for other programs: `Metric(id, name)`,
/// `HourlyValue(metric, date, hour, value)` and `DailyValue(metric, date, value)`.
package struct ValueTables {
    /// A value of an hour or a day.
    package struct Row: Hashable, Sendable {
        /// The date, such as `2018-04-05`.
        package var date: String
        /// The hour of the day, from 0; nil for the whole day.
        package var hour: Int?
        /// The value.
        package var value: Double

        /// A row of these values.
        package init(date: String, hour: Int?, value: Double) {
            self.date = date
            self.hour = hour
            self.value = value
        }
    }

    /// How many rows were written.
    package private(set) var counts = (metrics: 0, hours: 0, days: 0)

    private let path: String
    private let partPath: String
    private let queue: DatabaseQueue

    /// A new file, which takes the place of the one at `path` when it is finished.
    ///
    /// - Throws: `CatalogError` if it cannot be made.
    package init(path: String) throws(CatalogError) {
        self.path = path
        partPath = path + ".part"
        do {
            // There may be none; one that stays shows when it is opened.
            try? FileManager.default.removeItem(atPath: partPath)
            queue = try DatabaseQueue(path: partPath)
            try queue.write { database in
                try database.execute(
                    sql: """
                        CREATE TABLE Metric (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
                        CREATE TABLE HourlyValue (
                            metric INTEGER NOT NULL REFERENCES Metric(id), date TEXT NOT NULL,
                            hour INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY (metric, date, hour));
                        CREATE TABLE DailyValue (
                            metric INTEGER NOT NULL REFERENCES Metric(id), date TEXT NOT NULL,
                            value REAL NOT NULL, PRIMARY KEY (metric, date));
                        """
                )
            }
        } catch {
            throw .export(path: path, reason: "\(error)")
        }
    }

    /// Adds rows of a metric; rows that are there already are replaced.
    package mutating func add(_ metric: String, _ rows: [Row]) throws(CatalogError) {
        do {
            let (isNew, hours, days) = try queue.write { database in
                try database.execute(
                    sql: "INSERT OR IGNORE INTO Metric (name) VALUES (?)",
                    arguments: [metric]
                )
                let isNew = database.changesCount > 0
                let id = try Int64.fetchOne(
                    database,
                    sql: "SELECT id FROM Metric WHERE name = ?",
                    arguments: [metric]
                )
                let hourly = try database.makeStatement(sql: "REPLACE INTO HourlyValue VALUES (?, ?, ?, ?)")
                let daily = try database.makeStatement(sql: "REPLACE INTO DailyValue VALUES (?, ?, ?)")
                var (hours, days) = (0, 0)
                for row in rows {
                    if let hour = row.hour {
                        try hourly.execute(arguments: [id, row.date, hour, row.value])
                        hours += 1
                    } else {
                        try daily.execute(arguments: [id, row.date, row.value])
                        days += 1
                    }
                }
                return (isNew, hours, days)
            }
            counts = (counts.metrics + (isNew ? 1 : 0), counts.hours + hours, counts.days + days)
        } catch {
            throw .export(path: path, reason: "\(error)")
        }
    }

    /// Puts the file in the place of the one that was there.
    package func finish() throws(CatalogError) {
        do {
            try queue.close()
        } catch {
            throw .export(path: path, reason: "\(error)")
        }
        guard unsafe rename(partPath, path) == 0 else {
            throw .export(path: path, reason: unsafe String(cString: strerror(errno)))
        }
    }

    /// Removes what was written of a file that is not finished.
    package func discard() {
        // It has a name that does not count; what cannot be removed is written over by the next export.
        try? queue.close()
        try? FileManager.default.removeItem(atPath: partPath)
    }
}
