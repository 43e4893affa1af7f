// What works without starting MPI: descriptions, and the state before the start.

import Foundation
import MPI
import Testing

@Suite("MPI before its start")
struct WordsTests {
    @Test("an error of MPI is a sentence with the call, MPI's own text and the code")
    func mpiError() {
        let error = MPIError(call: "MPI_Bcast", code: 8, text: "MPI_ERR_ROOT: invalid root")
        #expect(error.description == "MPI_Bcast failed: MPI_ERR_ROOT: invalid root (error code 8).")
    }

    @Test("an agreed failure names rank and host only if not all ranks failed")
    func agreedFailure() {
        func failure(_ failed: Int) -> AgreedFailure {
            AgreedFailure(
                rank: 2, host: "node7", message: "data.txt: is empty.", exitCode: 2, ranksFailed: failed, ranks: 3)
        }
        #expect(failure(1).description == "rank 2 on node7: data.txt: is empty.")
        #expect(failure(3).description == "data.txt: is empty.")
    }

    @Test("version and host are known before MPI is started")
    func beforeStart() throws {
        #expect(!Job.isRunning)
        #expect(Job.versionOfMPI.contains("MPI"))
        #expect(!Job.versionOfMPI.contains { $0.isNewline || $0 == "\0" })
        let host = try String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)
        #expect(Job.hostName + "\n" == host)
    }

    @Test("finish before start does nothing")
    func finish() {
        Job.finish()
        #expect(!Job.isRunning)
    }
}
