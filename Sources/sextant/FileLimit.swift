import Glibc

/// How many files and connections the process may have open.
enum FileLimit {
    /// Raises the limit as far as the system allows without rights, and returns it.
    ///
    /// Running into the limit must be avoided: a server that cannot accept a connection for lack of
    /// descriptors stops listening.
    static func raise() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if unsafe setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
