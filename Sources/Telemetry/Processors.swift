import Glibc

/// The processors of this machine.
package enum Processors {
    /// How many of them the process may use, which can be fewer than there are.
    package static let count: Int = {
        let name = "Cpus_allowed_list:"
        let lines = ProcFile.read("/proc/self/status")?.split(separator: "\n") ?? []
        let list = lines.first { $0.hasPrefix(name) }?.dropFirst(name.count)
        return list.flatMap { count(inList: String($0)) } ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }()

    /// How many numbers a list such as `0-3,8` has; nil if it is no such list.
    static func count(inList list: String) -> Int? {
        var count = 0
        for part in list.filter({ !$0.isWhitespace }).split(separator: ",") {
            let ends = part.split(separator: "-").map { Int(String($0)) }
            guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last
            else { return nil }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }
}
