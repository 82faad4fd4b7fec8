import Holdfast
import HoldfastBytes
import HoldfastStorage

/// Writes sessions into the files of a folder.
struct FolderExport {
    private let exporter: SessionExporter
    private let folder: any Storage
    private let console: any Console

    init(
        _ exporter: SessionExporter, _ path: String, _ console: any Console
    ) throws(CommandError) {
        self.exporter = exporter
        self.console = console
        do throws(StorageError) {
            folder = try PosixStorage(root: path, create: true)
        } catch {
            throw CommandError(.cannotCreate, error.description)
        }
    }

    /// Writes all `sessions`. One that is cut short by damage, gone, or of no use to the other program, is named
    /// and does not stop the others.
    func run(_ sessions: [String]) throws(CommandError) -> ExitCode {
        var exporter = exporter
        let format = exporter.format
        var result = ExitCode.success
        var written = 0
        let progress = ProgressBar("Exporting", total: sessions.count, on: console)
        for session in sessions {
            do throws(CommandError) {
                let damage = try write(try format.fileName(session)) { (output) throws(CommandError) in
                    try exporter.write(session, output)
                }
                written += 1
                if let damage {
                    progress.finish()
                    console.complain(damage.sentence(session))
                    result = .data
                }
            } catch {
                guard [.data, .noInput].contains(error.code) else { throw error }
                progress.finish()
                console.complain(DisplayText.oneLine("Session '\(session)': \(error.message)"))
                result = error.code
            }
            progress.advance(by: 1)
        }
        progress.finish()
        if format == .webUI {
            _ = try write(WebUIIndex.fileName) { (output) throws(CommandError) -> SessionDamage? in
                try output(exporter.index.text)
                return nil
            }
        }
        try filing { () throws(StorageError) in try folder.syncDirectory("") }
        exporter.explain(on: console)
        let counts = "\(Human.count(written, "session")), \(Human.count(exporter.messageCount, "message"))."
        console.writeError(counts + "\n")
        return result
    }

    /// Writes the file `name`, whole or not at all.
    private func write(
        _ name: String, _ body: (SessionExporter.Output) throws(CommandError) -> SessionDamage?
    ) throws(CommandError) -> SessionDamage? {
        let temporary = name + StoreLayout.temporarySuffix
        let file = try creating { () throws(StorageError) in
            let file = try folder.open(temporary, .create)
            try file.truncate(to: 0)
            return file
        }
        do throws(CommandError) {
            var offset: UInt64 = 0
            let damage = try body { (bytes) throws(CommandError) in
                try filing { () throws(StorageError) in try file.write(bytes, at: offset) }
                offset += UInt64(bytes.count)
            }
            try filing { () throws(StorageError) in
                try file.sync()
                try file.close()
                try folder.rename(temporary, name)
            }
            return damage
        } catch {
            try? folder.remove(temporary)
            throw error
        }
    }

    private func creating<R>(_ body: () throws(StorageError) -> R) throws(CommandError) -> R {
        do throws(StorageError) { return try body() } catch { throw CommandError(.cannotCreate, error.description) }
    }
}
