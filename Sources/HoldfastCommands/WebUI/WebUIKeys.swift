/// The keys of a session file of hermes-webui, in the order in which that program writes them.
///
/// The order is part of the format: that program reads the metadata of a long session from the first 64 KiB of its
/// file.
enum WebUIKeys {
    /// A key, and what is written for a session without it; `nil` for keys whose default is the program's
    /// configuration, which it looks up when they are missing.
    typealias Key = (name: String, standard: String?)

    static let messageCount = "message_count"
    static let messages = "messages"
    static let context = "context_messages"
    static let sessionID = "session_id"

    /// What the program keeps about the turn that is being answered.
    static let runtime = [
        "active_stream_id", "pending_user_message", "pending_attachments", "pending_started_at", "pending_user_source",
    ]

    /// Everything before the messages.
    static let beforeMessages: [Key] =
        [
            (sessionID, nil), ("title", "\"Untitled\""), ("workspace", nil), ("created_workspace", nil), ("model", nil),
            ("model_provider", "null"), ("model_explicit_pick_signature", "null"), ("created_at", nil),
            ("updated_at", nil), ("pinned", "false"), ("archived", "false"), ("project_id", "null"),
            ("profile", "null"), ("input_tokens", "0"), ("output_tokens", "0"), ("estimated_cost", "null"),
            ("cache_read_tokens", "0"), ("cache_write_tokens", "0"), ("personality", "null"),
            ("active_stream_id", "null"), ("pending_user_message", "null"), ("pending_attachments", "[]"),
            ("pending_started_at", "null"), ("pending_user_source", "null"),
        ] + compression + [
            ("truncation_watermark", "null"), ("truncation_boundary", "null"), ("clear_generation", "null"),
            ("intentional_shrink_generation", "null"), ("gateway_routing", "null"), ("gateway_routing_history", "[]"),
            ("llm_title_generated", "false"), ("manual_title", "false"), ("parent_session_id", "null"),
            ("worktree_path", "null"), ("worktree_branch", "null"), ("worktree_repo_root", "null"),
            ("worktree_created_at", "null"), ("is_cli_session", "false"), ("source_tag", "null"),
            ("raw_source", "null"), ("session_source", "null"), ("source_label", "null"), ("read_only", "false"),
            ("enabled_toolsets", "null"), ("composer_draft", "{}"), ("process_wakeup_pause", "{}"),
            ("share_token", "null"), ("share_created_at", "null"), (messageCount, nil), ("anchor_scene_index", "{}"),
        ]

    private static let compression: [Key] = [
        ("compression_anchor_visible_idx", "null"), ("compression_anchor_message_key", "null"),
        ("compression_anchor_summary", "null"), ("pre_compression_snapshot", "false"), ("context_engine", "null"),
        ("compression_anchor_engine", "null"), ("compression_anchor_mode", "null"),
        ("compression_anchor_details", "{}"), ("context_engine_state", "{}"), ("context_length", "null"),
        ("threshold_tokens", "null"), ("last_prompt_tokens", "null"),
        ("post_compression_context_tokens_estimate", "null"), ("compression_recovery", "{}"),
        ("recommended_recovery_action", "null"), ("compression_recovery_source_session_id", "null"),
        ("compression_recovery_action", "null"),
    ]

    /// What follows the messages; then come the messages of the context, then what the program does not know.
    static let afterMessages: [Key] = [("tool_calls", "[]"), ("anchor_activity_scenes", "{}")]

    /// The keys of a row of the index, in order.
    static let indexRow = [
        sessionID, "title", "workspace", "model", "model_provider", messageCount, "created_at", "updated_at",
        "last_message_at", "pinned", "archived", "project_id", "profile", "input_tokens", "output_tokens",
        "estimated_cost", "cache_read_tokens", "cache_write_tokens", "cache_hit_percent", "personality",
        "compression_anchor_visible_idx", "compression_anchor_message_key", "compression_anchor_summary",
        "pre_compression_snapshot", "context_engine", "compression_anchor_engine", "compression_anchor_mode",
        "compression_anchor_details", "context_engine_state", "context_length", "threshold_tokens",
        "last_prompt_tokens", "post_compression_context_tokens_estimate", "compression_recovery",
        "recommended_recovery_action", "gateway_routing", "gateway_routing_history", "manual_title",
        "created_workspace", "user_message_count", "active_stream_id", "pending_user_message",
        "has_pending_user_message", "is_cli_session", "source_tag", "raw_source", "session_source", "source_label",
        "read_only", "enabled_toolsets", "composer_draft", "process_wakeup_pause", "share_token", "share_created_at",
        "is_streaming",
    ]

    /// Keys that a row has only when they are set; the row of a parent's child ends with them.
    static let indexRowWhenSet = [
        "parent_session_id", "compression_recovery_source_session_id", "compression_recovery_action", "worktree_path",
        "worktree_branch", "worktree_repo_root", "worktree_created_at",
    ]

    /// The longest id whose file and temporary file have a name on every file system.
    static let idByteCount = 200

    /// Whether the program takes `id` for a session: letters, digits, `_` and `-`; what begins with `_` is never a
    /// session.
    static func isSessionID(_ id: String) -> Bool {
        !id.isEmpty && !id.hasPrefix("_")
            && id.utf8.allSatisfy {
                (48...57).contains($0) || (97...122).contains($0 | 0x20) || $0 == UInt8(ascii: "_")
                    || $0 == UInt8(ascii: "-")
            }
    }
}
