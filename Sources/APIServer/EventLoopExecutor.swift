import NIOCore

/// Runs the tasks of a connection on the thread that reads and writes it, so that a request which is answered
/// there needs no other thread.
///
/// What takes long, or waits for a disk, must not run here: all connections of the loop would wait.
final class EventLoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    /// An executor on the thread of `eventLoop`.
    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Has the job run when the loop gets to it.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute {
            unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
