/// How hard the tasks of a session are, in the eyes of the router that chose its model. Any text may be one; four
/// have ranks.
public struct RouterTier: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral {
    /// The tier's name.
    public var rawValue: String

    /// A tier of any name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A tier of any name.
    public init(stringLiteral name: String) { rawValue = name }

    /// The easiest tasks.
    public static let simple = RouterTier(rawValue: "SIMPLE")
    /// Rank 1.
    public static let medium = RouterTier(rawValue: "MEDIUM")
    /// Rank 2.
    public static let complex = RouterTier(rawValue: "COMPLEX")
    /// The hardest tasks.
    public static let reasoning = RouterTier(rawValue: "REASONING")

    private static let ranked = [simple, medium, complex, reasoning]

    /// 0 to 3, from simple to reasoning; 1 for a tier that is none of these.
    public var rank: Int { Self.ranked.firstIndex(of: self) ?? 1 }

    /// The tier of the next rank; the hardest stays.
    public var harder: RouterTier { Self.ranked[min(rank + 1, Self.ranked.count - 1)] }
}
