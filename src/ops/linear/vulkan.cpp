// linear and matmul: the same products, with and without a residual. Rows that must be exact are summed by
// one kernel only, however many there are; which those are of a large step is known when it runs.
#include <algorithm>

#include "backend/api/kernel_arguments.h"
#include "ops/weight_shaders.h"

namespace gannet {
namespace {

GANNET_WEIGHT_SHADERS(rows_shader, "linear_rows_")
GANNET_WEIGHT_SHADERS(tiles_shader, "linear_tiles_")

constexpr int kMostWeights = 4;  // of a dispatch
constexpr uint32_t kOutputs = 2, kMostRows = 8;
constexpr int64_t kFewTiles = 256;  // that leave a device without work

int64_t parts(int64_t n, int64_t size) {
  return (n + size - 1) / size;
}

// Types whose shaders keep a table in shared memory, which large tiles fill alone.
bool has_table(DType type) {
  return (type >= DType::kIQ1_S && type <= DType::kIQ4_XS) || type == DType::kMXFP4 || type == DType::kNVFP4;
}

// x, residual (no data: none) and y, rows of all of them.
struct Products {
  const TensorView& x;
  const TensorView* residual;
  const TensorView& y;
  std::byte* rows;

  uint32_t aligned() const {
    return reinterpret_cast<uintptr_t>(x.data) % 16 == 0 && x.stride[0] % 16 == 0 ? 1 : 0;
  }

  // Weights of one type, whose outputs begin with `first` of y.
  DispatchArguments arguments(std::span<const TensorView> weights, int64_t first) const {
    DispatchArguments a;
    const bool residual_too = residual != nullptr;
    a.address(x.data).address(y.data + 4 * first);
    a.address(residual_too ? residual->data + 4 * first : nullptr).address(rows);
    for (int i = 0; i < kMostWeights; ++i) a.address(weights[std::min<size_t>(i, weights.size() - 1)].data);
    int64_t end = 0;
    for (size_t i = 0; i < kMostWeights; ++i) {
      if (i < weights.size()) end += weights[i].shape.dim[0];
      a.u32(end);
    }
    a.u32(x.shape.dim[1]).u32(x.shape.dim[0]);
    a.u32(x.stride[0] / 4).u32(y.stride[0] / 4).u32(residual_too ? residual->stride[0] / 4 : 0);
    return a;
  }

  void record(std::span<const TensorView> weights, int64_t first, Recorder& recorder) const {
    int64_t n_out = 0;
    for (const TensorView& w : weights) n_out += w.shape.dim[0];
    const DType type = weights[0].dtype;
    const DispatchArguments a = arguments(weights, first);
    const int64_t n_rows = x.shape.dim[0];
    const bool many = n_rows > kExactRows;
    uint32_t rows_at_once = 1;
    while (rows_at_once < kMostRows && rows_at_once < n_rows) rows_at_once *= 2;
    // Half of a group would have nothing to do.
    const uint32_t group = x.shape.dim[1] <= 1024 ? kGroup / 2 : kGroup;
    const bool wide = std::all_of(weights.begin(), weights.end(), wide_weights);
    const auto constants =
        weight_constants({group, rows_at_once, kOutputs, aligned(), residual != nullptr, !many}, wide);
    recorder.dispatch({rows_shader(type), constants, groups_of(parts(n_out, kOutputs)), a.bytes()});
    if (!many) return;
    const bool large = parts(n_out, 64) * parts(n_rows, 64) >= kFewTiles && !has_table(type);
    const uint32_t tile = large ? 64 : 32;
    const auto of_tiles = weight_constants({kGroup, tile, 0, aligned(), residual != nullptr}, wide);
    recorder.dispatch(
        {tiles_shader(type), of_tiles, groups_of(parts(n_out, tile) * parts(n_rows, tile)), a.bytes()});
  }

  // Neighbours of one type share a dispatch.
  void record_all(std::span<const TensorView> weights, Recorder& recorder) const {
    int64_t first = 0;
    for (size_t begin = 0; begin < weights.size();) {
      size_t end = begin;
      int64_t n_out = 0;
      for (; end < weights.size() && end - begin < kMostWeights && weights[end].dtype == weights[begin].dtype;
           ++end)
        n_out += weights[end].shape.dim[0];
      record(weights.subspan(begin, end - begin), first, recorder);
      first += n_out;
      begin = end;
    }
  }
};

const char* not_taken(const OpSite& site) {
  for (int i = 0; i < site.n_operands; ++i)
    if (const char* why = too_many(site.operands[i])) return why;
  return too_many(site.results[0]);
}

// Steps of at most so many rows are exact throughout.
bool few(const OpSite& site) {
  return site.operands[0].shape.dim[0] <= kExactRows;
}

const char* refuses_rows(const OpSite& site) {
  return few(site) ? not_taken(site) : "more rows than are always exact";
}

const char* refuses_tiles(const OpSite& site) {
  return few(site) ? "fewer rows than are not always exact" : not_taken(site);
}

void record_linear(const RecordArgs& args, Recorder& recorder) {
  constexpr int kFirstWeight = 3;
  const TensorView& residual = args.operands[2];
  const Products products{args.operands[0], residual.data == nullptr ? nullptr : &residual, args.results[0],
                          args.rows};
  products.record_all({args.operands + kFirstWeight, args.operands + args.n_operands}, recorder);
}

void record_matmul(const RecordArgs& args, Recorder& recorder) {
  Products{args.operands[0], nullptr, args.results[0], args.rows}.record_all({args.operands + 1, 1},
                                                                             recorder);
}

}  // namespace

extern const RecordedKernel recorded_linear[] = {
    {"linear", "rows", DeviceKind::kVulkan, 0, refuses_rows, nullptr, record_linear},
    {"matmul", "rows", DeviceKind::kVulkan, 0, refuses_rows, nullptr, record_matmul},
    {"linear", "tiles", DeviceKind::kVulkan, 0, refuses_tiles, nullptr, record_linear},
    {"matmul", "tiles", DeviceKind::kVulkan, 0, refuses_tiles, nullptr, record_matmul},
    {}};

}  // namespace gannet
