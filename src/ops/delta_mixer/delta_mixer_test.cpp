// delta_mixer and its parts run by themselves must agree to the bit, in states and results: a step of many
// tokens runs the parts, one of few runs the op, and a row that must be exact may be in either.
#include "ops/delta_mixer/delta_mixer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "backend/cpu/isa.h"
#include "ops/case_operands.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"
#include "ops/delta_mixer/operands.h"
#include "ops/gated_rms_norm/gated_rms_norm.h"

namespace gannet {
namespace {

constexpr int64_t kTokens = 41, kKeyHeads = 2, kHeads = 6, kSize = 24, kNumTaps = 4;
constexpr int64_t kChannels = (2 * kKeyHeads + kHeads) * kSize;

OpCase mixer_case(HeadMap map) {
  return {&kOp_delta_mixer,
          "parts",
          {normal(Shape(kTokens, kChannels)), normal(Shape(kTokens, kHeads * kSize)),
           uniform(Shape(kTokens, kHeads), -6, 2), normal(Shape(kTokens, kHeads), 2),
           parameter(Shape(kChannels, kNumTaps), -1, 1), parameter(Shape(kHeads), -8, -0.5),
           parameter(Shape(kHeads), -1, 1), parameter(Shape(kSize), 0.5, 1.5),
           recurrent(Shape(kNumTaps - 1, kChannels)), recurrent(Shape(kHeads, kSize, kSize), 0.3)},
          pack_attrs(DeltaMixerAttrs{1e-6f, map})};
}

// One op on one thread, all rows exact.
void run_op(const KernelInfo& kernel, const std::vector<TensorView>& operands, const TensorView& result,
            const void* attrs) {
  std::vector<TensorType> types;
  for (const TensorView& view : operands) types.push_back({view.dtype, view.shape});
  const TensorType result_type{result.dtype, result.shape};
  const OpSite site{types.data(), static_cast<int>(types.size()), &result_type, 1,
                    static_cast<const std::byte*>(attrs)};
  GuardedBuffer workspace(kernel.workspace == nullptr ? 0 : kernel.workspace(site, 1));
  const KernelArgs args{
      operands.data(),   &result, attrs, workspace.data(), static_cast<int>(operands.size()),
      {kTokens, kTokens}};
  ThreadTeam(1).run([&](Worker& worker) { kernel.run(args, worker); });
}

std::vector<const KernelInfo*> kernels(const char* op, Isa isa) {
  std::vector<const KernelInfo*> found;
  for (const KernelInfo* kernel : all_kernels().kernels())
    if (std::strcmp(kernel->op, op) == 0 && kernel->isa == isa) found.push_back(kernel);
  return found;
}

// Columns [first, ...) of x as heads.
TensorView heads_of(const TensorView& x, int64_t first, int64_t n) {
  TensorView view = x;
  view.data += first * int64_t{sizeof(float)};
  view.shape = Shape(kTokens, n, kSize);
  view.stride[1] = kSize * int64_t{sizeof(float)};
  view.stride[2] = sizeof(float);
  return view;
}

TEST(DeltaMixer, PartsGiveTheSameBits) {
  for (const HeadMap map : {HeadMap::kTiled, HeadMap::kGrouped}) {
    const CaseData data = make_case_data(mixer_case(map));
    for (const Isa isa : machine_isas())
      for (const KernelInfo* mixer : kernels("delta_mixer", isa))
        for (const KernelInfo* delta : kernels("gated_delta_rule", isa)) {
          SCOPED_TRACE(delta->name);
          CaseRun whole(data, {}), parts(data, {});
          run_op(*mixer, whole.operands(), whole.results()[0], data.op_case.attrs.raw.data());

          const std::vector<TensorView>& in = parts.operands();
          GuardedBuffer mixed_memory(kTokens * kChannels * int64_t{sizeof(float)});
          const TensorView mixed =
              contiguous_view(mixed_memory.data(), DType::kF32, Shape(kTokens, kChannels));
          run_op(*kernels("causal_conv", isa)[0], {in[kQkv], in[kTaps], in[kConv]}, mixed, nullptr);
          const TensorView o = heads_of(parts.results()[0], 0, kHeads);
          const GatedDeltaRuleAttrs attrs{1e-6f, map};
          run_op(*delta,
                 {heads_of(mixed, 0, kKeyHeads), heads_of(mixed, kKeyHeads * kSize, kKeyHeads),
                  heads_of(mixed, 2 * kKeyHeads * kSize, kHeads), in[kAlpha], in[kBeta], in[kA], in[kDt],
                  in[kDelta]},
                 o, &attrs);
          const GatedRmsNormAttrs norm{1e-6f};
          run_op(*kernels("gated_rms_norm", isa)[0], {o, in[kNorm], heads_of(in[kZ], 0, kHeads)}, o, &norm);

          const Outcome a = whole.outcome(), b = parts.outcome();
          EXPECT_TRUE(a.results == b.results);
          for (size_t i = 0; i < a.recurrent.size(); ++i)
            EXPECT_EQ(std::memcmp(a.recurrent[i].data(), b.recurrent[i].data(),
                                  a.recurrent[i].size() * sizeof(float)),
                      0);
        }
  }
}

}  // namespace
}  // namespace gannet
