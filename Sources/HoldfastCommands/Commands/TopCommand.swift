import Glibc
import Holdfast
import HoldfastEngine
import HoldfastLog
import HoldfastStorage

extension Command {
    /// `holdfast top`.
    static let top = Command(
        name: "top",
        summary: "Watch what a running store does: rates, latencies, the busiest sessions.",
        operands: [.store],
        options: [
            .json, OptionRule("once", "print what there is now and end; --json does so too"),
        ],
        details: [
            "The process that has a store open counts its records, batches and syncs, and writes the counters into the "
                + "file 'meter' in the store once a second. This command reads that file and nothing else: it takes "
                + "no lock, does not disturb the store, and works from any process that may read it. Percentiles are "
                + "at most an eighth too high; of the busiest sessions the counts are certain, but there may have been "
                + "a few more records.",
            "On a terminal the picture is drawn over itself until q or Ctrl-C is pressed. Elsewhere there is one line "
                + "for each new sample.",
            "Whether the process still runs is told by its id and start. One in another container cannot be seen, "
                + "which is said; its counters are shown all the same.",
        ],
        examples: [
            ("holdfast top ./store", "watch it"), ("holdfast top ./store --json", "one sample for a program"),
        ],
        exitCodes: [(.success, "the counters were shown, or it was said that there are none")],
        run: { arguments, console throws(CommandError) in
            let top = Top(folder: try StoreAccess.folder(arguments.store), console: console)
            try top.checkStore()
            StoreAccess.tellOfStoreFile(arguments, console)
            if arguments.has("json") {
                try console.write(MeterView(reading: try top.read(), now: Moment.wall()).json)
            } else if arguments.has("once") {
                try top.printOnce()
            } else if let screen = console.takeScreen() {
                defer { screen.restore() }
                try top.draw(on: screen)
            } else {
                try top.printLines()
            }
            return .success
        })
}

/// The shell of ``MeterView``: reads, waits, shows.
private struct Top {
    let folder: any Storage
    let console: any Console

    /// How often the file is looked at; it is written once a second.
    private static let pauseMilliseconds = 500
    /// How many samples the picture of the past goes back.
    private static let historyLimit = 240

    func checkStore() throws(CommandError) {
        try logging { () throws(LogError) in _ = try StoreFile.readOrInferred(from: folder) }
    }

    func read() throws(CommandError) -> MeterReading {
        try filing { () throws(StorageError) in try MeterReading(of: folder) }
    }

    func printOnce() throws(CommandError) {
        let view = MeterView(reading: try read(), now: Moment.wall())
        for line in view.lines(width: console.columns ?? .max) { try console.line(line) }
    }

    func draw(on screen: any Screen) throws(CommandError) {
        var history: [Double] = []
        var last: MeterReading?
        while true {
            let reading = try read()
            if reading != last, let sample = reading.sample {
                history = (history + [Rates(sample).records]).suffix(Self.historyLimit)
            }
            last = reading
            let view = MeterView(reading: reading, now: Moment.wall())
            try screen.show(view.lines(width: screen.columns, history: history) + ["", "q: quit"])
            let key = try screen.key(milliseconds: Self.pauseMilliseconds)
            if key == Key.quit || key == Key.interrupt { return }
        }
    }

    /// One line for each new sample; ends with the process, or when the reader leaves.
    func printLines() throws(CommandError) {
        var last: MeterReading?
        while true {
            let reading = try read()
            if reading != last { try console.line(MeterView(reading: reading, now: Moment.wall()).line) }
            last = reading
            usleep(UInt32(Self.pauseMilliseconds) * 1_000)
        }
    }
}
