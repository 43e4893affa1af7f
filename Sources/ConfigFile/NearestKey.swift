// Suggestions for misspelt names.

/// The path nearest to a misspelt one: by the whole path, else by its last component in any section (so
/// `training.learning_rate` finds `training.optimizer.learning_rate`); nil if none is near. Among equally near paths
/// the first.
package func nearestPath(to path: String, among paths: [String]) -> String? {
    let name = lastComponent(path)
    let limit = largestDistance(for: name)
    var best: (path: String, rank: (Int, Int))?
    for candidate in paths {
        let whole = editDistance(path, candidate)
        let last = editDistance(name, lastComponent(candidate))
        // A near path ranks before the same name in another section; among those the nearer section ranks first.
        let rank: (Int, Int)
        if whole <= limit {
            rank = (whole, whole)
        } else if last <= limit {
            rank = (limit + 1 + last, whole)
        } else {
            continue
        }
        if best.map({ rank < $0.rank }) ?? true { best = (candidate, rank) }
    }
    return best?.path
}

/// The word nearest to a misspelt one; nil if none is near.
package func nearestWord(to word: String, among words: [String]) -> String? {
    var best: (word: String, distance: Int)?
    for candidate in words {
        let distance = editDistance(word, candidate)
        if distance <= largestDistance(for: candidate), distance < best?.distance ?? .max {
            best = (candidate, distance)
        }
    }
    return best?.word
}

private func lastComponent(_ path: String) -> String {
    path.split(separator: ".", omittingEmptySubsequences: false).last.map(String.init) ?? path
}

/// Short names are near each other by chance, so the limit grows with the length: one edit up to 5 bytes, two up to 11,
/// else three.
private func largestDistance(for name: String) -> Int {
    min(3, 1 + name.utf8.count / 6)
}

/// The minimum number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other
/// (optimal string alignment distance); `Int.max` for texts longer than 128 bytes, which no key is.
package func editDistance(_ from: String, _ to: String) -> Int {
    let from = Array(from.utf8)
    let to = Array(to.utf8)
    guard max(from.count, to.count) <= 128 else { return .max }
    var beforeLast: [Int] = []
    var last = Array(0...to.count)
    for i in 0..<from.count {
        var current = [i + 1]
        for j in 0..<to.count {
            var edits = min(last[j + 1] + 1, current[j] + 1, last[j] + (from[i] == to[j] ? 0 : 1))
            if i > 0, j > 0, from[i] == to[j - 1], from[i - 1] == to[j] {
                edits = min(edits, beforeLast[j - 1] + 1)
            }
            current.append(edits)
        }
        (beforeLast, last) = (last, current)
    }
    return last[to.count]
}
