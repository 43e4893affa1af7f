// lstm-dist itself on real ranks: what it prints, what it writes, and how it ends.

import Testing

/// One run at a time: the ranks of two would fight for the cores.
@Suite("lstm-dist on real ranks", .serialized)
enum LaunchTests {}
