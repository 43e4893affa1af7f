/// The shape of a network's input and output at each time step: all that the network knows of a task.
package struct TaskShape: Sendable, Equatable {
    package enum Input: Sendable, Equatable {
        /// Ids below a vocabulary's size, looked up in an embedding.
        case tokens(vocabulary: Int)
        /// The number of values per time step, passed to the first layer unchanged.
        case features(Int)
    }

    package enum Output: Sendable, Equatable {
        /// The number of classes at each scored time step.
        case classes(Int)
        /// The number of values at each scored time step.
        case values(Int)

        /// Width of the output layer.
        package var width: Int {
            switch self {
            case .classes(let count), .values(let count): count
            }
        }
    }

    /// Whether each scored time step or each sequence has an output.
    package enum Scores: Sendable {
        /// Each scored time step.
        case steps
        /// Each sequence: its target is at time step 0 of the batch.
        case sequences
    }

    package let input: Input
    package let output: Output
    /// The name of a loss in the table of losses; nil: the first one there for outputs of this kind.
    package let loss: String?
    package let scores: Scores
    /// Of classes: which may follow each other; nil: all.
    package let transitions: LabelTransitions?

    package init(
        input: Input, output: Output, loss: String? = nil, scores: Scores = .steps,
        transitions: LabelTransitions? = nil
    ) {
        self.input = input
        self.output = output
        self.loss = loss
        self.scores = scores
        self.transitions = transitions
    }
}
