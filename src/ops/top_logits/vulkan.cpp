#include "backend/api/kernel_arguments.h"
#include "ops/top_logits/top_logits.h"

namespace gannet {
namespace {

// As in the shader.
constexpr int64_t kBlock = 64, kBlocksPerGroup = 16;
constexpr uint32_t kGroupSize = 256;

int64_t blocks_of(int64_t n) {
  return (n + kBlock - 1) / kBlock;
}

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int64_t n_rows = x.shape.dim[0], n = x.shape.dim[1], n_blocks = blocks_of(n);
  DispatchArguments arguments;
  arguments.address(x.data)
      .address(args.workspace)
      .address(y.data)
      .address(args.rows)
      .u32(x.stride[0] / 4)
      .u32(n)
      .u32(n_blocks)
      .u32(y.shape.dim[1] / 2)
      .u32(n_rows);
  const uint32_t constants[] = {kGroupSize};
  const int64_t groups = n_rows * ((n_blocks + kBlocksPerGroup - 1) / kBlocksPerGroup);
  recorder.dispatch({"top_logits_blocks", constants, groups_of(groups), arguments.bytes()});
  recorder.barrier();
  recorder.dispatch({"top_logits", constants, groups_of(n_rows), arguments.bytes()});
}

int64_t workspace(const OpSite& site, int) {
  const Shape& x = site.operands[0].shape;
  return x.dim[0] * blocks_of(x.dim[1]) * int64_t{sizeof(uint32_t)};
}

const char* refuses(const OpSite& site) {
  if (site.as<TopLogitsAttrs>().k > kGroupSize) return "more than 256 places";
  return too_large(site.operands[0]);
}

}  // namespace

extern const RecordedKernel recorded_top_logits[] = {
    {"top_logits", "blocks", DeviceKind::kVulkan, 0, refuses, workspace, record}, {}};

}  // namespace gannet
