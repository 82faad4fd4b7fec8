import Holdfast

// The store as tools/bench measures it. Each command prints lines of JSON.
let options = Options(CommandLine.arguments)
do {
    switch options.command {
    case "append": try await append(options)
    case "open": try open(options)
    case "read": try readSession(options)
    case "soak": try soak(options)
    default: fail(usage)
    }
} catch {
    fail("\(error)")
}
