import HoldfastBytes
import HoldfastProof

/// A session id from text that is known to be one.
func id(_ text: String) -> SessionID { sessionID(text) }
