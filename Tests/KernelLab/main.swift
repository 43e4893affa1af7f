// Versions of the product kernels, each checked against a plain loop and then timed: the choices of `Tuning` and their
// alternatives.
//
//     launch/dev/kernel-lab            # all of them, a few seconds each
//     launch/dev/kernel-lab 3          # fewer rounds
import Kernels
import Tensors

let lab = Lab(rounds: CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 15)
tileHeights(lab, hidden: 650)
recurrentProduct(lab, rows: 20, hidden: 650)
recurrentProduct(lab, rows: 50, hidden: 512)
recurrentProduct(lab, rows: 20, hidden: 1500)
gradientOfInput(lab, rows: 700, hidden: 650)
weightGradient(lab, window: 35, sequences: 20, hidden: 650)
weightGradient(lab, window: 50, sequences: 50, hidden: 512)
sharedWeightGradient(lab, rows: 10_000, hidden: 650, steps: 350)
sharedWeightGradient(lab, rows: 10_000, hidden: 650, steps: 700)
sharedWeightGradient(lab, rows: 2_600, hidden: 650, steps: 700)
sharedWeightGradient(lab, rows: 10_000, hidden: 200, steps: 400)
