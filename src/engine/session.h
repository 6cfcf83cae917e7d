// A session: a model made ready to run on this machine with chosen threads, kernels and cache types. A step
// runs rows of one or many sequences at once; plans for a small set of sizes serve all steps. One thread uses
// a session at a time.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/api/registry.h"
#include "base/thread_team.h"
#include "engine/plan_bank.h"
#include "sample/logits_row.h"
#include "state/sequence_state.h"
#include "state/step_bindings.h"

namespace gannet {

struct SessionOptions {
  int64_t n_ctx = 0;        // longest sequence; 0: what the model was trained for, in memory or not
  int64_t n_ubatch = 512;   // tokens per run of the trunk in prefill
  int n_threads = 0;        // decode; 0: physical cores
  int n_threads_batch = 0;  // prefill; 0: as n_threads
  std::vector<int> cpus;    // thread i runs on cpus[i % size]; empty: anywhere
  DType k_type = DType::kF16, v_type = DType::kF16;
  KernelPolicy policy;  // empty isas: all of the machine
  // Where figures of devices are kept (empty: nowhere): policy.preferred is then chosen by them for prompts
  // on `device` (prompt_kernels.h). Nothing: it stays as it is.
  std::optional<std::string> figures_folder;
  GraphOptions graph;        // which graph is run, and which passes make it
  bool poison_dead = false;  // PlanOptions::poison_dead
  // All rows of all steps take the kernels whose results do not depend on what else is in the step: a prompt
  // gives the same bits however it is cut, and read from a cache or anew. Slower for prompts.
  bool exact = false;
  bool mtp = false;                // sequences keep what the MTP block remembers, too; if the model has one
  int64_t open_rows = 8;           // StatePoolOptions::open_rows
  int64_t fold_at = 1;             // StatePoolOptions::fold_at
  int64_t state_bytes = 0;         // StatePoolOptions::most_bytes
  int64_t carried_rows = 256;      // places of carry_hidden()
  std::shared_ptr<Device> device;  // runs the plans, holds the state; null: the CPU
  PlacementOptions placement;      // of a device other than the CPU: what lies on the CPU beside it
  // Where logits are made on a device: so many of the likeliest of each row are found there (StepPiece::top),
  // at most 256; 0: none, rows come whole.
  int64_t top_logits = 128;
  // Threads of another session to use, when there are as many as this one wants; sessions that take turns do
  // not leave waiting threads behind then. One session runs at a time.
  std::shared_ptr<ThreadTeam> team;
};

// Consecutive tokens of one sequence in a step.
struct StepPiece {
  SequenceState* sequence = nullptr;
  std::span<const int32_t> tokens;
  LogitRows logits = LogitRows::kLast;  // kNone, kLast or kAll, of this piece
  // All of them will be committed; without it any number may be (up to SessionOptions::open_rows tokens).
  bool kept = false;
  // Of the MTP block: for each token the number of the hidden row of the token before it.
  std::span<const int32_t> hidden;
  // Of the trunk: hidden rows of so many of its last rows are wanted, if the step makes any; < 0: of all.
  // Those with logits must be among them. Where few rows of a large step are wanted, the last layer does
  // less.
  int64_t n_hidden = -1;
  // The recurrent state is stored behind so many of its tokens (SequenceState::prepare), which all will be
  // committed, kept or not; -1: behind the last if they are kept, and now and then otherwise.
  int64_t base_after = -1;
  // Of its rows with logits the likeliest will mostly do: the others come when they are asked for
  // (Session::logits()).
  bool top = false;
};

// What a step produced; valid until the next step of the session.
struct StepResult {
  // F32[n, n_vocab]; data null when no piece wanted any. Rows of pieces with `top` may not be here.
  TensorView logits;
  std::span<const int32_t> rows;  // where in `logits` the wanted rows are, in the order of the pieces
  // Number of the first hidden row, the others follow; -1: not wanted. Of the trunk those of all rows of the
  // step, if all pieces want all of theirs. Of the MTP block those of the rows of `logits`, so that of the
  // i-th wanted row is hidden + rows[i].
  int32_t hidden = -1;
  std::span<const int32_t> piece_hidden;  // trunk: by piece, number of the first hidden row that it wanted

  const float* logits_row(size_t i) const { return logits.f32(rows[i]); }
};

// Rows of one sequence that a run produced. Valid until the next run of the session.
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

  // What the trunk and the MTP block remember of one text.
  SequenceState new_sequence() const { return SequenceState(pool_); }
  StatePool& pool() { return *pool_; }

  // Runs the trunk, or the MTP block, over all rows of all pieces, each behind what its sequence holds. A
  // sequence is in one piece at most. Rows come out the same to the bit whatever else is in the step if it
  // has at most kExactRows rows; in larger ones this holds for the pieces in front of the first kept one, so
  // prompts belong behind. `hidden`: the normed rows are wanted, for the MTP block (of the MTP block: of the
  // rows that get logits, of all if none do). Every sequence must then be committed (SequenceState::commit)
  // before its next step, with as many of its tokens as are kept.
  // Graphs whose state ops were not fused (see one_sequence_at_a_time()) take a single piece, which is kept.
  // Errors: kRuntime (token id outside the vocabulary, context full, too many rows), kOutOfMemory; all
  // sequences are as long as before then.
  Result<StepResult> step(StatePart part, std::span<const StepPiece> pieces, bool hidden = false);
  // Row i of the wanted ones of the last step, whose result this is: of its first n_vocab logits. Valid until
  // the next step.
  LogitsRow logits(const StepResult& result, size_t i, int32_t n_vocab);
  // The most rows of a step.
  int64_t most_rows() const;
  bool one_sequence_at_a_time() const { return !walks_; }

  // Hidden rows have numbers: a step's stay until the next one of the same part. This keeps one of them in
  // place `slot` (0 .. SessionOptions::carried_rows - 1) and returns its number there, carried_row(slot).
  Result<int32_t> carry_hidden(int32_t row, int32_t slot);
  int32_t carried_row(int32_t slot) const;
  // n rows from number `first` on, F32[n, n_embd] in memory of the host. Valid until the next step.
  Result<TensorView> hidden_rows(int32_t first, int64_t n);

  // A step of one sequence, committed. Errors as step(); after an error the sequence is unchanged.
  Result<ForwardRows> forward(SequenceState& sequence, std::span<const int32_t> tokens, LogitRows logits,
                              bool hidden = false);

  // The same for the MTP block: row i pairs tokens[i] with hidden[i], the normed trunk row of the token
  // before it. hidden is [tokens.size() * n_embd]. Row i has position sequence.length(StatePart::kMtp) + i.
  Result<ForwardRows> forward_mtp(SequenceState& sequence, std::span<const int32_t> tokens,
                                  std::span<const float> hidden, LogitRows logits);

  // Feeds any number of tokens in pieces of n_ubatch and returns the last row's logits. `keep_going` is asked
  // between pieces with the tokens done; false ends with kInterrupted. May be null.
  Result<ForwardRows> prefill(SequenceState& sequence, std::span<const int32_t> tokens,
                              const std::function<bool(size_t done)>& keep_going = {});

  // Has the plans for steps up to so many rows made in the background, for rows of prompts and for rows that
  // all want logits, and for the MTP block if hidden rows are wanted.
  void plan_ahead(int64_t n_rows, bool hidden = false);
  // Whether a step of so many rows, the last `wanted` of them with logits and the last n_hidden with hidden
  // rows, finds its plan. If not, it is made in the background.
  bool ready(StatePart part, int64_t n_rows, int64_t wanted, int64_t n_hidden);
  void wait_for_plans() { plans_->wait(); }
  // Plans that a step had to wait for, since the session began.
  int64_t plans_waited_for() const { return plans_->waited_for(); }

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
  // Memory for a head of `rows`' type and shape [n rows, n_embd], the session's own: the same each time for
  // the same number of rows, since plans are bound to it. From now on MTP steps give logits of these rows
  // instead of the head's, for as long as there is a session. Their content may change between steps. Errors:
  // kOutOfMemory, kDevice.
  Result<Place> use_draft_head(const TensorView& rows);
  const std::shared_ptr<Device>& device() const { return device_; }
  const Placement& placement() const { return placement_; }
  ThreadTeam& team() { return *team_; }
  std::shared_ptr<ThreadTeam> shared_team() const { return team_; }

 private:
  // Rows of a step, counted before it is prepared.
  struct Count;
  Session(std::shared_ptr<const Model> model, SessionOptions options);
  Result<void> make_homes();
  Result<void> fill_homes();
  int64_t device_bytes(const Placement& placement) const;
  void make_state();
  Result<MadePlan> make(const PlanRequest& request) const;
  int plan_threads(const PlanRequest& request) const;
  PlanRequest request_for(StatePart part, const Count& count, bool hidden, int64_t n_past) const;
  PlanRequest request_for_last(StatePart part, int64_t n_rows, int64_t wanted, int64_t n_hidden) const;
  Result<Count> count(StatePart part, std::span<const StepPiece> pieces, bool hidden) const;
  Result<void> fill(PlanBank::Entry& entry, StatePart part, std::span<const StepPiece> pieces,
                    const Count& count);
  int64_t pages_of_step() const;  // the most, on a device that replays recordings
  Result<void> write_step(const StepBindings& bindings);
  Result<void> run(PlanBank::Entry& entry, StepBindings& bindings, const StepRows& rows);
  int64_t top_logits(const PlanRequest& request) const;
  // In session_logits.cpp. n_rows: of the step; `top`: StepPiece::top of the wanted ones.
  Result<void> take_logits(PlanBank::Entry& entry, int64_t n_rows, std::span<const int32_t> wanted,
                           const std::vector<bool>& top, StepResult& result);
  Result<void> take_top(PlanBank::Entry& entry);
  Result<void> read_rows(int32_t first, int64_t n);
  Result<std::span<const float>> whole_row(int32_t row, int32_t n_vocab);
  Result<void> reserve_hidden();
  Place hidden_row(int32_t row) const;
  int32_t first_hidden(StatePart part) const;
  int64_t most_bytes() const;  // of state and scratch, when the context is full

  std::shared_ptr<const Model> model_;
  SessionOptions options_;
  std::vector<std::string> warnings_;
  std::shared_ptr<ThreadTeam> team_;
  std::shared_ptr<Device> device_;
  Placement placement_;
  std::vector<DeviceHome> homes_;                // the device first, then the CPU if anything lies there
  int64_t draft_head_rows_ = 0;                  // 0: the head of the model
  std::map<int64_t, DeviceBuffer> draft_heads_;  // by rows
  std::shared_ptr<StatePool> pool_;
  std::array<std::unique_ptr<StepBindings>, kStateParts.size()> bindings_;
  bool walks_ = true;    // the state ops of plans walk the segments of a step
  DeviceBuffer hidden_;  // F32[trunk rows, MTP rows, carried rows; n_embd]
  bool profiling_ = false;
  int64_t announced_bytes_ = 0;  // to the model's memory
  std::vector<int32_t> result_rows_, result_hidden_, numbers_;
  std::vector<float> host_logits_, host_hidden_;  // where the host does not see the device's memory
  // Of the last step that had any.
  struct Logits {
    const PlanBank::Entry* entry = nullptr;
    TensorView rows;
    bool in_place = false;  // else in host_logits_, when they are read
    std::vector<bool> read;
    std::span<const Candidate> top;  // n_top of each row; empty: none, or nobody wants them
    int64_t n_top = 0;
  } logits_;
  std::vector<Candidate> host_top_;
  Event hidden_copied_;              // the last copy of any
  std::unique_ptr<PlanBank> plans_;  // its thread uses the members above
};

}  // namespace gannet
