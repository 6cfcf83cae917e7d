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
#include "engine/plan_maker.h"
#include "state/sequence_state.h"

namespace gannet {

struct SessionOptions {
  int64_t n_ctx = 0;        // longest sequence; 0: what the model was trained for, in memory or not
  int64_t n_ubatch = 512;   // tokens per run of the trunk in prefill
  int n_threads = 0;        // decode; 0: physical cores
  int n_threads_batch = 0;  // prefill; 0: as n_threads
  std::vector<int> cpus;    // thread i runs on cpus[i % size]; empty: anywhere
  DType k_type = DType::kF16, v_type = DType::kF16;
  KernelPolicy policy;       // empty isas: all of the machine
  GraphOptions graph;        // which graph is run, and which passes make it
  bool poison_dead = false;  // PlanOptions::poison_dead
  // Threads of another session to use, when there are as many as this one wants; sessions that take turns do
  // not leave waiting threads behind then. One session runs at a time.
  std::shared_ptr<ThreadTeam> team;
};

// Rows a run produced. Valid until the next run of the session.
struct ForwardRows {
  TensorView logits;  // F32[rows, n_vocab]; data null for LogitRows::kNone
  TensorView hidden;  // F32[n_tokens, n_embd]; data null unless asked for
};

class Session {
 public:
  // More threads than ThreadTeam::most_threads() are lowered to it (see warnings()). Errors: kUsage for
  // options that make no sense together; kOutOfMemory for a context that was asked for and would not fit into
  // the memory that this machine, the control group or the limit of the process has, and for threads that the
  // system does not give.
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const Model> model, SessionOptions options);
  ~Session();

  const Model& model() const { return *model_; }
  const SessionOptions& options() const { return options_; }
  // What the user should know about the options: numbers that were lowered, or that promise too much. Whole
  // sentences, for stderr.
  const std::vector<std::string>& warnings() const { return warnings_; }

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

  // The plan for these runs, made if it is not there yet. Valid until the next call of any method.
  Result<const MadePlan*> plan(const PlanRequest& request);
  // Times every step of all runs from now on (or no longer).
  void set_profiling(bool on) { profiling_ = on; }
  // What was timed: time per step and the plan it belongs to, one entry per plan that ran.
  struct Profile {
    const Plan* plan;
    int64_t runs = 0;
    std::vector<double> nanoseconds;  // per step, summed over the runs
    std::vector<double> last_ends;    // of the last run: when each step was over, from its start
  };
  std::vector<Profile> profiles() const;
  ThreadTeam& team() { return *team_; }
  std::shared_ptr<ThreadTeam> shared_team() const { return team_; }

 private:
  // One of the two graphs with its state.
  struct Part {
    std::shared_ptr<StatePool> pool;
    std::unique_ptr<StateBindings> bindings;
  };
  struct CachedPlan {
    bool mtp;
    GraphShape shape;
    MadePlan made;
    TensorView tokens, positions, hidden, mask;  // inputs; data null where the plan has none
    int logits_output, hidden_output;
    Profile profile;
  };

  Session(std::shared_ptr<const Model> model, SessionOptions options);
  Result<CachedPlan*> plan_for(const PlanRequest& request);
  void run_timed(CachedPlan& cached);
  Result<ForwardRows> run(SequenceState& sequence, std::span<const int32_t> tokens, const float* hidden,
                          const GraphShape& shape, bool mtp);
  int64_t most_bytes() const;  // of state and scratch, when the context is full

  std::shared_ptr<const Model> model_;
  SessionOptions options_;
  std::vector<std::string> warnings_;
  std::shared_ptr<ThreadTeam> team_;
  std::shared_ptr<Arena> arena_;
  Part trunk_, mtp_;
  bool profiling_ = false;
  int64_t announced_bytes_ = 0;  // to the model's memory
  std::list<CachedPlan> plans_;  // most recently used first
};

}  // namespace gannet
