import FileFormats
package import RunFolder
import System

/// Refuses a state.json whose numbers no training can have reached, before any of them is computed with: a file that was
/// damaged, or made up, must not end in a crash.
package enum ProgressCheck {
    /// Counts in `extra`; absent or null where the task or the schedule has none.
    private static let counts = [
        "sequences", "plateau_validations_since", "validations_since_best", "criterion_met_after",
        "skipped_steps",
    ]
    /// 2^40 batches, of windows of up to a million steps, are still counted in Int.
    private static let largest = 1 << 40

    /// - Throws: a `CommandError` that names the file, the number and what is accepted.
    package static func check(_ checkpoint: Checkpoint, stepsPerEpoch: Int) throws {
        let state = checkpoint.state
        func refuse(_ key: String, _ found: String, accepted: String) -> CommandError {
            .usage("\(checkpoint.path)/state.json: \(key) is \(shown(found)); accepted: \(accepted)")
        }
        guard state.epoch >= 1, state.epoch - 1 <= largest / max(stepsPerEpoch, 1) else {
            throw refuse(
                "epoch", "\(state.epoch)", accepted: "a number from 1 to \(1 + largest / max(stepsPerEpoch, 1))")
        }
        guard state.position < stepsPerEpoch else {
            throw refuse(
                "position", "\(state.position)", accepted: "a number below the \(stepsPerEpoch) steps of an epoch")
        }
        for key in counts {
            guard let value = state.extra[key], value != .null else { continue }
            guard let count = value.integerValue, 0...largest ~= count else {
                throw refuse("extra.\(key)", value.text, accepted: "a whole number from 0 to \(largest), or null")
            }
        }
    }
}
