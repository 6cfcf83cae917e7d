#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

// Enough for decode, verify batches and the full ubatch; the rest are tails of prompts, each used once.
constexpr size_t kMaxPlans = 24;

// Plans with a fixed number of KV rows are made anew in steps of this many.
constexpr int64_t kKvStep = 256;

// For activations and workspace; the largest plans known (80b-a3b, 512 tokens) need about half of it.
constexpr int64_t kScratchBytes = int64_t{256} << 20;

bool same(const GraphShape& a, const GraphShape& b) {
  return a.n_tokens == b.n_tokens && a.logits == b.logits && a.hidden == b.hidden;
}

}  // namespace

Session::Session(std::shared_ptr<const Model> model, SessionOptions options)
    : model_(std::move(model)), options_(std::move(options)), arena_(std::make_shared<Arena>()) {}

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Model> model, SessionOptions options) {
  const Hyperparameters& hp = model->hyperparameters();
  if (options.n_ctx == 0) options.n_ctx = hp.context_length;
  if (options.n_threads <= 0) options.n_threads = ThreadTeam::physical_cores();
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
  std::unique_ptr<Session> session(new Session(std::move(model), std::move(options)));
  const SessionOptions& o = session->options_;
  const int n_members = std::max(o.n_threads, o.n_threads_batch);
  session->team_ = o.team != nullptr && o.team->size() == n_members
                       ? o.team
                       : std::make_shared<ThreadTeam>(n_members, o.cpus);
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
    bytes += layout.kv_bytes_per_token() * options_.n_ctx + 2 * layout.recurrent_bytes();
  }
  return bytes;
}

int64_t Session::kv_rows(int64_t n_tokens) {
  return (n_tokens + kKvStep - 1) / kKvStep * kKvStep;
}

Result<Session::CachedPlan*> Session::plan_for(const GraphShape& shape, bool mtp, int64_t n_past) {
  const int64_t n_kv = kv_rows(n_past + shape.n_tokens);
  for (auto it = plans_.begin(); it != plans_.end(); ++it) {
    if (it->mtp != mtp || !same(it->shape, shape) || (it->n_kv != 0 && it->n_kv != n_kv)) continue;
    if (it != plans_.begin()) plans_.splice(plans_.begin(), plans_, it);
    return &plans_.front();
  }
  const Hyperparameters& hp = model_->hyperparameters();
  const WeightTable& weights = model_->weights();
  const Graph graph = GANNET_TRY(mtp ? build_mtp(hp, weights, shape) : build_trunk(hp, weights, shape));
  const CompiledGraph compiled = GANNET_TRY(compile_graph(graph, options_.graph, n_kv, all_ops()));
  Part& part = mtp ? mtp_ : trunk_;
  PlanOptions options;
  options.policy = options_.policy;
  options.poison_dead = options_.poison_dead;
  options.n_threads = shape.n_tokens == 1 ? options_.n_threads : options_.n_threads_batch;
  Plan plan = GANNET_TRY(Plan::make(
      compiled.graph, all_kernels(), options, [&](const std::string& name) { return weights.view(name); },
      [&](const std::string& name) { return part.bindings->find(name); }, arena_));
  for (const Value& v : compiled.graph.values)
    if (v.kind == ValueKind::kInput) fill_constant_input(v.name, plan.input(v.name));
  if (plans_.size() >= kMaxPlans) plans_.pop_back();
  const TensorView tokens = plan.input("tokens"), positions = plan.input("positions");
  const TensorView hidden = plan.input("hidden"), mask = plan.input("attention.mask");
  const int logits_output = plan.output_index("logits"), hidden_output = plan.output_index("hidden");
  plans_.push_front({mtp,
                     shape,
                     compiled.fixed_kv ? n_kv : 0,
                     std::move(plan),
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
  CachedPlan* cached = GANNET_TRY(plan_for(shape, mtp, sequence.length()));
  Plan& plan = cached->plan;
  Part& part = mtp ? mtp_ : trunk_;
  GANNET_TRY(sequence.prepare(shape.n_tokens, *part.bindings));
  std::memcpy(cached->tokens.data, tokens.data(), tokens.size_bytes());
  if (auto* positions = cached->positions.as<int32_t>())
    for (int64_t i = 0; i < shape.n_tokens; ++i) positions[i] = static_cast<int32_t>(sequence.length() + i);
  if (hidden != nullptr) std::memcpy(cached->hidden.data, hidden, tokens.size() * hp.n_embd * sizeof(float));
  if (cached->mask.data != nullptr) fill_attention_mask(cached->mask, sequence.length());
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
  cached.plan.run_timed(*team_, profile.last_ends);
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
    all.back().plan = &cached.plan;
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

Result<const Plan*> Session::plan(const GraphShape& shape, bool mtp, int64_t n_past) {
  CachedPlan* cached = GANNET_TRY(plan_for(shape, mtp, n_past));
  return static_cast<const Plan*>(&cached->plan);
}

}  // namespace gannet
