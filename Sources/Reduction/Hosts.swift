package import MPI

/// The ranks of a job by the hosts they run on: two levels of groups, within a host and between hosts.
package struct Hosts {
    /// The ranks of this host.
    package let host: Communicator
    /// How many hosts there are, more exactly: groups of ranks that can share memory.
    package let count: Int
    /// The ranks of the host that has the most, and of the one that has the fewest.
    package let mostRanks: Int
    package let fewestRanks: Int
    /// The first rank of each host; nil on the others.
    package let leaders: Communicator?
    /// The ranks with this rank's number on their hosts, one a host. nil where there is only one host, and on ranks whose
    /// number the host with the fewest ranks does not have.
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

    /// Gives the groups back. Collective (MPI_Comm_free).
    package func free() throws {
        try peers?.free()
        try leaders?.free()
        try host.free()
    }
}
