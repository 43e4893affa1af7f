// Versions of the product kernels, each checked against a plain loop and then timed: the choices of `Tuning` and their
// alternatives. Figures are fractions of the core's peak, of the median and of the best time.
//
//     launch/dev/kernel-lab            # all of them, some two minutes
//     launch/dev/kernel-lab 0.2        # fewer seconds for each version, instead of 0.7
import Benchmarks
import Kernels

prepareThreadForKernels()
let lab = Lab(seconds: CommandLine.arguments.dropFirst().first.flatMap { Double($0) } ?? 0.7)
tileHeights(lab, hidden: 650)
for (rows, hidden) in [(20, 650), (50, 512), (20, 1500), (20, 200)] {
    lab.compare(.recurrent(rows: rows, hidden: hidden), "block of k", \.recurrentBlock, [64, 128, 256, 768, 1536])
    lab.compare(.backward(rows: rows, hidden: hidden), "block of k", \.backwardBlock, [64, 128, 256, 512, 768, 6016])
}
for (rows, hidden) in [(700, 650), (2500, 512), (700, 1500), (400, 200)] {
    lab.compare(.gradientOfInput(rows: rows, hidden: hidden), "block of k", \.inputGradientBlock, [64, 128, 256, 640])
    lab.compare(
        .gradientOfInput(rows: rows, hidden: hidden), "rows at a time", \.inputGradientRows, [24, 48, 192, 700])
}
// A power of two of sequences makes the gates of consecutive steps share few sets of the L1 cache.
for (window, sequences, hidden) in [(35, 20, 650), (50, 50, 512), (50, 50, 128), (100, 31, 128), (100, 32, 128)] {
    lab.compare(
        .gradientOfWeight(window: window, sequences: sequences, hidden: hidden), "steps of a leaf at a time",
        \.leafBlock,
        [0, 32, 64, 100])
}
for (window, sequences, hidden) in [(20, 20, 200), (35, 10, 650), (35, 10, 1500)] {
    lab.compare(
        .gradientOfOutput(blocks: 12, hidden: hidden, window: window, sequences: sequences),
        "steps of a leaf at a time",
        \.leafBlock, [0, 32, 64])
}
for hidden in [200, 650, 1500] {
    var versions: [(String, Tuning)] = []
    for depth in [59, 88, 176] {
        for ahead in [0, Tuning.tileRows, 2 * Tuning.tileRows, 4 * Tuning.tileRows] {
            var tuning = Tuning.current
            (tuning.hiddenGradientBlock, tuning.hiddenGradientAhead) = (depth, ahead)
            versions.append(("block of k \(depth), weights prefetched \(ahead) ahead", tuning))
        }
    }
    lab.compare(.gradientOfHidden(blocks: 20, hidden: hidden, steps: 384), versions)
}
sharedWeightGradient(lab, rows: 10_000, hidden: 650, steps: 350)
sharedWeightGradient(lab, rows: 10_000, hidden: 650, steps: 700)
sharedWeightGradient(lab, rows: 2_600, hidden: 650, steps: 700)
sharedWeightGradient(lab, rows: 10_000, hidden: 200, steps: 400)
