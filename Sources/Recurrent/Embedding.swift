import Kernels

/// The embedding `[V, E]`: a row a token.
struct Embedding {
    let weight: UnsafeMutablePointer<Float>
    let gradient: UnsafeMutablePointer<Float>
    let vocabulary: Int
    let size: Int

    /// output = the rows of the tokens, `pitch` floats apart.
    func forward(_ tokens: [Int32], into output: UnsafeMutablePointer<Float>, pitch: Int) {
        for (row, token) in tokens.enumerated() {
            (output + row * pitch).update(from: weight + Int(token) * size, count: size)
        }
    }

    /// Adds each row of the output's gradient to its token's row.
    func backward(_ tokens: [Int32], _ outputGradient: ResultRows, adding: Bool) {
        if !adding { gradient.update(repeating: 0, count: vocabulary * size) }
        for (row, token) in tokens.enumerated() {
            UnsafeMutableBufferPointer(start: gradient + Int(token) * size, count: size)
                .add(outputGradient.pointer + row * outputGradient.pitch)
        }
    }
}
