import ArgumentParser
import FileFormats
import Glibc
import JobControl
import MPI
import Recurrent
import RunFolder
import System
import Training

/// `lstm-dist export`
struct ExportCommand: CollectiveCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Exports a model's weights for other software.",
        discussion: """
            Names and gate order are PyTorch's: load_state_dict accepts the tensors unchanged. An existing file is replaced when \
            the new one is complete; a device or a pipe is written to directly.

            EXAMPLES
              lstm-dist export runs/text --format safetensors --output text.safetensors
              lstm-dist export runs/text --format safetensors --output - | sha256sum
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case safetensors }

    @Argument(help: "A run folder, or a checkpoint.")
    var checkpoint: String
    @Option(help: "The file format.")
    var format: Format
    @Option(help: "The file to write; - is standard output.")
    var output = "-"
    @OptionGroup var verbosity: Verbosity

    func run(on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard) throws {
        Job.page.begin(.work)
        try communicator.agree {
            guard communicator.isRoot else { return }
            if output == "-" { try checkStandardOutput() } else { try FileCheck.writable(output, option: "--output") }
        }
        let model = try LoadedModel(checkpoint, on: communicator)
        let tensors = modelTensors(of: model.parameters, model.sizes.layout)
        let metadata = model.artifacts.modelMetadata
        try communicator.agree {
            guard communicator.isRoot else { return }
            if output == "-" {
                try SafetensorsWriter.write(toDescriptor: STDOUT_FILENO, tensors: tensors, metadata: metadata)
            } else {
                try OutputFile.write(to: output) { file in
                    try SafetensorsWriter.write(
                        toDescriptor: file.descriptor, named: output, tensors: tensors, metadata: metadata)
                }
                console.info("\(output): \(tensors.count) tensors")
            }
        }
    }

    /// Rejects a terminal. A launcher gives its ranks pseudo-terminals, which hide the real output.
    private func checkStandardOutput() throws {
        guard Launcher.isPresent || isatty(STDOUT_FILENO) == 0 else {
            throw CommandError.usage(
                "--output: standard output is a terminal, and the file is binary; use --output FILE, or a pipe")
        }
    }
}
