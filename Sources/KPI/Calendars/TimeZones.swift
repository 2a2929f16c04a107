import Foundation
import Model
import Synchronization

/// The time zones of this machine, by their IANA names.
///
/// They come from the system's time zone files (Debian's package `tzdata`), so that its updates count here
/// too. `UTC` needs no file.
package final class TimeZones: Sendable {
    /// The zones of the folder that systems keep them in.
    package static let system = TimeZones(folder: "/usr/share/zoneinfo")

    private let folder: String
    private let known = Mutex<[ByteText: TimeZoneRules]>([:])

    /// The zones of the files below `folder`.
    package init(folder: String) {
        self.folder = folder
    }

    /// The zone of that name, or nil if there is none.
    package func zone(named name: String) -> TimeZoneRules? {
        if name == "UTC" { return .utc }
        if let zone = known.withLock({ $0[ByteText(name)] }) { return zone }
        guard TimeZones.isName(name),
            let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
            let zone = TimeZoneFile.parse([UInt8](data), name: name)
        else { return nil }
        known.withLock { $0[ByteText(name)] = zone }
        return zone
    }

    /// The names of all zones, for suggestions; empty where the machine has no list of them.
    package var names: [String] {
        var names = ["UTC"]
        for line in listing {
            let words = line.split(separator: " ")
            if words.count >= 2, words[0] == "Z" { names.append(String(words[1])) }
            if words.count >= 3, words[0] == "L" { names.append(String(words[2])) }
        }
        return names
    }

    /// The version of the zone data, such as `2025b`; nil if the machine does not tell.
    package var version: String? {
        guard let first = listing.first, first.hasPrefix("# version ") else { return nil }
        return String(first.dropFirst("# version ".count))
    }

    private var listing: [Substring] {
        guard let data = FileManager.default.contents(atPath: "\(folder)/tzdata.zi") else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n")
    }

    /// Whether `name` is a path below the folder that cannot leave it.
    private static func isName(_ name: String) -> Bool {
        guard name.utf8.count <= 64,
            name.utf8.first.map({ ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7a }) == true
        else { return false }
        return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty
                && part.utf8.allSatisfy { byte in
                    (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a || byte >= 0x30 && byte <= 0x39
                        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
                }
        }
    }
}
