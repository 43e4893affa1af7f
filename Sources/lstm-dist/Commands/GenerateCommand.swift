import ArgumentParser
import Foundation
import JobControl
import MPI
import Training

/// `lstm-dist generate`
struct GenerateCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Writes text with a language model, the prompt first.",
        discussion: """
            EXAMPLES
              lstm-dist generate runs/text --prompt "The " --length 300
              lstm-dist generate runs/text --temperature 0.5 --top-k 20 --seed 7
            """)

    @Argument(help: "A run folder, or a checkpoint.")
    var checkpoint: String
    @Option(help: "What the text begins with.")
    var prompt = ""
    @Option(help: "Tokens to write after the prompt.")
    var length = 200
    @Option(help: "0 takes the most likely token each time, 1 draws as the model expects.")
    var temperature: Float = 1
    @Option(help: "Draw among the k most likely tokens only.")
    var topK: Int?
    @Option(help: "Seed of the draws.")
    var seed: UInt64 = 1
    @OptionGroup var verbosity: Verbosity

    func validate() throws {
        if length < 0 { throw ValidationError("--length is \(length); accepted: 0 or more") }
        if !(temperature >= 0 && temperature.isFinite) {
            throw ValidationError("--temperature is \(temperature); accepted: a number, 0 or more")
        }
        if let topK, topK < 1 { throw ValidationError("--top-k is \(topK); accepted: 1 or more") }
    }

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        let model = try LoadedModel(checkpoint, on: communicator)
        Job.page.begin(.rootAlone)
        try communicator.agree {
            guard communicator.isRoot else { return }
            try Generation(model).write(
                prompt: prompt, length: length, temperature: temperature, topK: topK, seed: seed
            ) { FileHandle.standardOutput.write(Data($0)) }
            FileHandle.standardOutput.write(Data("\n".utf8))
        }
    }
}
