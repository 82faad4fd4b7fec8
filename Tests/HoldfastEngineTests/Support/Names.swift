import Glibc
import HoldfastBytes
import HoldfastProof

/// Whether the long suites should only take samples: `HOLDFAST_QUICK=1`.
let isQuick = getenv("HOLDFAST_QUICK") != nil

/// A session id from text that is known to be one.
func id(_ text: String) -> SessionID { sessionID(text) }
