#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "base/memory_room.h"

namespace gannet {
namespace {

// Enough for decode, verify batches and the full ubatch; the rest are tails of prompts, each used once.
constexpr size_t kMaxPlans = 24;

// A bound for sums, far above what any machine has.
constexpr int64_t kMostStateBytes = int64_t{1} << 60;

// For activations and workspace; the largest plans known (80b-a3b, 512 tokens) need about half of it.
constexpr int64_t kScratchBytes = int64_t{256} << 20;

// Positions are 32-bit numbers.
constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

double gib(int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 30);
}

// Of a sequence of `n_tokens`; the largest number when it is more than that.
int64_t state_bytes(const StateLayout& layout, int64_t n_tokens) {
  int64_t kv = 0, sum = 0;
  if (__builtin_mul_overflow(layout.kv_bytes_per_token(), n_tokens, &kv) ||
      __builtin_add_overflow(kv, layout.recurrent_bytes(), &sum))
    return std::numeric_limits<int64_t>::max();
  return sum;
}

// A context that the user asked for: whether it can be held, and what speaks against it.
Result<void> check_context(int64_t n_ctx, uint32_t trained, const StateLayout& layout,
                           std::vector<std::string>& warnings) {
  if (n_ctx < 1 || n_ctx > kMostTokens)
    return Error(ErrorCode::kUsage,
                 fmt::format("--ctx-size is {}, it must be from 1 to {}", n_ctx, kMostTokens));
  const int64_t needed = state_bytes(layout, n_ctx);
  const auto refused = [&](int64_t there, const std::string& bound) {
    return Error(
        ErrorCode::kOutOfMemory,
        fmt::format("a full context of {} tokens takes {:.2f} GiB, more than the {:.2f} GiB that there are "
                    "({}); use a shorter one (--ctx-size) or smaller types (--cache-type-k, "
                    "--cache-type-v)",
                    n_ctx, gib(needed), gib(there), bound));
  };
  const MemoryRoom room = memory_room();
  if (needed > room.limit) return refused(room.limit, room.bound);
  if (const int64_t addresses = address_room(); needed > addresses)
    return refused(addresses, "limit of address space, ulimit -v");
  if (n_ctx > trained)
    warnings.push_back(fmt::format(
        "the context of {} tokens is longer than the {} that the model was trained for; expect worse answers "
        "beyond those",
        n_ctx, trained));
  if (needed > room.bytes)
    warnings.push_back(
        fmt::format("a full context of {} tokens takes {:.2f} GiB, {:.2f} GiB are free now ({})", n_ctx,
                    gib(needed), gib(room.bytes), room.bound));
  return {};
}

// Threads beyond what the machine has only take turns.
void limit_threads(int& n_threads, std::vector<std::string>& warnings) {
  const int most = ThreadTeam::most_threads();
  if (n_threads <= most) return;
  const std::string text = fmt::format(
      "{} threads are more than twice the processors that may be used, {} run instead", n_threads, most);
  if (warnings.empty() || warnings.back() != text) warnings.push_back(text);
  n_threads = most;
}

bool same(const GraphShape& a, const GraphShape& b) {
  return a.n_tokens == b.n_tokens && a.logits == b.logits && a.hidden == b.hidden;
}

}  // namespace

Session::Session(std::shared_ptr<const Model> model, SessionOptions options)
    : model_(std::move(model)), options_(std::move(options)), arena_(std::make_shared<Arena>()) {}

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Model> model, SessionOptions options) {
  const Hyperparameters& hp = model->hyperparameters();
  const bool chosen_context = options.n_ctx != 0;
  if (!chosen_context) options.n_ctx = std::min(int64_t{hp.context_length}, kMostTokens);
  if (options.n_threads <= 0) options.n_threads = ThreadTeam::default_threads(options.cpus);
  if (options.n_threads_batch <= 0) options.n_threads_batch = options.n_threads;
  if (options.policy.isas.empty()) options.policy.isas = machine_isas();
  if (options.n_ubatch < 1)
    return Error(ErrorCode::kUsage,
                 fmt::format("--ubatch-size is {}, it must be at least 1", options.n_ubatch));
  for (DType type : {options.k_type, options.v_type}) {
    const bool known =
        type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 || type == DType::kQ8_0;
    if (!known)
      return Error(
          ErrorCode::kUsage,
          fmt::format("KV cache type {} is not supported (f32, f16, bf16, q8_0 are)", dtype_info(type).name));
    if (hp.head_dim % dtype_info(type).block_elems != 0)
      return Error(ErrorCode::kUsage, fmt::format("KV cache type {} does not fit heads of {}",
                                                  dtype_info(type).name, hp.head_dim));
  }
  std::vector<std::string> warnings;
  limit_threads(options.n_threads, warnings);
  limit_threads(options.n_threads_batch, warnings);
  if (chosen_context)
    GANNET_TRY(check_context(options.n_ctx, hp.context_length,
                             trunk_state_layout(hp, options.k_type, options.v_type), warnings));
  std::unique_ptr<Session> session(new Session(std::move(model), std::move(options)));
  const SessionOptions& o = session->options_;
  session->warnings_ = std::move(warnings);
  const int n_members = std::max(o.n_threads, o.n_threads_batch);
  if (o.team != nullptr && o.team->size() == n_members)
    session->team_ = o.team;
  else
    session->team_ = GANNET_TRY(ThreadTeam::create(n_members, o.cpus));
  const auto make_part = [&](Part& part, const StateLayout& layout) {
    part.pool = std::make_shared<StatePool>(layout, o.n_ctx);
    part.bindings = std::make_unique<StateBindings>(layout);
  };
  make_part(session->trunk_, trunk_state_layout(hp, o.k_type, o.v_type));
  make_part(session->mtp_, mtp_state_layout(hp, o.k_type, o.v_type));
  session->announced_bytes_ = session->most_bytes();
  session->model_->memory().add_session(session->announced_bytes_);
  return session;
}

Session::~Session() {
  model_->memory().remove_session(announced_bytes_);
}

int64_t Session::most_bytes() const {
  int64_t bytes = kScratchBytes;
  for (const Part* part : {&trunk_, &mtp_}) {
    const StateLayout& layout = part->pool->layout();
    bytes += std::min(state_bytes(layout, options_.n_ctx), kMostStateBytes) + layout.recurrent_bytes();
  }
  return bytes;
}

Result<Session::CachedPlan*> Session::plan_for(const PlanRequest& request) {
  const int64_t n_kv = kv_rows(request.n_past + request.shape.n_tokens);
  for (auto it = plans_.begin(); it != plans_.end(); ++it) {
    const int64_t its_n_kv = it->made.report.n_kv;
    if (it->mtp != request.mtp || !same(it->shape, request.shape) || (its_n_kv != 0 && its_n_kv != n_kv))
      continue;
    if (it != plans_.begin()) plans_.splice(plans_.begin(), plans_, it);
    return &plans_.front();
  }
  Part& part = request.mtp ? mtp_ : trunk_;
  PlanOptions options;
  options.policy = options_.policy;
  options.poison_dead = options_.poison_dead;
  options.n_threads = request.shape.n_tokens == 1 ? options_.n_threads : options_.n_threads_batch;
  MadePlan made = GANNET_TRY(make_plan(
      *model_, request, options_.graph, options,
      [&](const std::string& name) { return part.bindings->find(name); }, arena_));
  if (plans_.size() >= kMaxPlans) plans_.pop_back();
  const Plan& plan = made.plan;
  const TensorView tokens = plan.input(InputSource::kTokens), positions = plan.input(InputSource::kPositions);
  const TensorView hidden = plan.input(InputSource::kHidden), mask = plan.input(InputSource::kCausalMask);
  const int logits_output = plan.output_index("logits"), hidden_output = plan.output_index("hidden");
  plans_.push_front({request.mtp,
                     request.shape,
                     std::move(made),
                     tokens,
                     positions,
                     hidden,
                     mask,
                     logits_output,
                     hidden_output,
                     {}});
  return &plans_.front();
}

Result<ForwardRows> Session::run(SequenceState& sequence, std::span<const int32_t> tokens,
                                 const float* hidden, const GraphShape& shape, bool mtp) {
  const Hyperparameters& hp = model_->hyperparameters();
  for (int32_t id : tokens)
    if (id < 0 || static_cast<uint32_t>(id) >= hp.n_vocab)
      return Error(ErrorCode::kRuntime,
                   fmt::format("token id {} is outside the model's vocabulary of {}", id, hp.n_vocab));
  CachedPlan* cached = GANNET_TRY(plan_for({shape, mtp, sequence.length()}));
  Plan& plan = cached->made.plan;
  Part& part = mtp ? mtp_ : trunk_;
  GANNET_TRY(sequence.prepare(shape.n_tokens, *part.bindings));
  std::memcpy(cached->tokens.data, tokens.data(), tokens.size_bytes());
  if (auto* positions = cached->positions.as<int32_t>())
    for (int64_t i = 0; i < shape.n_tokens; ++i) positions[i] = static_cast<int32_t>(sequence.length() + i);
  if (hidden != nullptr) std::memcpy(cached->hidden.data, hidden, tokens.size() * hp.n_embd * sizeof(float));
  if (cached->mask.data != nullptr) fill_causal_mask(cached->mask, sequence.length());
  WeightMemory& memory = model_->memory();
  memory.begin_run();
  const auto began = std::chrono::steady_clock::now();
  if (profiling_)
    run_timed(*cached);
  else
    plan.run(*team_);
  GANNET_TRY(memory.end_run(*team_, shape.n_tokens == 1 ? options_.n_threads : options_.n_threads_batch,
                            std::chrono::steady_clock::now() - began));
  sequence.commit(shape.n_tokens);
  return ForwardRows{plan.output(cached->logits_output), plan.output(cached->hidden_output)};
}

void Session::run_timed(CachedPlan& cached) {
  Profile& profile = cached.profile;
  cached.made.plan.run_timed(*team_, profile.last_ends);
  profile.nanoseconds.resize(profile.last_ends.size());
  double before = 0;
  for (size_t i = 0; i < profile.last_ends.size(); ++i) {
    profile.nanoseconds[i] += profile.last_ends[i] - before;
    before = profile.last_ends[i];
  }
  ++profile.runs;
}

std::vector<Session::Profile> Session::profiles() const {
  std::vector<Profile> all;
  for (const CachedPlan& cached : plans_) {
    if (cached.profile.runs == 0) continue;
    all.push_back(cached.profile);
    all.back().plan = &cached.made.plan;
  }
  return all;
}

Result<ForwardRows> Session::forward(SequenceState& sequence, std::span<const int32_t> tokens,
                                     LogitRows logits, bool hidden) {
  return run(sequence, tokens, nullptr, {static_cast<int64_t>(tokens.size()), logits, hidden}, false);
}

Result<ForwardRows> Session::forward_mtp(SequenceState& sequence, std::span<const int32_t> tokens,
                                         std::span<const float> hidden, LogitRows logits, bool want_hidden) {
  GANNET_CHECK(hidden.size() == tokens.size() * model_->hyperparameters().n_embd);
  return run(sequence, tokens, hidden.data(), {static_cast<int64_t>(tokens.size()), logits, want_hidden},
             true);
}

Result<ForwardRows> Session::prefill(SequenceState& sequence, std::span<const int32_t> tokens,
                                     const std::function<bool(size_t)>& keep_going) {
  ForwardRows rows;
  for (size_t at = 0; at < tokens.size();) {
    const size_t n = std::min(static_cast<size_t>(options_.n_ubatch), tokens.size() - at);
    const bool last = at + n == tokens.size();
    rows = GANNET_TRY(forward(sequence, tokens.subspan(at, n), last ? LogitRows::kLast : LogitRows::kNone));
    at += n;
    if (keep_going && !keep_going(at) && !last)
      return Error(ErrorCode::kInterrupted, "stopped while reading the prompt");
  }
  return rows;
}

Result<const MadePlan*> Session::plan(const PlanRequest& request) {
  CachedPlan* cached = GANNET_TRY(plan_for(request));
  return static_cast<const MadePlan*>(&cached->made);
}

}  // namespace gannet
