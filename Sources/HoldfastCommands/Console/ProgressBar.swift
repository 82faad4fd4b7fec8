/// Shows how far long work has come, on standard error.
///
/// On a terminal a bar is drawn over itself, at most ten times a second. Elsewhere there is one line per ten percent,
/// and only when the work takes longer than two seconds: logs stay short.
final class ProgressBar {
    private static let redrawInterval: UInt64 = 100_000_000
    private static let quietTime: UInt64 = 2_000_000_000

    private let console: any Console
    private let title: String
    private let total: Int
    private let now: () -> UInt64
    private let begun: UInt64
    private var drawnAt: UInt64?
    private var tenthsShown = 0
    private var done = 0

    /// A bar for `total` units of work. `now` tells monotonic nanoseconds.
    init(_ title: String, total: Int, on console: any Console, now: @escaping () -> UInt64 = Moment.monotonic) {
        self.title = title
        self.total = total
        self.console = console
        self.now = now
        begun = now()
    }

    /// Says that `count` more units are done.
    func advance(by count: Int) {
        done += count
        show(now())
    }

    /// Wipes the bar off the terminal, so that what is printed next starts a line.
    func finish() {
        if drawnAt != nil { console.writeError("\r\u{1B}[K") }
        drawnAt = nil
    }

    private var fraction: Double { total == 0 ? 1 : min(1, Double(done) / Double(total)) }

    private func show(_ time: UInt64) {
        if console.canRedraw {
            if let drawnAt, time - drawnAt < Self.redrawInterval { return }
            drawnAt = time
            console.writeError("\r\(bar(time - begun))\u{1B}[K")
        } else {
            let tenths = Int(fraction * 10)
            guard time - begun > Self.quietTime, tenths > tenthsShown else { return }
            tenthsShown = tenths
            console.writeError("\(title): \(tenths * 10) %\n")
        }
    }

    private func bar(_ elapsed: UInt64) -> String {
        let width = 24
        let filled = Int(fraction * Double(width))
        let cells = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        return "\(title) \(cells) \(Int(fraction * 100)) %\(remaining(elapsed))"
    }

    private func remaining(_ elapsed: UInt64) -> String {
        guard elapsed > Self.quietTime, fraction > 0.01, fraction < 1 else { return "" }
        let left = Double(elapsed) / 1e6 * (1 - fraction) / fraction
        return ", \(Human.duration(milliseconds: UInt64(left))) left"
    }
}
