package import MPI

/// The ranks of a job grouped by host: one communicator within each host, and communicators between hosts.
package struct Hosts {
    /// The ranks of this host.
    package let host: Communicator
    /// The number of hosts, more precisely: of groups of ranks that can share memory.
    package let count: Int
    /// The number of ranks on the host with the most ranks, and on the host with the fewest.
    package let mostRanks: Int
    package let fewestRanks: Int
    /// The first rank of each host; nil on all other ranks.
    package let leaders: Communicator?
    /// The ranks with this rank's number on their hosts, one on each host. nil if there is only one host, and on ranks
    /// whose number does not exist on the host with the fewest ranks.
    package let peers: Communicator?

    /// Collective (MPI_Comm_split_type, MPI_Comm_split, MPI_Allreduce).
    package init(_ communicator: Communicator) throws {
        host = try communicator.splitByHost()
        leaders = try communicator.split(color: host.isRoot ? 0 : nil, key: communicator.rank)
        count = Int(try communicator.allreduce(Int64(host.isRoot ? 1 : 0), .sum))
        mostRanks = Int(try communicator.allreduce(Int64(host.size), .maximum))
        fewestRanks = Int(try communicator.allreduce(Int64(host.size), .minimum))
        let number = count > 1 && host.rank < fewestRanks ? host.rank : nil
        peers = try communicator.split(color: number, key: communicator.rank)
    }

    /// Frees the communicators. Collective (MPI_Comm_free).
    package func free() throws {
        try peers?.free()
        try leaders?.free()
        try host.free()
    }
}
