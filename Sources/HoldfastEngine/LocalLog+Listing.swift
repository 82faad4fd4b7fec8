package import HoldfastBytes
package import HoldfastLog

// What sessions there are.
extension LocalLog {
    package func setSummaryProvider(_ provider: any SummaryProvider) { index.setProvider(provider) }

    package func list(_ body: (SummaryRow) throws(LogError) -> Bool) throws(LogError) {
        try rebuildIndexIfDamaged()
        for row in try index.currentRows().values {
            guard try body(row.summary) else { return }
        }
    }

    package func summary(_ session: SessionID) throws(LogError) -> SummaryRow? {
        try index.currentRows()[session]?.summary
    }

    func indexDamage() throws(LogError) -> String? { try index.damage() }

    /// Makes a new index from the session folders when the old one may lack rows. A row without a sequence has
    /// to be filled in by whoever knows what records mean.
    func rebuildIndexIfDamaged() throws(LogError) {
        guard try index.damage() != nil else { return }
        var rows = try index.rows()
        try SessionFolders(storage: storage).forEach { (session) throws(LogError) in
            if rows[session] == nil { rows[session] = IndexRow(unknown: session) }
            return true
        }
        try index.replaceAll(Array(rows.values))
    }
}
