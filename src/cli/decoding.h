// From flags to a session that decodes with speculation, with what earlier runs measured on this machine.
#pragma once

#include <memory>
#include <string>

#include "cli/model_options.h"
#include "cli/speculation_options.h"
#include "engine/decoder.h"
#include "speculation/profile.h"
#include "text/vocabulary.h"

namespace gannet {

struct Decoding {
  std::unique_ptr<Session> session;
  std::unique_ptr<Decoder> decoder;
  std::string profile_path;  // empty: nothing is kept
  TunedSettings settings;    // what the profile says
  TokenCounts counts;        // the same, of texts before

  // Says what went wrong with drafting, and keeps what was measured for the next run. Why that cannot be is
  // said with -v only: it is not what the user asked for.
  void keep_profile(bool verbose) const;
};

// Says on stderr what the user should know. `vocabulary` must outlive it;
// `n_streams`: texts at once; `state_bytes`: most memory for their states, 0: no limit. Errors: kUsage naming
// a flag, those of Session::create() and of a draft model's loading.
Result<Decoding> make_decoding(std::shared_ptr<const Model> model, const ModelOptions& options,
                               const SpeculationFlags& flags, const Vocabulary& vocabulary, int n_streams = 1,
                               int64_t state_bytes = 0);

// The file for this model, on this machine, with the threads, the processors and the types of the cache that
// the options say. Empty: none; so it is, too, with kernels or graphs that are not the usual ones, whose
// times say nothing of those.
// `device`: the one that was chosen for these; null: the CPU.
std::string profile_path_of(const Model& model, const ModelOptions& options, const Device* device = nullptr);

}  // namespace gannet
