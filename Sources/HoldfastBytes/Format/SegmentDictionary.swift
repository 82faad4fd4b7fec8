/// The zstd dictionary of every frame in a segment; docs/format.md has it, and a test compares the two.
///
/// Its tables are codes for literals, lengths and offsets that fit short records of agents' transcripts, so that none
/// is made for each of them. Its text is what many sessions begin with. tools/lib/bench/dictionary.c has made it.
package enum SegmentDictionary {
    /// The whole dictionary, as zstd takes it.
    package static let bytes: [UInt8] = decoded(tables) + Array(text.utf8)

    /// The same without its text, but for as much as a dictionary must have: an encoder that uses this one makes frames
    /// that are read with the whole, for distances count from the end.
    package static let tablesOnly: [UInt8] = decoded(tables) + text.utf8.suffix(7)

    private static let tables = """
        37a430ec484644314010b0a2690e300cc3300cc3300cc3c00b1ded772352046d912b1f25692d4959f1ec0badc368fd6d18f64035\
        a0daff7e5db3647b69696969938edaefb513007078130120141c1a1088449a0f000004808e50cc8ac94664913c8a7328c918630c\
        008000800c00010020101800000000246ba764c35381401e8f45410c03498e948e513300000000010000000200000004000000
        """

    private static let text = #"""
        ","timestamp":"2026-01-01T00:00:00.000Z","parentUuid":"","sessionId":"","version":"1.0.0","cwd":"/ho\#
        me/user/projects/","gitBranch":"main","isSidechain":false,"userType":"external","model":"","stop_rea\#
        son":"tool_use","usage":{"input_tokens":1,"cache_creation_input_tokens":0,"cache_read_input_tokens":\#
        0,"output_tokens":2}},"function":{"name":"get_","arguments":"{\"query\": \"\", \"path\": \"/src/inde\#
        x.js\", \"command\": \"cd && python3 test.py\", \"description\": \""}}]}"tool_calls":[{"id":"call_",\#
        "type":"function"{"results": [], "error": null, "status": "success", "message": "The following are f\#
        iles in the directory, and I will check whether this should work.\n\n```python\nimport os\n\ndef mai\#
        n(self):\n        return self.name\n    for i in range(10):\n        if not None:\n            print\#
        (\"\")\n```\n\nTo do this, you can use the function that would have been called with your informatio\#
        n. I have also added another example of how they were created from these:\n\n1. **First**: {"create"\#
        :{"fields":{"title":"","created_at":1,"updated_at":1,{"turn":"","key":"","status":"completed","messa\#
        ges":[{"id":"","role":"tool","tool_call_id":"call_","name":"bash","content":"{\"type\":\"tool_result\#
        \",\"tool_use_id\":\"toolu_01","is_error":false,"content":[{"type":"text","text":"I'll help you wit\#
        h that. Let me [{"role":"assistant","content":null,[{"type":"tool_use","id":"toolu_01","name":"","in\#
        put":{"[{"role":"assistant","content":"I'm sorry, but I can [{"role":"user","content":"Can you pleas\#
        e help me
        """#

    /// The bytes of hexadecimal digits.
    private static func decoded(_ digits: String) -> [UInt8] {
        let nibbles = digits.utf8.map { $0 < 58 ? $0 - 48 : $0 - 87 }
        return stride(from: 0, to: nibbles.count, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] }
    }
}
