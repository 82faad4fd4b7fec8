extension Range where Bound == Int {
    /// The first place for which `isBefore` is false, when it is true for all places before that one; the end when
    /// there is none. A binary search.
    package func partitionPoint(where isBefore: (Int) -> Bool) -> Int {
        var (low, high) = (lowerBound, upperBound)
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
