// One test of `gannet bench`, and what one run of it gave.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "draft/options.h"
#include "tensor/dtype.h"
#include "text/vocabulary.h"

namespace gannet {

// One combination of the swept values.
struct BenchTest {
  size_t model = 0;  // index into the models of the runner
  int64_t n_prompt = 0, n_gen = 0, n_depth = 0;
  int64_t n_ubatch = 512;
  int n_threads = 0;
  DType k_type = DType::kF16, v_type = DType::kF16;
  bool naive = false;
  int first_n = -1;       // PipelineOptions::first_n
  std::string pass = {};  // BenchRecord::pass
  // With --spec: as typed, and what it means. Empty: tokens are fed without decoder and sampler.
  std::string spec = {};
  SpeculationOptions speculation = {};
  std::string text_file = {};     // whose text is read and said; empty: random tokens are read
  std::string prompts_file = {};  // whose prompts are answered, with n_gen tokens at most; n_prompt is 0 then
  float temperature = 0;          // of these answers
  uint64_t seed = 0;
  int64_t n_parallel = 1;  // sequences at once

  bool speculates() const { return !spec.empty() && speculation.mode != SpeculationMode::kOff; }
};

// What drafting gave.
struct BenchDrafts {
  int64_t drafted = 0, verified = 0, accepted = 0;  // tokens
  int64_t rounds = 0, tokens = 0;                   // steps of the target, and tokens that they gave

  BenchDrafts& operator+=(const BenchDrafts& o) {
    drafted += o.drafted;
    verified += o.verified;
    accepted += o.accepted;
    rounds += o.rounds;
    tokens += o.tokens;
    return *this;
  }
};

// An answer to one of the prompts.
struct BenchAnswer {
  std::string kind, name;  // of the prompt
  std::vector<TokenId> tokens;
  std::string text;  // the same, decoded
  // Of the rounds that gave all tokens but the first, which reading the prompt gives. Sequences that share a
  // round share its time.
  int64_t nanoseconds = 0;
};

struct BenchRun {
  int64_t nanoseconds = 0;
  BenchDrafts drafts = {};
  int64_t tokens = 0;  // that the time was for
  std::vector<BenchAnswer> answers = {};
};

}  // namespace gannet
