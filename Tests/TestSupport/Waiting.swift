/// Whether `condition` becomes true within the limit, which is for a condition that never does: on a busy machine, runs
/// take many times as long as usual. It is called every few milliseconds.
package func becomesTrue(
    within limit: Duration = .seconds(60), _ condition: () throws -> Bool
) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        if ContinuousClock.now > deadline { return false }
        try await Task.sleep(for: .milliseconds(2))
    }
    return true
}
