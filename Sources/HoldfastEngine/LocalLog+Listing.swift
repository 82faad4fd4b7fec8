package import HoldfastBytes
package import HoldfastLog

// What sessions there are.
extension LocalLog {
    package func setSummaryProvider(_ provider: any SummaryProvider) { index.setProvider(provider) }

    package func list(_ body: (SummaryRow) throws(LogError) -> Bool) throws(LogError) {
        try index.rebuildIfDamaged()
        for row in try index.currentRows().all {
            guard try body(row.summary) else { return }
        }
    }

    package func summary(_ session: SessionID) throws(LogError) -> SummaryRow? {
        try index.currentRow(of: session)?.summary
    }

    func indexDamage() throws(LogError) -> String? { try index.damage() }
}
