package import MPI

/// The small sums of a step over all ranks: counts, losses, requests, and now and then each rank's report. One MPI_Allreduce.
package final class StepSums {
    private let communicator: Communicator
    private let sequences: Int
    private let requestCount: Int
    /// Scored steps, steps, how many ranks raise each of the requests; then the loss of each sequence; then an error a
    /// sequence; then, in steps that ask for it, each rank's report.
    private var sums: [Double]
    /// Index of the first loss, and of the first report.
    private let firstLoss: Int
    private let firstReport: Int

    /// What a rank contributes.
    package struct Share {
        /// The global number of its first sequence of the step.
        package var firstSequence: Int
        package var result: StepResult
        /// A bit for each request that this rank raises.
        package var requests: UInt32
        /// In a step in which all ranks give one.
        package var report: RankReport?

        package init(
            firstSequence: Int, result: StepResult, requests: UInt32, report: RankReport?
        ) {
            self.firstSequence = firstSequence
            self.result = result
            self.requests = requests
            self.report = report
        }
    }

    /// The sums over all ranks.
    package struct Total {
        /// Summed over the scored time steps.
        package var loss = 0.0
        package var scored = 0
        package var steps = 0
        /// The requests of any rank.
        package var requests: UInt32 = 0

        /// What divides summed losses and gradients into means.
        package var divisor: Double { Double(max(scored, 1)) }

        /// The mean loss over the scored time steps.
        package var meanLoss: Double { loss / divisor }

        /// The factor of the summed gradients: divides them by the count and scales the mean to a norm of at most `clipNorm`
        /// (0: any). Source: Pascanu et al. (2013), algorithm 1; the 1e-6 is PyTorch's.
        package func scale(gradientNorm: Double, clippingTo clipNorm: Double) -> Float {
            let clip = clipNorm > 0 ? min(1, clipNorm / (gradientNorm + 1e-6)) : 1
            return Float(clip / divisor)
        }
    }

    /// - Parameters:
    ///   - sequences: of the largest step, over all ranks.
    ///   - requestCount: different requests that a rank can raise.
    ///   - wantsErrors: whether the task has an error a sequence.
    package init(_ communicator: Communicator, sequences: Int, requestCount: Int, wantsErrors: Bool) {
        self.communicator = communicator
        self.sequences = sequences
        self.requestCount = requestCount
        firstLoss = 2 + requestCount
        firstReport = Self.count(sequences: sequences, requestCount: requestCount, wantsErrors: wantsErrors)
        sums = [Double](repeating: 0, count: firstReport + RankReport.count * communicator.size)
    }

    /// The number of sums of a step without reports.
    package static func count(sequences: Int, requestCount: Int, wantsErrors: Bool) -> Int {
        2 + requestCount + (wantsErrors ? 2 : 1) * sequences
    }

    /// Sums over ranks. Returns when all ranks have called it. Collective (MPI_Allreduce).
    package func reduce(_ share: Share) throws -> Total {
        for index in sums.indices { sums[index] = 0 }
        sums[0] = Double(share.result.scored)
        sums[1] = Double(share.result.steps)
        for request in 0..<requestCount where share.requests & 1 << UInt32(request) != 0 { sums[2 + request] = 1 }
        if let report = share.report {
            let first = firstReport + communicator.rank * RankReport.count
            for number in 0..<RankReport.count { sums[first + number] = report[number] }
        }
        // Only one rank has a value of each sequence, so that these sums are exact.
        let first = firstLoss + share.firstSequence
        for (index, loss) in share.result.sequenceLosses.enumerated() { sums[first + index] = loss }
        for (index, error) in share.result.sequenceErrors.enumerated() where first + sequences + index < firstReport {
            sums[first + sequences + index] = Double(error)
        }
        let count = share.report == nil ? firstReport : sums.count
        let communicator = communicator
        try sums.withUnsafeMutableBufferPointer {
            try communicator.allreduce(UnsafeMutableBufferPointer(rebasing: $0[..<count]), .sum)
        }
        var total = Total()
        for loss in sums[firstLoss..<firstLoss + sequences] { total.loss += loss }
        total.scored = Int(sums[0])
        total.steps = Int(sums[1])
        for request in 0..<requestCount where sums[2 + request] > 0 { total.requests |= 1 << UInt32(request) }
        return total
    }

    /// Errors of the step's sequences over all ranks, after `reduce`.
    package var sequenceErrors: ArraySlice<Double> { sums[min(firstLoss + sequences, firstReport)..<firstReport] }

    /// Each rank's report, after a `reduce` with reports.
    package var rankReports: [RankReport] {
        stride(from: firstReport, to: sums.count, by: RankReport.count).map {
            RankReport(sums[$0..<$0 + RankReport.count])
        }
    }
}
