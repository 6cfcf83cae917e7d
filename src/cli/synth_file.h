// Writes a model file of a named shape with random weights: keys, a made-up vocabulary and tensors as a
// published file has them, so that programs load it, tokenize with it and do the work of the real model. What
// it says is noise.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/thread_team.h"
#include "model/mix.h"
#include "model/shapes.h"

namespace gannet {

struct SynthReport {
  int64_t n_parameters = 0;
  uint64_t file_bytes = 0;
};

// `keep_going` is told the fraction done and may be null; false ends the work. Errors: kUsage (a vocabulary
// too small for the byte and control tokens), kOutput (no space, not writable), kInterrupted. On any error
// PATH is as before.
Result<SynthReport> write_synthetic_model(const std::string& path, const ModelShape& shape, const Mix& mix,
                                          uint64_t seed, ThreadTeam& team,
                                          const std::function<bool(double)>& keep_going);

}  // namespace gannet
