// A session: a model made ready to run on this machine with chosen threads, kernels and cache types. Plans
// are built once per shape and replayed. One thread uses a session at a time.
#pragma once

#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/api/registry.h"
#include "base/thread_team.h"
#include "engine/model.h"
#include "exec/plan.h"
#include "model/graphs.h"
#include "state/sequence_state.h"

namespace gannet {

struct SessionOptions {
  int64_t n_ctx = 0;        // longest sequence; 0: what the model was trained for
  int64_t n_ubatch = 512;   // tokens per run of the trunk in prefill
  int n_threads = 0;        // decode; 0: physical cores
  int n_threads_batch = 0;  // prefill; 0: as n_threads
  std::vector<int> cpus;    // thread i runs on cpus[i % size]; empty: anywhere
  DType k_type = DType::kF16, v_type = DType::kF16;
  KernelPolicy policy;  // empty isas: all of the machine
};

// Rows a run produced. Valid until the next run of the session.
struct ForwardRows {
  TensorView logits;  // F32[rows, n_vocab]; data null for LogitRows::kNone
  TensorView hidden;  // F32[n_tokens, n_embd]; data null unless asked for
};

class Session {
 public:
  // Errors: kUsage for options that make no sense together.
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const Model> model, SessionOptions options);

  const Model& model() const { return *model_; }
  const SessionOptions& options() const { return options_; }

  SequenceState new_sequence() const { return SequenceState(trunk_.pool); }
  SequenceState new_mtp_sequence() const { return SequenceState(mtp_.pool); }

  // Runs the trunk over `tokens` (at most n_ubatch) behind what `sequence` holds. Errors: kRuntime (token id
  // outside the vocabulary, context full), kOutOfMemory. After an error the sequence is unchanged.
  Result<ForwardRows> forward(SequenceState& sequence, std::span<const int32_t> tokens, LogitRows logits,
                              bool hidden = false);

  // Runs the MTP block: row i pairs tokens[i] with hidden[i], the normed trunk row of the token before it.
  // hidden is [tokens.size() * n_embd]. `sequence` comes from new_mtp_sequence(); row i has position
  // sequence.length() + i. Errors as forward().
  Result<ForwardRows> forward_mtp(SequenceState& sequence, std::span<const int32_t> tokens,
                                  std::span<const float> hidden, LogitRows logits, bool want_hidden = false);

  // Feeds any number of tokens in pieces of n_ubatch and returns the last row's logits. `keep_going` is asked
  // between pieces with the tokens done; false ends with kInterrupted. May be null.
  Result<ForwardRows> prefill(SequenceState& sequence, std::span<const int32_t> tokens,
                              const std::function<bool(size_t done)>& keep_going = {});

  // Text of the plan for a shape.
  Result<std::string> explain(const GraphShape& shape, bool mtp);
  // Bytes and flops of one trunk run of that shape.
  Result<Cost> cost(const GraphShape& shape);
  ThreadTeam& team() { return *team_; }

 private:
  // One of the two graphs with its state.
  struct Part {
    std::shared_ptr<StatePool> pool;
    std::unique_ptr<StateBindings> bindings;
  };
  struct CachedPlan {
    bool mtp;
    GraphShape shape;
    Plan plan;
  };

  Session(std::shared_ptr<const Model> model, SessionOptions options);
  Result<Plan*> plan_for(const GraphShape& shape, bool mtp);
  Result<ForwardRows> run(SequenceState& sequence, std::span<const int32_t> tokens, const float* hidden,
                          const GraphShape& shape, bool mtp);

  std::shared_ptr<const Model> model_;
  SessionOptions options_;
  std::unique_ptr<ThreadTeam> team_;
  std::shared_ptr<Arena> arena_;
  Part trunk_, mtp_;
  std::list<CachedPlan> plans_;  // most recently used first
};

}  // namespace gannet
