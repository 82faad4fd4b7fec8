/// Mixes words into a number that hardly ever comes out the same for different words (not against an adversary).
struct Fingerprint {
    private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func add(_ word: UInt64) {
        let product = (value ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        value = product.high ^ product.low &+ 0x2545_F491_4F6C_DD1D
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 8 <= bytes.count {
            add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        while offset < bytes.count {
            add(UInt64(bytes[offset]))
            offset += 1
        }
        add(UInt64(bytes.count))
    }

    mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }
}

extension FileContent {
    /// The same for the same bytes, whether zeros were written or are a hole.
    var fingerprint: UInt64 {
        var sum = UInt64(byteCount)
        for (number, block) in blocks {
            block.withUnsafeBytes { bytes in
                if bytes.allZero { return }
                var print = Fingerprint()
                print.add(UInt64(number))
                print.add(bytes)
                sum &+= print.value
            }
        }
        return sum
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var allZero: Bool {
        bindMemory(to: UInt64.self).allSatisfy { $0 == 0 }
    }
}

extension Tree {
    /// See ``SimulatedStorage/fingerprint(includes:)``.
    func fingerprint(_ includes: (String) -> Bool) -> UInt64 {
        var sum: UInt64 = 0
        visit(Self.root, "") { path, node in
            guard includes(path) else { return false }
            var print = Fingerprint()
            print.add(path)
            print.add(node.isDirectory ? 1 : contents[node]?.fingerprint ?? 0)
            sum &+= print.value
            return true
        }
        return sum
    }

    /// The content of every file by its path.
    var files: [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        visit(Self.root, "") { path, node in
            if !node.isDirectory {
                let content = contents[node] ?? FileContent()
                files[path] = content.bytes(at: 0, count: content.byteCount)
            }
            return true
        }
        return files
    }

    /// Calls `body` with everything below a directory; what lies in one only when it answers `true`.
    private func visit(_ directory: Node, _ prefix: String, _ body: (String, Node) -> Bool) {
        for (name, node) in entries[directory] ?? [:] {
            let path = prefix + name
            if body(path, node), node.isDirectory { visit(node, path + "/", body) }
        }
    }
}
