// MPI's return codes as errors.

import CMPI

/// A failed MPI call, with MPI's text for its code.
package struct MPIError: Error, Equatable, CustomStringConvertible {
    /// The MPI function by its name in the standard: `MPI_Allreduce`.
    package let call: String
    /// The code it returned. Its meaning depends on the installed MPI.
    package let code: Int32
    /// MPI's text for the code (MPI_Error_string).
    package let text: String

    /// The failure as a sentence for the user.
    package var description: String { "\(call) failed: \(text) (error code \(code))." }

    package init(call: String, code: Int32, text: String) {
        self.call = call
        self.code = code
        self.text = text
    }
}

/// Every MPI call that can fail is checked here; `call` is its name in the standard.
func check(_ call: String, _ code: Int32) throws(MPIError) {
    guard code != MPI_SUCCESS else { return }
    throw MPIError(call: call, code: code, text: errorText(of: code))
}

/// MPI_Error_string, which may only be called while MPI is running.
private func errorText(of code: Int32) -> String {
    guard Job.isRunning else { return "MPI is not running, so it has no text for this" }
    return text(atMost: Int(MPI_MAX_ERROR_STRING)) { MPI_Error_string(code, $0, $1) }
        ?? "MPI has no text for this code"
}

/// A text that MPI writes into a buffer of `capacity` characters; nil if `fill` returns an error code.
func text(
    atMost capacity: Int, _ fill: (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity + 1) { buffer in
        buffer.initialize(repeating: 0)
        var length: Int32 = 0
        // The buffer holds at least one character, so it has an address.
        guard fill(buffer.baseAddress!, &length) == MPI_SUCCESS else { return nil }
        return String(decoding: buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
