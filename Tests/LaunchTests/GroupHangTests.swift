// Groups of ranks with separate runs: each group watches its ranks, and waits for other groups without a limit.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

extension FaultTests {
    @Suite("groups of ranks that wait")
    struct GroupHangTests {
        private static var program: URL { get throws { try BuiltProduct.named("GroupRanks") } }

        @Test("a group that waits for another one for longer than the timeout is not a hang")
        func waiting() async throws {
            let folder = try TestFolder()
            let run = try await MPIRun.run(Self.program, ["6", "3"], ranks: 4, in: folder.url)
            #expect(run.exitCode == 0, "\(run.errors)")
            #expect(run.output == "done\n")
            #expect(!folder.has("group-0/failure.json") && !folder.has("group-1/failure.json"))
        }

        @Test("a rank that is stopped in its group is named by its number in the job")
        func stopped() async throws {
            let folder = try TestFolder()
            let run = try StartedRun(
                Self.program, ["60", "4"], ranks: 4, in: folder.url, environment: MPIRun.usualWaits)
            let ranks = try await run.ranks(4)
            try #require(await becomesTrue { folder.has("working") })
            kill(ranks[3], SIGSTOP)
            let ended = try await run.result()
            #expect(ended.exitCode == 70)
            let host = ProcessInfo.processInfo.hostName
            let report = try #require(
                ended.errors.wholeMatch(
                    of:
                        #/lstm-dist: rank 2 on (\S+) has waited \d+ s in MPI_Allreduce, in training after step \d+: (.*)\. The job ends .*\n/#
                )?.output, "\(ended.errors)")
            #expect(report.1 == host && report.2 == "rank 3 on \(host) has not arrived: it is stopped (SIGSTOP)")
            let failure = try JSONValue(parsing: folder.text(of: "group-1/failure.json"))
            #expect(failure["rank"]?.integerValue == 3)
            #expect(!folder.has("group-0/failure.json"))
        }
    }
}
