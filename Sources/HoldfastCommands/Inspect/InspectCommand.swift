extension Command {
    /// `holdfast inspect`.
    static let inspect = Command(
        name: "inspect",
        summary: "Show what is in a store, at a glance.",
        operands: [.store],
        options: [
            .json, OptionRule("limit", .count("N"), "how many sessions the tables have; 5 when it is not given"),
        ],
        details: [
            "Sessions, records, sizes and compression, how hot the sessions are, how full the journal is, what waits "
                + "for an "
                + "answer, damage, the largest and the most active sessions. Reads and checks every record, two "
                + "sessions "
                + "at a time, and decompresses none. In a terminal there are bars; elsewhere the text is plain.",
            "Takes no lock and writes nothing: the store may be in use, damaged, or on a read-only disk. 'holdfast "
                + "inspect "
                + "log', 'inspect gaps' and 'inspect journal' look closer.",
        ],
        examples: [
            ("holdfast inspect ./store", "see what is in there"),
            ("holdfast inspect ./store --json | jq '.sessions[] | select(.gaps != [])'", "the damaged sessions"),
        ],
        exitCodes: [
            (.success, "everything that is there can be read"),
            (.committedDamage, "acknowledged data is damaged or lost"),
        ],
        run: { arguments, console throws(CommandError) in
            let overview = try StoreOverview(arguments.store, console)
            let now = Moment.wall()
            if arguments.has("json") {
                try console.write(overview.json(now: now))
            } else {
                let text = OverviewText(
                    overview: overview, columns: console.columns, limit: arguments.count("limit") ?? 5, now: now)
                try console.write(text.text)
            }
            return overview.hasDamage ? .committedDamage : .success
        })
}
