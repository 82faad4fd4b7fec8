/// Finds what a mistyped word was meant to be.
enum Suggestion {
    /// ` Did you mean 'x'?` for the word of `known` that is nearest to `word`, or nothing when none is near.
    static func text(for word: String, among known: [String]) -> String {
        // Nobody mistypes hundreds of letters; the cost is quadratic.
        guard word.utf8.count <= 64 else { return "" }
        let ranked = known.map { (distance: distance(word, $0), word: $0) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return "" }
        let isNear = best.distance <= max(1, best.word.count / 3) || best.word.hasPrefix(word)
        return isNear ? " Did you mean '\(best.word)'?" : ""
    }

    /// How many letters must be inserted, removed, changed or swapped with their neighbour to make `a` into `b`
    /// (optimal string alignment).
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a)
        let b = Array(b)
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
