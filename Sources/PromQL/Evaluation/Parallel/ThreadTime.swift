import Glibc

/// The processor time that the calling thread has used.
package enum ThreadTime {
    /// Since the thread began.
    package static var now: Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
