/// What comes into a network at each step and what it predicts: all that a task tells the network.
package struct TaskShape: Sendable, Equatable {
    package enum Input: Sendable, Equatable {
        /// Ids below a vocabulary's size, looked up in an embedding.
        case tokens(vocabulary: Int)
        /// This many numbers a step, fed to the first layer as they are.
        case features(Int)
    }

    package enum Output: Sendable, Equatable {
        /// One of this many classes at each scored step.
        case classes(Int)
        /// This many numbers at each scored step.
        case values(Int)

        /// Width of the output layer.
        package var width: Int {
            switch self {
            case .classes(let count), .values(let count): count
            }
        }
    }

    package let input: Input
    package let output: Output
    /// The name of a loss in the table of losses; nil: the first one there for outputs of this kind.
    package let loss: String?

    package init(input: Input, output: Output, loss: String? = nil) {
        self.input = input
        self.output = output
        self.loss = loss
    }
}
