import HoldfastBytes

/// Messages of a session that follow each other and that another session begins with, or that it leaves out.
struct SharedRun: Sendable, Equatable {
    var count: Int
    /// The lists of the new session in which they stand; `nil` when they are left out.
    var placement: Placement?
}

extension [SharedRun] {
    /// How many of them stand in `list`; without a list, how many there are.
    func count(of list: SessionList?) -> Int {
        reduce(0) { sum, run in
            guard let placement = run.placement else { return sum }
            return sum + (list.map(placement.contains) ?? true ? run.count : 0)
        }
    }

    /// Adds messages behind the others.
    fileprivate mutating func add(_ count: Int, _ placement: Placement?) {
        guard count > 0 else { return }
        if let last, last.placement == placement {
            self[endIndex - 1].count += count
        } else {
            append(SharedRun(count: count, placement: placement))
        }
    }
}

extension MessageRuns {
    /// What stands in a list is what can be shared, in order: `nil` is left out.
    fileprivate static func isShared(_ run: Run) -> Bool { run.visible == .active || run.context == .active }

    /// The runs of messages that stand in a list.
    var listed: [Run] { runs.filter(Self.isShared) }

    /// What a session shares that begins with the first `keep` visible messages, and with as much of the context as a
    /// cut there leaves.
    func shared(keepingVisible keep: Int) -> [SharedRun] {
        var visibleLeft = keep
        var contextLeft = contextCount(keepingVisible: keep)
        var shared: [SharedRun] = []
        for run in listed {
            let visible = run.visible == .active ? min(run.count, visibleLeft) : 0
            let context = run.context == .active ? min(run.count, contextLeft) : 0
            visibleLeft -= visible
            contextLeft -= context
            shared.add(min(visible, context), .both)
            shared.add(abs(visible - context), visible > context ? .visible : .context)
            shared.add(run.count - max(visible, context), nil)
        }
        if shared.last?.placement == nil { _ = shared.popLast() }
        return shared
    }

    /// Adds the messages of the parent with which a session begins.
    mutating func addShared(_ shared: [SharedRun]) {
        var place = 0
        for run in shared {
            if let placement = run.placement {
                add(
                    Run(
                        source: .parent, first: place, count: run.count,
                        visible: placement.contains(.visible) ? .active : .absent,
                        context: placement.contains(.context) ? .active : .absent))
            }
            place += run.count
        }
    }

    /// Those of the runs at the front that a snapshot leaves to the parent: they follow each other from its first
    /// message on, and were not edited.
    var leftToParent: ArraySlice<Run> {
        var place = 0
        return runs.prefix { run in
            guard run.source == .parent, run.first == place, run.edit == nil else { return false }
            place += run.count
            return true
        }
    }
}

extension [MessageRuns.Run] {
    /// The part of the runs in which the messages at `places` are, counted from the first.
    func part(at places: Range<Int>) -> [MessageRuns.Run] {
        var found: [MessageRuns.Run] = []
        var start = 0
        for run in self {
            let overlap = (start..<start + run.count).clamped(to: places)
            if !overlap.isEmpty {
                var part = run
                part.first += overlap.lowerBound - start
                part.count = overlap.count
                found.append(part)
            }
            start += run.count
        }
        return found
    }
}

extension JSONWriter {
    mutating func member(_ name: StaticString, _ shared: [SharedRun]) {
        key(name)
        beginArray()
        for run in shared {
            beginArray()
            integer(run.count)
            if let placement = run.placement { string(placement.rawValue) } else { null() }
            endArray()
        }
        endArray()
    }
}

extension JSONRef {
    /// The member `shared`, which may be of any depth of detail.
    func sharedRuns() throws(ContentError) -> [SharedRun] {
        let list = try JSONTree.parsed(Array(try required("shared").raw), detail: 2)
        guard list.kind == .array else { throw ContentError("what is shared is not an array") }
        var shared: [SharedRun] = []
        for element in list.elements {
            let parts = element.kind == .array ? Array(element.elements) : []
            guard parts.count == 2, let count = parts[0].int.flatMap({ Int(exactly: $0) }), count > 0 else {
                throw ContentError("a run of shared messages without its count")
            }
            let placement = parts[1].string.flatMap(Placement.init(rawValue:))
            guard placement != nil || parts[1].isNull else { throw ContentError("shared messages in no known list") }
            shared.append(SharedRun(count: count, placement: placement))
        }
        return shared
    }
}
