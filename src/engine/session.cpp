#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <set>

#include <fmt/core.h>

#include "backend/api/device_step.h"
#include "backend/cpu/cpu_device.h"
#include "backend/cpu/isa.h"
#include "base/memory_room.h"
#include "engine/device_state_memory.h"
#include "engine/prompt_kernels.h"
#include "tensor/kv_formats.h"

namespace gannet {
namespace {

// Of those that were not made ahead.
constexpr size_t kMaxPlans = 24;

// A bound for sums, far above what any machine has.
constexpr int64_t kMostStateBytes = int64_t{1} << 60;

// For activations and workspace; the largest plans known (80b-a3b, 512 tokens) need about half of it.
constexpr int64_t kScratchBytes = int64_t{256} << 20;

// A device has room for the state of a sequence of so many tokens at least, if the context is longer: pages
// are taken as it grows.
constexpr int64_t kFittedTokens = 16384;

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

StateLayout layout_of(const Hyperparameters& hp, const SessionOptions& o) {
  return o.mtp ? state_layout(hp, o.k_type, o.v_type) : trunk_state_layout(hp, o.k_type, o.v_type);
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

std::set<DType> matrix_types(const Model& model) {
  std::set<DType> types;
  for (const auto& [name, view] : model.weights().all())
    if (view.shape.rank > 1) types.insert(view.dtype);
  return types;
}

// Whether state ops of the graphs that these options make walk over the segments of a step. Without its
// fusions a graph has ops that know a single sequence, and a number of its tokens.
bool walks_segments(const GraphOptions& options) {
  return !options.naive && options.passes.off.empty() && options.passes.first_n < 0;
}

}  // namespace

Session::Session(std::shared_ptr<const Model> model, SessionOptions options)
    : model_(std::move(model)),
      options_(std::move(options)),
      device_(options_.device != nullptr ? options_.device : std::make_shared<CpuDevice>()),
      plans_(std::make_unique<PlanBank>([this](const PlanRequest& request) { return make(request); },
                                        kMaxPlans)) {}

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
    const KvFormat* format = find_kv_format(type);
    if (format == nullptr)
      return Error(ErrorCode::kUsage, fmt::format("KV cache type {} is not supported ({} are)",
                                                  dtype_info(type).name, kKvFormatNames));
    if (!format->takes(hp.head_dim))
      return Error(ErrorCode::kUsage, fmt::format("KV cache type {} does not fit heads of {}",
                                                  dtype_info(type).name, hp.head_dim));
  }
  std::vector<std::string> warnings;
  limit_threads(options.n_threads, warnings);
  limit_threads(options.n_threads_batch, warnings);
  if (chosen_context)
    GANNET_TRY(check_context(options.n_ctx, hp.context_length, layout_of(hp, options), warnings));
  // Rows that are all exact have one kernel.
  if (options.device != nullptr && options.figures_folder && !options.exact)
    options.policy.preferred =
        choose_prompt_kernels(options.device, matrix_types(*model), *options.figures_folder, warnings);
  std::unique_ptr<Session> session(new Session(std::move(model), std::move(options)));
  const SessionOptions& o = session->options_;
  session->warnings_ = std::move(warnings);
  GANNET_TRY(session->make_homes());
  const int n_members = std::max(o.n_threads, o.n_threads_batch);
  if (o.team != nullptr && o.team->size() == n_members)
    session->team_ = o.team;
  else
    session->team_ = GANNET_TRY(ThreadTeam::create(n_members, o.cpus));
  session->walks_ = walks_segments(o.graph);
  session->make_state();
  if (session->walks_ && o.device != nullptr) {
    // The device may lack ops that walk segments; what they are made of knows one sequence.
    const PlanRequest decode{{.n_tokens = 1, .logits = LogitRows::kLast}};
    session->walks_ = GANNET_TRY(session->make(decode)).plan.walks_segments();
    if (!session->walks_) session->make_state();
  }
  if (!session->walks_ && session->placement_.split())
    return Error(
        ErrorCode::kUsage,
        "a graph whose state ops are not fused (--graph, --passes, --flash-attn off) runs on one device; "
        "leave out what splits the model (-ngl, -ncmoe, -cmoe, -ot)");
  session->announced_bytes_ = session->most_bytes();
  session->model_->memory().add_session(session->announced_bytes_);
  return session;
}

// What of the model and of a sequence comes to lie on the device.
int64_t Session::device_bytes(const Placement& placement) const {
  StateLayout layout = layout_of(model_->hyperparameters(), options_), here;
  placement.place(layout);
  for (const StateLayout::KvLayer& layer : layout.kv)
    if (layer.memory == kDeviceHome) here.kv.push_back(layer);
  for (const StateLayout::Recurrent& layer : layout.recurrent)
    if (layer.memory == kDeviceHome) here.recurrent.push_back(layer);
  const StatePlaces places(here, options_.fold_at - 1 + 2 * options_.open_rows);
  const int64_t weights =
      device_->uses_host_memory() ? 0 : placement.weight_bytes(model_->weights(), kDeviceHome);
  return weights + std::min(state_bytes(here, std::min(options_.n_ctx, kFittedTokens)), kMostStateBytes) +
         2 * here.recurrent_bytes() + places.ring_bytes + kScratchBytes;
}

// On the device whatever fits there; one step down when it turns out that it does not.
Result<void> Session::make_homes() {
  const WeightTable& table = model_->weights();
  if (options_.device == nullptr) return fill_homes();
  const DeviceMemory memory = device_->memory();
  const int64_t room = memory.limit - memory.allocated - options_.placement.margin;
  const std::vector<PlacementOptions> choices =
      Placement::choices(model_->hyperparameters(), options_.placement);
  for (size_t i = 0; i < choices.size(); ++i) {
    placement_ = GANNET_TRY(Placement::make(model_->hyperparameters(), table, choices[i]));
    const bool last = i + 1 == choices.size();
    if (!last && memory.limit > 0 && device_bytes(placement_) > room) continue;
    auto filled = fill_homes();
    if (!filled.ok() && (last || filled.error().code() != ErrorCode::kOutOfMemory)) return filled;
    if (!filled.ok()) continue;
    if (i > 0)
      warnings_.push_back(
          fmt::format("{} has {:.1f} GiB for this model: {} there, the rest on the CPU (-ngl, -ncmoe or -c "
                      "say otherwise)",
                      device_->name(), gib(std::max<int64_t>(0, room)), placement_.text()));
    break;
  }
  return {};
}

Result<void> Session::fill_homes() {
  homes_.clear();
  std::vector<std::span<const std::byte>> mappings;
  for (const GgufShard& shard : model_->file().shards()) mappings.push_back(shard.bytes);
  std::vector<std::shared_ptr<Device>> devices = {device_};
  if (placement_.split()) devices.push_back(std::make_shared<CpuDevice>());
  for (size_t i = 0; i < devices.size(); ++i) {
    DeviceHome home{devices[i], {}, std::make_shared<Arena>(devices[i]), {}};
    home.weights =
        GANNET_TRY(DeviceWeights::make(home.device, model_->weights(), mappings,
                                       [&](const std::string& name) { return placement_.lies_on(name, i); }));
    if (home.device->kind() != DeviceKind::kCpu)
      home.step = GANNET_TRY(StepBlock::make(home.device, pages_of_step()));
    homes_.push_back(std::move(home));
  }
  return {};
}

void Session::make_state() {
  const Hyperparameters& hp = model_->hyperparameters();
  const SessionOptions& o = options_;
  StatePoolOptions state;
  state.max_tokens = o.n_ctx;
  state.open_rows = walks_ ? o.open_rows : 0;
  state.fold_at = o.fold_at;
  state.most_bytes = o.state_bytes;
  for (size_t i = 0; i < homes_.size(); ++i) state.memories[i] = device_state_memory(homes_[i].device);
  StateLayout layout = layout_of(hp, o);
  placement_.place(layout);
  pool_ = std::make_shared<StatePool>(std::move(layout), state);
  for (const StatePart part : kStateParts)
    if (part == StatePart::kTrunk || o.mtp)
      bindings_[part_index(part)] = std::make_unique<StepBindings>(pool_, part);
}

Session::~Session() {
  (void)device_->wait(hidden_copied_);  // of memory that goes now
  model_->memory().remove_session(announced_bytes_);
}

int64_t Session::pages_of_step() const {
  return kMostDeviceSegments * ((options_.n_ctx + kPageTokens - 1) / kPageTokens);
}

int64_t Session::most_bytes() const {
  const StateLayout& layout = pool_->layout();
  return kScratchBytes + std::min(state_bytes(layout, options_.n_ctx), kMostStateBytes) +
         2 * layout.recurrent_bytes() + pool_->places().ring_bytes;
}

int Session::plan_threads(const PlanRequest& request) const {
  return request.shape.n_tokens == 1 ? options_.n_threads : options_.n_threads_batch;
}

Result<MadePlan> Session::make(const PlanRequest& request) const {
  PlanOptions options;
  options.policy = options_.policy;
  options.poison_dead = options_.poison_dead;
  options.n_threads = plan_threads(request);
  options.reserve = false;
  PlanRequest with_top = request;
  with_top.shape.n_top = top_logits(request);
  StepBindings& bindings = *bindings_[part_index(request.mtp ? StatePart::kMtp : StatePart::kTrunk)];
  return make_plan(*model_, homes_, placement_, with_top, options_.graph, options,
                   [&](const std::string& name) { return bindings.find(name); });
}

}  // namespace gannet
