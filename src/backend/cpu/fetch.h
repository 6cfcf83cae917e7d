// Where weights are best fetched to while those before them are multiplied, which differs between processors.
#pragma once

namespace gannet {

// Whether weights of 6 and 8 bits, which are multiplied faster than one core can load them, are fetched into
// the first level cache as all others are, and not into the second and further ahead. Zen 4 halves its
// bandwidth when they are; Zen 5 gains when generating (docs/performance.md). Set before main() begins.
extern const bool fetches_near;

}  // namespace gannet
