// Element types of buffers, and reduction operations.

import CMPI

/// A numeric type that MPI can send and reduce. Only types with an MPI datatype conform.
package protocol MPIElement: BitwiseCopyable, Sendable {
    /// The MPI datatype of the same size and meaning.
    static var mpiKind: MPIKind { get }
}

/// The MPI datatypes in use.
package enum MPIKind: Sendable {
    case float, double, int32, int64, uint64, uint8

    var datatype: MPI_Datatype {
        switch self {
        case .float: cmpi_float()
        case .double: cmpi_double()
        case .int32: cmpi_int32()
        case .int64: cmpi_int64()
        case .uint64: cmpi_uint64()
        case .uint8: cmpi_uint8()
        }
    }
}

extension Float: MPIElement { package static var mpiKind: MPIKind { .float } }
extension Double: MPIElement { package static var mpiKind: MPIKind { .double } }
extension Int32: MPIElement { package static var mpiKind: MPIKind { .int32 } }
extension Int64: MPIElement { package static var mpiKind: MPIKind { .int64 } }
extension UInt64: MPIElement { package static var mpiKind: MPIKind { .uint64 } }
extension UInt8: MPIElement { package static var mpiKind: MPIKind { .uint8 } }

/// The operation of a reduction over ranks.
package enum Reduction: Sendable, CaseIterable {
    /// MPI_SUM. For floating point the order of the additions, and so the last bits, depend on the number of ranks. A
    /// sum of integers has to fit the type: on overflow Open MPI 4.1 wraps some elements of a buffer and saturates
    /// others.
    case sum
    /// MPI_MIN; the standard does not define the result for NaN.
    case minimum
    /// MPI_MAX; the standard does not define the result for NaN.
    case maximum
    /// MPI_BOR, for integers only: MPI refuses it for Float and Double.
    case bitwiseOr

    var operation: MPI_Op {
        switch self {
        case .sum: cmpi_sum()
        case .minimum: cmpi_min()
        case .maximum: cmpi_max()
        case .bitwiseOr: cmpi_bor()
        }
    }
}
