internal import CVectors

/// Short loops that tell whether a core's other hardware thread is busy: two threads of a core share the front end, so
/// that a loop of instructions that do nothing then runs at about half its rate, while a chain of instructions that
/// wait for each other keeps it. A virtual machine sees one thread of each core, and the other may be somebody else's.
package enum CoreProbe {
    /// Instructions of one call of `issue`.
    package static let instructions = 200 * 64
    /// Clock cycles of one call of `wait`.
    package static let cycles = 50 * 64

    /// Runs instructions that depend on nothing, about 2,300 cycles.
    @inline(never)
    package static func issue() { issue_nops(200) }

    /// Runs instructions of which each depends on the one before.
    @inline(never)
    package static func wait() { addition_chain(50) }
}
