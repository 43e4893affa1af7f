import ArgumentParser
import JobControl
import MPI
import System
import Training

/// `lstm-dist generate`
struct GenerateCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Generates text with a language model, after the prompt.",
        discussion: """
            EXAMPLES
              lstm-dist generate runs/text --prompt "The " --length 300
              lstm-dist generate runs/text --temperature 0.5 --top-k 20 --seed 7
            """)

    @Argument(help: "A run folder, or a checkpoint.")
    var checkpoint: String
    @Option(parsing: .unconditional, help: "The beginning of the text.")
    var prompt = ""
    @Option(parsing: .unconditional, help: "The number of tokens to generate after the prompt.")
    var length = 200
    @Option(
        parsing: .unconditional,
        help: "Softmax temperature: 1 samples from the model's distribution, 0 always takes the most likely token.")
    var temperature: Float = 1
    @Option(parsing: .unconditional, help: "Sample only from the k most likely tokens.")
    var topK: Int?
    @Option(parsing: .unconditional, help: "Seed of the sampling.")
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
            ) { bytes in try bytes.withUnsafeBytes { try StandardOutput.write($0) } }
            try StandardOutput.write("\n")
        }
    }
}
