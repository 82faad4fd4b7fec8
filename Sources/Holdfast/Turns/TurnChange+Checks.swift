import HoldfastBytes

// What can be said about a change of the kinds 30 to 38 without its session.
extension TurnChange {
    /// The change with each value checked, and without the whitespace around it.
    func checked() throws(HoldfastError) -> TurnChange {
        switch self {
        case .enqueue(let message): return .enqueue(try message.checked())
        case .editQueued(let message):
            guard message.queued != nil else { throw HoldfastError(.badRequest, "the id 'queued' is missing") }
            return .editQueued(try message.checked())
        case .claim(let claim): return .claim(try claim.checked())
        case .complete(var step):
            step.messages = try Mutation.objects(step.messages)
            return .complete(step)
        case .materialise(var materialise):
            materialise.messages = try materialise.messages.map { (list) throws(HoldfastError) in
                try Mutation.objects(list)
            }
            try Mutation.checkNotes(("notice", materialise.notice))
            return .materialise(materialise)
        case .checkpoint, .dropQueued, .release, .abandonTurn: return self
        }
    }
}

extension Enqueue {
    fileprivate func checked() throws(HoldfastError) -> Enqueue {
        var checked = self
        checked.message = Array(try Mutation.value(message[...], "message", mustBeObject: true))
        checked.attachments = try attachments.map { (list) throws(HoldfastError) in
            try Mutation.array(list, "attachments")
        }
        try Mutation.checkNotes(("source", source))
        return checked
    }
}

extension ClaimQueued {
    fileprivate func checked() throws(HoldfastError) -> ClaimQueued {
        var checked = self
        try Mutation.checkNotes(("owner", owner))
        if begin == nil, !(1...SessionLimits.leaseMilliseconds).contains(leaseMilliseconds) {
            throw HoldfastError(.badRequest, "'lease_ms' must be 1 to \(SessionLimits.leaseMilliseconds)")
        }
        checked.begin = try begin.map { (begin) throws(HoldfastError) in try Mutation.checked(begin) }
        return checked
    }
}

extension Change {
    /// Whether the turn that the mutation names is the one that begins with it.
    var beginsTurn: Bool {
        switch self {
        case .beginTurn: true
        case .turns(.claim(let claim)): claim.begin != nil
        default: false
        }
    }
}
