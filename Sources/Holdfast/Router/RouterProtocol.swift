import HoldfastBytes

// The router's operations in the protocol.
extension RouterEvent {
    /// Takes the event and what belongs to it out of `fields`.
    init(_ fields: inout RequestFields) throws(HoldfastError) {
        let name = try fields.string("event").required("event")
        switch name {
        case "set":
            self = .set(
                model: try fields.string("model").required("model"),
                tier: RouterTier(rawValue: try fields.string("tier") ?? ""),
                isUserExplicit: try fields.bool("user_explicit") ?? false)
        case "touch": self = .touch
        case "hash": self = .requestHash(try fields.string("hash").required("hash"))
        case "escalate": self = .escalate
        case "cost": self = .cost(micros: try fields.signed("micros").required("micros"))
        case "sticky": self = .cacheSticky(provider: try fields.string("provider").required("provider"))
        case "clear": self = .clear
        case "expire": self = .expire
        default: throw HoldfastError(.badRequest, "the router knows no event '\(name)'")
        }
    }
}

extension Change {
    /// Whether the change is of so little weight that it is answered before it is durable, unless asked otherwise.
    var isBrief: Bool {
        switch self {
        case .delta: true
        case .router(let change): change.request?.event == .touch
        default: false
        }
    }
}

extension RouterStore.Current {
    /// Writes the members of an answer's open object.
    func write(of session: String, to writer: inout JSONWriter) {
        writer.member("session", session)
        writer.key("router")
        guard let entry else { return writer.null() }
        writer.beginObject()
        entry.write(to: &writer)
        writer.member("cache_sticky_now", entry.isCacheSticky(now: now))
        writer.endObject()
    }
}

extension RouterStats {
    /// Writes the members of an answer's open object.
    func write(to writer: inout JSONWriter) {
        writer.member("count", count)
        writer.objects("sessions", sessions) { session, writer in
            writer.member("id", session.id)
            writer.member("model", session.model)
            writer.member("age", session.age)
        }
    }
}
