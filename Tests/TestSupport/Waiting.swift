/// Whether `condition` becomes true within the limit. It is called every few milliseconds.
package func becomesTrue(
    within limit: Duration = .seconds(20), _ condition: () throws -> Bool
) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        if ContinuousClock.now > deadline { return false }
        try await Task.sleep(for: .milliseconds(2))
    }
    return true
}
