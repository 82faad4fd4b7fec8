/// One of the two lists of a session.
public enum SessionList: String, Sendable, CaseIterable {
    /// The messages that people see.
    case visible
    /// The messages that the model is sent.
    case context
}

/// In which of the two lists a message stands. A message that stands in both is stored once.
public enum Placement: String, Sendable, CaseIterable {
    case both, visible, context

    /// Whether a message that is placed so stands in `list`.
    func contains(_ list: SessionList) -> Bool { self == .both || rawValue == list.rawValue }
}

/// What has become of a message in one of the lists.
public enum MessageState: String, Sendable {
    /// It is in the list.
    case active
    /// Hidden: messages of a `compact_messages` have taken its place.
    case compacted
    /// Hidden by a `take_back`, until a `restore`.
    case takenBack = "taken_back"
}
