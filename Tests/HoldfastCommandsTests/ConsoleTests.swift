@testable import HoldfastCommands
import Testing

struct HumanTests {
    @Test func countsAreGrouped() {
        #expect(Human.count(0) == "0" && Human.count(999) == "999" && Human.count(1000) == "1,000")
        #expect(Human.count(1_234_567) == "1,234,567" && Human.count(-1234) == "-1,234" && Human.count(-123) == "-123")
        #expect(Human.count(1, "message") == "1 message" && Human.count(0, "message") == "0 messages")
    }

    @Test func bytesHaveTheUnitThatFits() {
        #expect(Human.bytes(1) == "1 byte" && Human.bytes(1023) == "1023 bytes" && Human.bytes(1024) == "1.0 KiB")
        #expect(Human.bytes(1_048_575) == "1.0 MiB" && Human.bytes(1_572_864) == "1.5 MiB")
        #expect(Human.bytes(.max) == "16.0 EiB")
    }

    @Test func timesAreRelativeForADay() {
        let now: UInt64 = 1_800_000_000_000
        #expect(Human.time(now, now: now) == "just now")
        #expect(Human.time(now + 5000, now: now) == "just now")
        #expect(Human.time(now - 180_000, now: now) == "3 min ago")
        #expect(Human.time(now - 7_200_000, now: now) == "2 h ago")
        #expect(Human.time(now - 200_000_000, now: now).hasPrefix("2027-01-1"))
        #expect(Human.time(0, now: now) == "unknown")
        #expect(Human.duration(milliseconds: 1234) == "1.23 s")
    }
}

struct DisplayTextTests {
    @Test func aMessageCannotTakeOverTheTerminal() {
        #expect(DisplayText.oneLine("a\u{1B}[2J b\n\n\tc\u{7}") == "a·[2J b c·")
        #expect(DisplayText.oneLine("  \u{202E}txt ") == "·txt")
    }

    @Test func norCanWhatIsNamedInAnError() {
        for words in [["a\u{1B}[2J"], ["inspect", "/nowhere/\u{1B}[2J\u{202E}"], ["ls", "/", "--\u{7}"]] {
            let console = TestConsole()
            _ = Program.run(words, on: console)
            #expect(console.errors.contains("·") && !console.errors.contains("\u{1B}"), "\(console.errors)")
            #expect(!console.errors.contains("\u{7}") && !console.errors.contains("\u{202E}"), "\(console.errors)")
        }
    }

    @Test func wideCharactersCountTwice() {
        #expect(DisplayText.width(of: "日本") == 4 && DisplayText.width(of: "é") == 1)
        #expect(DisplayText.fitted("日本語", to: 5) == "日本…")
        #expect(DisplayText.fitted("abcdef", to: 4) == "abc…")
        #expect(DisplayText.fitted("abcd", to: 4) == "abcd" && DisplayText.fitted("ab", to: 0) == "")
    }

    @Test func columnsAreAlignedAndTheWidestOneIsShortened() {
        var table = TextTable([.init(heading: "ID"), .init(heading: "N", isNumber: true), .init(heading: "TITLE")])
        table.add(["a", "12", "a title that is long"])
        table.add(["日本", "3", "x"])
        #expect(table.lines(width: 20) == ["ID     N  TITLE", "a     12  a title t…", "日本   3  x"])
        table.add(["b", "4", ""])
        #expect(table.lines()[3] == "b      4")
        #expect(table.lines()[1] == "a     12  a title that is long")
    }

    /// First the words, then the headings of numbers, and in the end everything.
    @Test func aTableFitsANarrowTerminal() {
        var table = TextTable([
            .init(heading: "SESSION"), .init(heading: "MESSAGES", isNumber: true), .init(heading: "TITLE"),
        ])
        table.add(["a session with a long id", "1,234", "and a title"])
        #expect(table.lines(width: 30) == ["SESSION    MESSAGES  TITLE", "a sessio…     1,234  and a ti…"])
        #expect(table.lines(width: 22) == ["SESSI…  MESSA…  TITLE", "a ses…   1,234  and a…"])
        for width in 1...60 {
            for line in table.lines(width: width) { #expect(DisplayText.width(of: line) <= width, "\(line)") }
        }
    }
}

struct ProgressTests {
    @Test func aLogGetsOneLinePerTenPercentOfLongWork() {
        let console = TestConsole()
        var time: UInt64 = 0
        let bar = ProgressBar("Work", total: 100, on: console) { time }
        for _ in 0..<100 {
            time += 50_000_000
            bar.advance(by: 1)
        }
        bar.finish()
        // The first two seconds are quiet.
        #expect(console.errors == (4...10).map { "Work: \($0)0 %\n" }.joined())
    }

    @Test func aTerminalIsRedrawnTenTimesASecondAndLeftClean() {
        let console = TestConsole(canRedraw: true)
        var time: UInt64 = 0
        let bar = ProgressBar("Work", total: 1000, on: console) { time }
        for _ in 0..<1000 {
            time += 1_000_000
            bar.advance(by: 1)
        }
        bar.finish()
        #expect(console.errors.split(separator: "\r").count == 11)
        #expect(console.errors.hasSuffix("\r\u{1B}[K"))
    }

    @Test func workThatNobodyCanMeasureIsDone() {
        let bar = ProgressBar("Work", total: 0, on: TestConsole(canRedraw: true)) { 0 }
        bar.advance(by: 5)
        bar.finish()
    }
}
