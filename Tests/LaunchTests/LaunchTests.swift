// lstm-dist on real ranks: its output, its files, and its exit.

import Testing

/// One run at a time: the ranks of two runs would compete for the cores.
@Suite("lstm-dist on real ranks", .serialized)
enum LaunchTests {}
