import Sequences
import Tensors
import Testing

/// All generated tasks.
private let tasks: [any GeneratedTask] = [Reber(), Adding(length: 30), TemporalOrder()]

@Suite("Batches of generated sequences")
struct GeneratedSourceTests {
    private func source(
        _ task: any GeneratedTask, _ purpose: CounterRandom.Purpose = .trainingSequence, seed: UInt64 = 1, batch: Int,
        perEpoch: Int
    ) -> GeneratedSource {
        GeneratedSource(task, purpose: purpose, seed: seed, batch: batch, perEpoch: perEpoch)
    }

    private func read(_ source: GeneratedSource, _ rows: Range<Int>, step: Int = 0, epoch: Int = 1) -> Batch {
        var source = source
        var batch = Batch()
        source.read(rows, step: step, epoch: epoch, into: &batch)
        return batch
    }

    private func width(_ task: any GeneratedTask) -> Int {
        guard case .features(let width) = task.shape.input else { return 0 }
        return width
    }

    @Test("all of the table's generated tasks are tested here")
    func all() {
        let generated = TaskTable.all.filter { $0 is any GeneratedTask.Type }.map { $0.name }
        #expect(generated == tasks.map { type(of: $0).name })
    }

    @Test("a sequence doesn't depend on the sequences that are read with it, or on the rank")
    func rows() {
        for task in tasks {
            let source = source(task, batch: 10, perEpoch: 40)
            let whole = read(source, 0..<10, step: 2, epoch: 3)
            for rows in [0..<1, 3..<7, 9..<10, 0..<5, 5..<10, 4..<4] {
                let part = read(source, rows, step: 2, epoch: 3)
                #expect(part.sequences == rows.count && part.firstStream == rows.lowerBound)
                for (b, row) in rows.enumerated() {
                    #expect(
                        part.row(b, equals: whole, row, features: width(task)), "row \(row) of \(type(of: task).name)")
                }
            }
        }
    }

    @Test("the window is the longest sequence that is read, and no time step is counted twice")
    func windows() {
        for task in tasks {
            let source = source(task, batch: 8, perEpoch: 8)
            let alone = (0..<8).map { read(source, $0..<$0 + 1).window }
            let whole = read(source, 0..<8)
            #expect(whole.window == alone.max())
            #expect(whole.steps == alone.reduce(0, +))
            #expect(Set(alone).count > 1)
        }
    }

    @Test("padding is zero and unscored, also in memory that was used before")
    func padding() {
        for task in tasks {
            var source = source(task, batch: 8, perEpoch: 80)
            var batch = Batch()
            for step in 0..<10 {
                source.read(0..<8, step: step, epoch: 1, into: &batch)
                #expect(batch.position == step * source.longestWindow)
                for b in 0..<8 {
                    let alone = read(source, b..<b + 1, step: step)
                    #expect(batch.row(b, equals: alone, 0, features: width(task)))
                }
            }
        }
    }

    @Test("the n-th sequence of an epoch does not depend on the batch's size")
    func batchSize() {
        for task in tasks {
            let four = source(task, batch: 4, perEpoch: 24)
            let six = source(task, batch: 6, perEpoch: 24)
            for index in 0..<24 {
                let a = read(four, index % 4..<index % 4 + 1, step: index / 4)
                let b = read(six, index % 6..<index % 6 + 1, step: index / 6)
                #expect(a.row(0, equals: b, 0, features: width(task)))
            }
        }
    }

    @Test("sequences of training and validation, of other seeds and of other epochs differ")
    func draws() {
        // The adding problem, whose sequences are never equal by chance.
        let task = Adding(length: 30)
        var seen: Set<[Float]> = []
        var count = 0
        for seed: UInt64 in [1, 2] {
            for purpose in [CounterRandom.Purpose.trainingSequence, .validationSequence] {
                for epoch in purpose == .validationSequence ? [1] : [1, 2] {
                    let source = source(task, purpose, seed: seed, batch: 50, perEpoch: 50)
                    for row in 0..<50 {
                        seen.insert(read(source, row..<row + 1, epoch: epoch).features)
                        count += 1
                    }
                }
            }
        }
        #expect(seen.count == count)
    }

    @Test("validation draws the same sequences in every epoch")
    func validation() {
        for task in tasks {
            let source = source(task, .validationSequence, batch: 5, perEpoch: 10)
            let (first, ninth) = (read(source, 0..<5, step: 1, epoch: 1), read(source, 0..<5, step: 1, epoch: 9))
            #expect(first.features == ninth.features && first.targets == ninth.targets)
            #expect(first.targetValues == ninth.targetValues)
        }
    }

    @Test(
        "the last batch of an epoch holds what is left", arguments: [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 5, [3])])
    func lastBatch(perEpoch: Int, batch: Int, rows: [Int]) {
        let source = source(Reber(), batch: batch, perEpoch: perEpoch)
        #expect(source.stepsPerEpoch == rows.count)
        #expect((0..<source.stepsPerEpoch).map { source.rows(inStep: $0) } == rows)
        #expect(!source.carriesState)
    }
}
