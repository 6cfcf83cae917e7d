#include "backend/api/kernel_arguments.h"
#include "ops/bmm/bmm.h"

namespace gannet {
namespace {

constexpr int64_t kTile = 32;  // as in the shader

// One operand (`Batch` there): axes of its rows or columns in the result, and along the sum.
void add_batch(DispatchArguments& arguments, const TensorView& x, const Shape& y, HeadShare heads, int line,
               int along) {
  const bool batch = y.rank > 2;
  const int64_t many = batch ? y.dim[0] : 1, few = batch ? x.shape.dim[0] : 1;
  arguments.address(x.data).u32(heads == HeadShare::kGrouped ? many / few : 1).u32(few);
  arguments.u32(batch ? x.stride[0] / 4 : 0).u32(y.rank > 3 ? x.stride[1] / 4 : 0);
  arguments.u32(x.stride[line] / 4).u32(x.stride[along] / 4);
}

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &a = args.operands[0], &b = args.operands[1], &y = args.results[0];
  const auto& attrs = args.as<BmmAttrs>();
  const int last = y.shape.rank - 1, row = last - 1;
  const bool rows = attrs.b == BmmSide::kRows;
  const int64_t m = y.shape.dim[row], n = y.shape.dim[last], length = a.shape.dim[last];
  const int64_t entries = m * n == 0 ? 0 : y.shape.elements() / (m * n);
  DispatchArguments arguments;
  add_batch(arguments, a, y.shape, attrs.heads, row, last);
  add_batch(arguments, b, y.shape, attrs.heads, rows ? row : last, rows ? last : row);
  arguments.address(y.data).u32(m).u32(n).u32(length).u32(entries).u32(y.shape.rank > 3 ? y.shape.dim[1] : 1);
  const uint32_t constants[] = {kGroup, !rows};
  const int64_t tiles = (m + kTile - 1) / kTile * ((n + kTile - 1) / kTile);
  recorder.dispatch({"bmm", constants, groups_of(tiles * entries), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  for (int i = 0; i < site.n_operands; ++i)
    if (const char* why = too_large(site.operands[i])) return why;
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_bmm[] = {
    {"bmm", "tiles", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
