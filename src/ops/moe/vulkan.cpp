// moe: choice of the experts beside the shared expert, which goes into the result with the residual; then
// gate and up of the chosen; then down, added to the result. So a small step waits twice.
#include <array>

#include "backend/api/kernel_arguments.h"
#include "ops/moe/moe.h"
#include "ops/moe/operands.h"
#include "ops/recorded_experts.h"
#include "ops/recorded_products.h"
#include "ops/weight_shaders.h"

namespace gannet {

extern const RecordedKernel recorded_router[], recorded_swiglu[];

namespace {

int64_t piece_bytes(int64_t elements) {
  return (4 * elements + 63) / 64 * 64;
}

// Memory between the dispatches: choices and their weights, of many tokens the shared expert's hidden rows,
// also rounded, and what the routed experts need.
struct Pieces {
  Shape choices, shared;  // shared: of many tokens
  int64_t routed = 0;     // bytes
  Tiles tiles;

  Pieces(const OpSite& site, Tiles of_many) : tiles(of_many) {
    const TensorType* o = site.operands;
    const int64_t n_tokens = o[kX].shape.dim[0];
    choices = Shape(n_tokens, site.as<MoeAttrs>().top_k);
    if (o[kSharedDown].shape.rank != 0 && !few_rows(n_tokens))
      shared = Shape(n_tokens, o[kSharedDown].shape.dim[1]);
    routed =
        routed_experts_workspace(site, {.x = kX, .gate = kGate, .up = kUp, .down = kDown}, choices, tiles);
  }
  bool many_shared() const { return shared.rank != 0; }
  int64_t weights_at() const { return piece_bytes(choices.elements()); }
  int64_t shared_at() const { return 2 * weights_at(); }
  int64_t rounded_at() const { return shared_at() + (many_shared() ? piece_bytes(shared.elements()) : 0); }
  int64_t routed_at() const {
    const bool rounded = many_shared() && tiles == Tiles::kDots;
    return rounded_at() + (rounded ? RoundedRows::bytes(shared.dim[0], shared.dim[1]) : 0);
  }
  int64_t bytes() const { return routed_at() + routed; }
};

const char* refuses(const OpSite& site) {
  const Shape choices(site.operands[kX].shape.dim[0], site.as<MoeAttrs>().top_k);
  return refuses_routed_experts(site, choices, site.operands[kDown].shape);
}

template <Tiles kTiles>
int64_t workspace(const OpSite& site, int) {
  return Pieces(site, kTiles).bytes();
}

// residual + sigmoid(scale) * shared_down(x), and if there is `up` x times it as in the op.
Products shared_products(const RecordArgs& args, const TensorView& x, const TensorView* up) {
  const TensorView* o = args.operands;
  return {.x = x,
          .y = args.results[0],
          .rows = args.rows,
          .residual = o[kResidual].data == nullptr ? nullptr : &o[kResidual],
          .gate = &o[kSharedScale],
          .up = up};
}

// Records a kernel of another op.
void record_other(const RecordedKernel& kernel, const RecordArgs& args, std::span<const TensorView> operands,
                  const TensorView* results, Recorder& recorder) {
  kernel.record({.operands = operands.data(),
                 .results = results,
                 .attrs = args.attrs,
                 .workspace = nullptr,
                 .n_operands = static_cast<int>(operands.size()),
                 .rows = args.rows,
                 .step = args.step},
                recorder);
}

OpSite site_of(const RecordArgs& args, std::array<TensorType, kOperandCount>& types) {
  for (int i = 0; i < kOperandCount; ++i)
    if (args.operands[i].data != nullptr) types[i] = {args.operands[i].dtype, args.operands[i].shape};
  OpSite site;
  site.operands = types.data();
  site.n_operands = kOperandCount;
  site.attrs = args.attrs;
  return site;
}

template <Tiles kTiles>
void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView *o = args.operands, &y = args.results[0];
  std::array<TensorType, kOperandCount> types;
  const Pieces pieces(site_of(args, types), kTiles);
  const TensorView chosen[] = {
      contiguous_view(args.workspace, DType::kI32, pieces.choices),
      contiguous_view(args.workspace + pieces.weights_at(), DType::kF32, pieces.choices)};
  record_other(recorded_router[0], args, {&o[kLogits], 1}, chosen, recorder);
  const bool shared = o[kSharedDown].data != nullptr;
  const std::span<const TensorView> shared_down(&o[kSharedDown], 1);
  if (shared)
    record_exact_products(shared_products(args, o[kSharedGate], &o[kSharedUp]), shared_down, recorder);
  if (pieces.many_shared()) {
    const TensorView hidden =
        contiguous_view(args.workspace + pieces.shared_at(), DType::kF32, pieces.shared);
    record_other(recorded_swiglu[0], args, {&o[kSharedGate], 2}, &hidden, recorder);
    recorder.barrier();
    RoundedRows rounded;
    if (kTiles == Tiles::kDots && has_tiles(kTiles, shared_down[0].dtype)) {
      rounded = RoundedRows(args.workspace + pieces.rounded_at(), hidden.shape.dim[0], hidden.shape.dim[1]);
      record_rounding(hidden, args.rows, rounded, recorder);
      recorder.barrier();
    }
    record_product_tiles(shared_products(args, hidden, nullptr), shared_down, kTiles, rounded, recorder);
  } else {
    recorder.barrier();
  }
  record_routed_experts({.x = o[kX],
                         .experts = chosen[0],
                         .weights = chosen[1],
                         .gate = o[kGate],
                         .up = o[kUp],
                         .down = o[kDown],
                         .y = y,
                         .base = shared                         ? &y
                                 : o[kResidual].data == nullptr ? nullptr
                                                                : &o[kResidual]},
                        kTiles, args.rows, args.workspace + pieces.routed_at(), recorder);
}

template <Tiles kTiles>
constexpr RecordedKernel kernel(const char* name, int priority, uint32_t needs = 0) {
  return {"moe", name, DeviceKind::kVulkan, priority, refuses, workspace<kTiles>, record<kTiles>, needs};
}

}  // namespace

extern const RecordedKernel recorded_moe[] = {kernel<Tiles::kFloats>("choices", 0),
                                              kernel<Tiles::kHalves>("f16", -1),
                                              kernel<Tiles::kDots>("int_dot", -2, kIntDot),
                                              {}};

}  // namespace gannet
