/// The shortest list that still fails, as far as leaving steps out of `steps` can find it: delta debugging.
///
/// Leaves out ever smaller parts, down to single steps, until none can be spared or `limit` has passed.
func shrunk<Step>(
    _ steps: [Step], limit: Duration = .seconds(20), fails: ([Step]) -> Bool
) -> [Step] {
    var steps = steps
    let end = ContinuousClock.now + limit
    var length = max(1, steps.count / 2)
    while ContinuousClock.now < end {
        var start = 0
        var hasShrunk = false
        while start < steps.count, ContinuousClock.now < end {
            let shorter = Array(steps[..<start] + steps[min(start + length, steps.count)...])
            if fails(shorter) {
                steps = shorter
                hasShrunk = true
            } else {
                start += length
            }
        }
        if length == 1, !hasShrunk { break }
        if !hasShrunk || length > steps.count { length = max(1, length / 2) }
    }
    return steps
}
