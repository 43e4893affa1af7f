/// Whether `condition` becomes true within the limit, which is long because runs take many times as long on a busy
/// machine. The condition is evaluated every few milliseconds.
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
