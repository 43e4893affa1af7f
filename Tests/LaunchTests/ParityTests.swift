// The same losses, gradients and weights as PyTorch, on any number of ranks.

import FileFormats
import Foundation
import LaunchSupport
import Optimization
import Recurrent
import TestSupport
import Testing

/// A case of Tests/Fixtures/pytorch/cases.json.
struct PyTorchCase: Sendable, CustomTestStringConvertible {
    let name: String
    let cell: String
    let dropout: Double
    let optimizer: JSONValue
    /// Keys of the model that differ from those of the other cases.
    let model: JSONValue
    let clipNorm: Double
    let initial: String
    let final: String
    let losses: [Double]
    let gradientNorms: [Double]
    var testDescription: String { name }

    static let all: [PyTorchCase] = {
        guard let text = try? String(contentsOf: ProjectFiles.fixtures.appending(path: "cases.json"), encoding: .utf8),
            let cases = try? JSONValue(parsing: text).arrayValue
        else { return [] }
        return cases.compactMap { PyTorchCase($0) }
    }()

    private init?(_ json: JSONValue) {
        guard let name = json["name"]?.stringValue, let cell = json["cell"]?.stringValue,
            let dropout = json["dropout"]?.numberValue, let optimizer = json["optimizer"], let model = json["model"],
            let clipNorm = json["clip_norm"]?.numberValue, let initial = json["initial"]?.stringValue,
            let final = json["final"]?.stringValue, let losses = json["losses"]?.arrayValue,
            let norms = json["gradient_norms"]?.arrayValue
        else { return nil }
        self.name = name
        self.cell = cell
        self.dropout = dropout
        self.optimizer = optimizer
        self.model = model
        self.clipNorm = clipNorm
        self.initial = initial
        self.final = final
        self.losses = losses.compactMap(\.numberValue)
        gradientNorms = norms.compactMap(\.numberValue)
    }

    /// One cell on every number of ranks, the others and dropout on 1 to 4, optimisers on three.
    var rankCounts: [Int] {
        let few = name == "cell-lstm" ? 1...5 : name.hasPrefix("cell-") || name == "dropout-lstm" ? 1...4 : 3...3
        return selection(Array(few), of: [1, 2, 3, 4, 5])
    }

    /// Sizes as in the fixtures' README: 12 streams divide by 1 to 4 ranks and not by 5.
    var config: String {
        let keys = (model.members ?? []).filter { $0.key != "embedding" }.map { ", \($0.key): \($0.value.text)" }
        return """
            task: language-model
            data: {train: \(ProjectFiles.fixtures.path)/text.txt, tokenizer: byte}
            model: {cell: \(cell), layers: 2, hidden: 9, embedding: \(model["embedding"]?.integerValue ?? 7), dropout: \(dropout)\(keys.joined())}
            training: {batch: 12, window: 7, steps: 30, clip_norm: \(clipNorm), optimizer: \(optimizer.text)}
            validation: {every_epochs: 0}
            logging: {every_steps: 1}

            """
    }
}

extension LaunchTests {
    @Suite("parity with PyTorch")
    struct ParityTests {
        /// Float32 itself differs from the same cases in Double by at most a tenth of these tolerances (fixtures'
        /// README).
        @Test(
            "losses, gradient norms and weights are PyTorch's",
            arguments: PyTorchCase.all.flatMap { example in example.rankCounts.map { (example, $0) } })
        func parity(example: PyTorchCase, ranks: Int) async throws {
            let folder = try TestFolder().write(example.config, to: "case.yaml")
            let run = try await folder.train(
                "case.yaml", into: "run", ranks: ranks,
                "--init-from", ProjectFiles.fixtures.appending(path: example.initial).path)
            expectClose(try run.figures(), example.losses, within: 1e-4)
            expectClose(try run.figures("gradient_norm"), example.gradientNorms, within: 1e-3, "gradient norms")
            let final = try SafetensorsFile(ProjectFiles.fixtures.appending(path: example.final).path)
            try expectClose(run.model(), final, within: 1e-4)
        }

        @Test("every cell and every optimiser has a case")
        func tables() {
            #expect(PyTorchCase.all.count == 23)
            #expect(Set(PyTorchCase.all.map(\.cell)) == Set(CellTable.all.map { $0.name }))
            #expect(
                Set(PyTorchCase.all.compactMap { $0.optimizer["name"]?.stringValue })
                    == Set(UpdateRuleTable.all.map { $0.name }))
        }
    }
}
