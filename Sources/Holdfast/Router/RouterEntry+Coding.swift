import HoldfastBytes

// An entry as members of an object: in records, snapshots and answers.
extension RouterEntry {
    /// Writes the members of an open object.
    func write(to writer: inout JSONWriter) {
        writer.member("model", model)
        writer.member("tier", tier.rawValue)
        writer.member("created_at", createdAt)
        writer.member("last_used_at", lastUsedAt)
        writer.member("request_count", requestCount)
        writer.key("recent_hashes")
        writer.beginArray()
        for hash in recentHashes { writer.string(hash) }
        writer.endArray()
        writer.member("strikes", strikes)
        writer.member("escalated", isEscalated)
        writer.member("user_explicit", isUserExplicit)
        writer.member("cache_sticky", isCachePinned)
        writer.member("cache_sticky_at", cachePinnedAt)
        writer.member("provider", provider)
        writer.member("session_cost_micros", costMicros)
    }

    /// Reads them back.
    init(_ value: JSONRef) throws(ContentError) {
        self.init(
            model: try value.string("model"), tier: RouterTier(rawValue: try value.string("tier")),
            isUserExplicit: value["user_explicit"]?.bool ?? false, now: try value.unsigned("created_at"))
        lastUsedAt = try value.unsigned("last_used_at")
        requestCount = try value.count("request_count")
        recentHashes = try value.hashes("recent_hashes")
        strikes = try value.count("strikes")
        isEscalated = value["escalated"]?.bool ?? false
        isCachePinned = value["cache_sticky"]?.bool ?? false
        cachePinnedAt = try value.unsigned("cache_sticky_at")
        provider = try value.string("provider")
        guard let micros = value["session_cost_micros"]?.int else { throw ContentError("the router's cost is missing") }
        costMicros = micros
    }
}

extension JSONRef {
    fileprivate func string(_ name: String) throws(ContentError) -> String {
        guard let text = try required(name).text else { throw ContentError("the member '\(name)' is not text") }
        return text
    }

    fileprivate func hashes(_ name: String) throws(ContentError) -> [String] {
        let value = try required(name)
        guard value.kind == .array else { throw ContentError("the member '\(name)' is not an array") }
        return value.elements.prefix(Router.hashWindow).map { $0.text ?? "" }
    }
}

/// What a record of the router says: which event it was, and the entry as the event left it. The rules are applied
/// once, when the record is written, so that a later version may change them.
struct RouterChange: Sendable, Equatable {
    /// The event's name.
    var event: String
    /// The entry afterwards; `nil` when there is none any more.
    var entry: RouterEntry?
    /// Of the request only: what decides about the entry.
    var request: RouterRequest?

    /// What a caller asks for.
    init(_ request: RouterRequest) {
        event = request.event.name
        self.request = request
    }

    /// What `request` made of the entry.
    init(_ request: RouterRequest, result entry: RouterEntry?) {
        event = request.event.name
        self.entry = entry
    }

    /// What a record says.
    init(_ root: JSONRef) throws(ContentError) {
        event = root["event"]?.text ?? ""
        entry = root["model"] == nil ? nil : try RouterEntry(root)
    }

    func writeMembers(to writer: inout JSONWriter) {
        writer.member("event", event)
        entry?.write(to: &writer)
    }

    /// The change with its texts checked.
    func checked() throws(HoldfastError) -> RouterChange {
        let texts: [String] =
            switch request?.event {
            case .set(let model, let tier, _): [model, tier.rawValue]
            case .requestHash(let hash): [hash]
            case .cacheSticky(let provider): [provider]
            default: []
            }
        if texts.contains(where: { $0.utf8.count > SessionLimits.noteByteCount }) {
            throw HoldfastError(.badRequest, "a text of the router has more than \(SessionLimits.noteByteCount) bytes")
        }
        return self
    }
}
