// lstm-dist on real ranks: its output, its files, and its exit.

import Foundation
import Testing

/// Trainings and their results. In each of these suites, one test at a time: the ranks of many runs would compete for
/// the cores. The suites themselves run concurrently, because a run waits most of the time, for the start and the end of
/// its processes.
@Suite("trainings on real ranks", .serialized)
enum LaunchTests {}

/// What fails, ends or is stopped during a training.
@Suite("faults on real ranks", .serialized)
enum FaultTests {}

/// The command line, its messages, and the scripts.
@Suite("commands on real ranks", .serialized)
enum CommandLineTests {}

/// Tests that mostly sleep, until a lock or a time is over: several at the same time.
@Suite("waits for locks and times")
enum WaitingTests {}

/// A selection of a test's cases; with LSTM_DIST_ALL_CASES=1, which launch/dev/all-cases sets, all of them.
func selection<Case>(_ few: [Case], of all: [Case]) -> [Case] {
    ProcessInfo.processInfo.environment["LSTM_DIST_ALL_CASES"] == "1" ? all : few
}
