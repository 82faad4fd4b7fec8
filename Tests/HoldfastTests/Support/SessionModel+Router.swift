import Holdfast

/// What the router's entry of a session must be, written a second time.
struct RouterModel: Equatable {
    var model: String
    var tier: String
    var requests = 1
    var hashes: [String] = []
    var strikes = 0
    var isEscalated = false
    var isExplicit = false
    var provider: String?
    var micros = 0

    static let tiers = ["SIMPLE", "MEDIUM", "COMPLEX", "REASONING"]

    mutating func set(_ model: String, _ tier: String, isExplicit: Bool) {
        requests += 1
        if model != self.model { (self.model, self.tier) = (model, tier) }
        if isExplicit { self.isExplicit = true }
    }

    mutating func hash(_ hash: String) {
        if hashes.last == hash { strikes += 1 }
        hashes = (hashes + [hash]).suffix(3)
    }

    mutating func escalate() {
        if isExplicit { return }
        isEscalated = true
        tier = Self.tiers[min(3, (Self.tiers.firstIndex(of: tier) ?? 1) + 1)]
    }

    /// The members of the protocol's answer that do not depend on the time.
    var members: [String] {
        [
            "\"\(model)\"", "\"\(tier)\"", "\(requests)", "[\(hashes.map { "\"\($0)\"" }.joined(separator: ","))]",
            "\(strikes)", "\(isEscalated)", "\(isExplicit)", "\(provider != nil)", "\"\(provider ?? "")\"", "\(micros)",
        ]
    }

    static let names = [
        "model", "tier", "request_count", "recent_hashes", "strikes", "escalated", "user_explicit", "cache_sticky",
        "provider", "session_cost_micros",
    ]
}

extension SessionModel {
    /// A random event of the router. One that changes nothing has no record.
    mutating func routerChange(_ id: String, _ random: inout SeededGenerator) -> ModelChange {
        let before = router
        let event: RouterEvent
        switch Int.random(in: 0..<12, using: &random) {
        case 0...2:
            let model = "m\(Int.random(in: 0..<3, using: &random))"
            let tier = (RouterModel.tiers + ["", "other"]).randomElement(using: &random) ?? ""
            let isExplicit = Int.random(in: 0..<6, using: &random) == 0
            if router == nil { router = RouterModel(model: model, tier: tier, requests: 0) }
            router?.set(model, tier, isExplicit: isExplicit)
            event = .set(model: model, tier: RouterTier(rawValue: tier), isUserExplicit: isExplicit)
        case 3...6:
            let hash = "h\(Int.random(in: 0..<2, using: &random))"
            router?.hash(hash)
            event = .requestHash(hash)
        case 7:
            router?.escalate()
            event = .escalate
        case 8, 9:
            let micros = Int.random(in: -5...50, using: &random)
            router?.micros += micros
            event = .cost(micros: Int64(micros))
        case 10:
            let provider = "p\(Int.random(in: 0..<2, using: &random))"
            if router?.provider == nil { router?.provider = provider }
            event = .cacheSticky(provider: provider)
        default:
            router = nil
            event = .clear
        }
        if router == before { sequence -= 1 }
        return ModelChange(
            what: "router \(event)", mutation: .router(id, event), strikes: router?.strikes ?? 0)
    }
}
