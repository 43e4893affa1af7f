import Kernels
import Tensors

/// The embedding `[V, E]`: a row a token.
struct Embedding {
    let weight: UnsafeMutablePointer<Float>
    let gradient: UnsafeMutablePointer<Float>
    /// The rows of `gradient` that hold anything.
    let gradientRows: GradientRows
    let vocabulary: Int
    let size: Int

    /// output = the rows of the tokens, `pitch` floats apart.
    func forward(_ tokens: [Int32], into output: UnsafeMutablePointer<Float>, pitch: Int) {
        for (row, token) in tokens.enumerated() {
            (output + row * pitch).update(from: weight + Int(token) * size, count: size)
        }
    }

    /// Adds each row of the output's gradient to its token's row. Other rows are not touched, unless they must be cleared.
    func backward(_ tokens: [Int32], _ outputGradient: ResultRows, adding: Bool) {
        if !adding { gradientRows.clear(gradient) }
        for (row, token) in tokens.enumerated() {
            gradientRows.touch(Int(token))
            UnsafeMutableBufferPointer(start: gradient + Int(token) * size, count: size)
                .add(outputGradient.pointer + row * outputGradient.pitch)
        }
    }
}
