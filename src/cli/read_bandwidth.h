// Measures how fast the threads of this machine can read memory together: the bound of decoding, which reads
// every active weight once per token.
#pragma once

#include <vector>

#include "base/result.h"

namespace gannet {

// Bytes per second that `n_threads` threads reach when each streams through its own part of a buffer many
// times larger than the caches: the best of several passes, so that a neighbour's burst of work does not
// count; with more than ThreadTeam::most_threads() those that so many reach. `cpus` as in ThreadTeam. Takes
// about half a second and up to a quarter of the free memory; measured once per process for each (n_threads,
// cpus), later calls return the same number. Not thread-safe. Errors: kOutOfMemory (no buffer, no threads).
Result<double> read_bandwidth(int n_threads, const std::vector<int>& cpus);

}  // namespace gannet
