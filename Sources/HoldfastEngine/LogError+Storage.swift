import HoldfastBytes
package import HoldfastLog
package import HoldfastStorage

extension LogError {
    /// What a failed storage call means to the user of a log.
    package init(_ error: StorageError) {
        let code: Code =
            switch error.code {
            case .noSpace: .diskFull
            case .readOnly, .permission: .readOnly
            case .locked: .busy
            default: .failed
            }
        self.init(code, error.description)
    }

    /// What an error at a session's files means to who wants to read or append.
    init(unread error: StorageError) {
        self.init(error)
        guard error.isOfSession else { return }
        message += " No other session is concerned; 'holdfast inspect log' shows what can be read of this one."
    }
}

extension StorageError {
    /// Whether the device has failed at files of one session. Nothing follows from it for what they hold, nor for other
    /// sessions; an error at the journal's files concerns all.
    var isOfSession: Bool { code == .io && path.hasPrefix(StoreLayout.sessionsFolder + "/") }
}

/// Runs `body` and turns what the storage threw into an error of the log.
func storing<R>(_ body: () throws(StorageError) -> R) throws(LogError) -> R {
    do throws(StorageError) {
        return try body()
    } catch {
        throw LogError(error)
    }
}
