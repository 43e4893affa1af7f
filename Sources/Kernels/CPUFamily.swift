internal import CSIMDLevel

/// A family of CPUs whose cores are alike, as far as the kernels have been measured on them.
package enum CPUFamily: String, Sendable, CaseIterable {
    /// Intel's cores from Sapphire Rapids on: 48 KiB L1, 2 MiB L2.
    case goldenCove = "Intel Golden Cove"
    /// Intel's other cores.
    case intel = "Intel"
    case amd = "AMD"
    case other

    /// The family of this machine's CPU.
    package static let current = CPUFamily(identify_cpu())

    private init(_ identity: cpu_identity) {
        switch (identity.vendor, identity.family, identity.model) {
        // Sapphire Rapids, Emerald Rapids, Granite Rapids.
        case (1, 6, 143), (1, 6, 207), (1, 6, 173), (1, 6, 174): self = .goldenCove
        case (1, _, _): self = .intel
        case (2, _, _): self = .amd
        default: self = .other
        }
    }

    /// The instructions per clock cycle that `CoreProbe.issue` reaches on an undisturbed core; nil if it has not been
    /// measured.
    package var instructionsPerCycle: Double? {
        switch self {
        case .goldenCove: 5.5
        case .intel, .amd, .other: nil
        }
    }
}
