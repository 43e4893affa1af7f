import Foundation
import Reduction
import Synchronization
import Testing

@Suite("A team of threads", .timeLimit(.minutes(1)))
struct ThreadTeamTests {
    private struct Refusal: Error, Equatable { let thread: Int }

    @Test("every thread does its part once, concurrently with the others", arguments: [1, 2, 3, 7])
    func all(count: Int) throws {
        let team = try ThreadTeam(count)
        #expect(team.count == count)
        let arrived = Atomic<Int>(0)
        let threads = team.map { thread in
            // No thread continues before all have arrived, so they do not run one after the other.
            arrived.add(1, ordering: .releasing)
            while arrived.load(ordering: .acquiring) < count { sched_yield() }
            return (thread, pthread_self())
        }
        #expect(threads.map(\.0) == Array(0..<count))
        #expect(Set(threads.map(\.1)).count == count)
        #expect(threads[0].1 == pthread_self())
        #expect(arrived.load(ordering: .acquiring) == count)
    }

    @Test(
        "in each of many rounds every thread sees all writes of the previous round, also after a pause",
        arguments: [2, 5])
    func rounds(count: Int) throws {
        let team = try ThreadTeam(count)
        var numbers = [Int](repeating: 1, count: count)
        let rounds = 2000
        for round in 0..<rounds {
            if round.isMultiple(of: 500) { usleep(20_000) }  // the threads sleep by then
            let sums = numbers.withUnsafeMutableBufferPointer { memory in
                let places = memory
                let sums = team.map { _ in places.reduce(0, &+) }
                team.run { thread in places[thread] = sums[thread] &+ thread }
                return sums
            }
            #expect(Set(sums).count == 1)
        }
        var expected = [Int](repeating: 1, count: count)
        for _ in 0..<rounds {
            let sum = expected.reduce(0, &+)
            for thread in 0..<count { expected[thread] = sum &+ thread }
        }
        #expect(numbers == expected)
    }

    @Test(
        "the lowest thread's error is thrown when all have returned, and the team remains usable", arguments: [1, 2, 4])
    func errors(count: Int) throws {
        let team = try ThreadTeam(count)
        for failing in 0..<count {
            let ended = Atomic<Int>(0)
            #expect(throws: Refusal(thread: failing)) {
                try team.attempt { thread in
                    defer { ended.add(1, ordering: .releasing) }
                    if thread == 0 { usleep(1000) }
                    if thread >= failing { throw Refusal(thread: thread) }
                }
            }
            #expect(ended.load(ordering: .acquiring) == count)
            #expect(team.map { $0 } == Array(0..<count))
        }
    }

    @Test("threads flush subnormal numbers, as the kernels expect")
    func subnormals() throws {
        let team = try ThreadTeam(3)
        let products = team.map { thread -> Float in
            let tiny = Float.leastNormalMagnitude * (1 + Float(thread))
            return tiny * 0.25
        }
        #expect(products.dropFirst().allSatisfy { $0 == 0 })
    }

    @Test("a team ends its threads")
    func end() throws {
        var team: ThreadTeam? = try ThreadTeam(6)
        // The operating system's paths of threads: PROCESS/task/THREAD.
        let folders = try #require(team).map { _ in
            "/proc/" + ((try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")) ?? "")
        }
        func living() -> [String] { folders.filter { access($0, F_OK) == 0 } }
        #expect(Set(living()).count == 6)
        team = nil
        #expect(living() == [folders[0]])
    }

    @Test("a team's own threads block signals, which are for the main thread")
    func signals() throws {
        let team = try ThreadTeam(2)
        let blocked = team.map { _ in
            var set = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &set)
            return sigismember(&set, SIGTERM) == 1
        }
        #expect(blocked[1])
        var mainMask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mainMask)
        #expect((sigismember(&mainMask, SIGTERM) == 1) == blocked[0])
    }
}
