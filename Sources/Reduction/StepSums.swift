package import MPI

/// The small sums of a step over all ranks: counts, losses, requests, and at intervals each rank's report. One
/// MPI_Allreduce.
package final class StepSums {
    private let communicator: Communicator
    private let requestCount: Int
    /// The number of scored time steps, of all time steps, and of ranks that raise each request; then the loss of each
    /// node; then the error of each sequence, if there are errors; then, in steps with reports, each rank's report.
    private var sums: [Double]
    /// Index of the first loss, of the first error, and of the first report.
    private let firstLoss: Int
    private let firstError: Int
    private let firstReport: Int
    /// For each size of step that occurs.
    private let nodes: [LossNodes]
    private var waiting: [Double] = []

    /// The contribution of one rank.
    package struct Share {
        /// The number of sequences of the step, over all ranks.
        package var sequences: Int
        package var result: StepResult
        /// A bit for each request that this rank raises.
        package var requests: UInt32
        /// Set in steps in which all ranks report; else nil.
        package var report: RankReport?

        package init(
            sequences: Int, result: StepResult, requests: UInt32, report: RankReport?
        ) {
            self.sequences = sequences
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
        /// The requests that at least one rank raises.
        package var requests: UInt32 = 0

        /// What divides summed losses and gradients into means.
        package var divisor: Double { Double(max(scored, 1)) }

        /// The mean loss over the scored time steps.
        package var meanLoss: Double { loss / divisor }

        /// The factor for the summed gradients: divides them by the count and scales the mean to a norm of at most
        /// `clipNorm` (0: no limit). Source: Pascanu et al. (2013), algorithm 1; the 1e-6 is PyTorch's.
        package func scale(gradientNorm: Double, clippingTo clipNorm: Double) -> Float {
            let clip = clipNorm > 0 ? min(1, clipNorm / (gradientNorm + 1e-6)) : 1
            return Float(clip / divisor)
        }
    }

    /// - Parameters:
    ///   - sequences: the number of sequences, over all ranks, of each size of step that occurs.
    ///   - requestCount: the number of different requests that a rank can raise.
    ///   - wantsErrors: whether the task has an error for each sequence.
    package init(_ communicator: Communicator, sequences: [Int], requestCount: Int, wantsErrors: Bool) {
        self.communicator = communicator
        self.requestCount = requestCount
        nodes = sequences.map { LossNodes(sequences: $0, rank: communicator.rank, of: communicator.size) }
        firstLoss = 2 + requestCount
        firstError = firstLoss + (nodes.map(\.count).max() ?? 0)
        firstReport = firstError + (wantsErrors ? sequences.max() ?? 0 : 0)
        sums = [Double](repeating: 0, count: firstReport + RankReport.count * communicator.size)
    }

    /// The number of sums of a step without reports.
    package var count: Int { firstReport }

    /// Sums over ranks. Returns when all ranks have called it. Collective (MPI_Allreduce).
    package func reduce(_ share: Share) throws -> Total {
        for index in sums.indices { sums[index] = 0 }
        sums[0] = Double(share.result.scored)
        sums[1] = Double(share.result.steps)
        for request in 0..<requestCount where share.requests & 1 << UInt32(request) != 0 { sums[2 + request] = 1 }
        if let report = share.report {
            let first = firstReport + communicator.rank * RankReport.count
            for index in 0..<RankReport.count { sums[first + index] = report[index] }
        }
        guard let nodes = nodes.first(where: { $0.sequences == share.sequences }) else {
            preconditionFailure("no step was announced of \(share.sequences) sequences")
        }
        // Only one rank has a value for each node and sequence, so these sums are exact.
        sums.withUnsafeMutableBufferPointer {
            nodes.put(share.result.sequenceLosses, into: $0.baseAddress! + firstLoss)
        }
        let local = Shard.rows(share.sequences, part: communicator.rank, of: communicator.size)
        for (sequence, error) in zip(local, share.result.sequenceErrors) where firstError < firstReport {
            sums[firstError + sequence] = Double(error)
        }
        let count = share.report == nil ? firstReport : sums.count
        let communicator = communicator
        try sums.withUnsafeMutableBufferPointer {
            try communicator.allreduce(UnsafeMutableBufferPointer(rebasing: $0[..<count]), .sum)
        }
        var total = Total()
        total.loss = sums.withUnsafeBufferPointer { nodes.total(of: $0.baseAddress! + firstLoss, &waiting) }
        total.scored = Int(sums[0])
        total.steps = Int(sums[1])
        for request in 0..<requestCount where sums[2 + request] > 0 { total.requests |= 1 << UInt32(request) }
        return total
    }

    /// The errors of the step's sequences over all ranks, after `reduce`.
    package var sequenceErrors: ArraySlice<Double> { sums[firstError..<firstReport] }

    /// Each rank's report, after a `reduce` with reports.
    package var rankReports: [RankReport] {
        stride(from: firstReport, to: sums.count, by: RankReport.count).map {
            RankReport(sums[$0..<$0 + RankReport.count])
        }
    }
}
