#include <array>

#include "backend/api/axes.h"
#include "ops/embed/embed.h"
#include "tensor/planes.h"

namespace gannet {
namespace {

// Types with code books have shaders of their own.
const char* shader_for(DType type) {
  switch (type) {
    case DType::kIQ1_S:
    case DType::kIQ1_M:
      return "embed_iq1";
    case DType::kIQ2_S:
      return "embed_iq2_s";
    case DType::kIQ2_XXS:
      return "embed_iq2_xxs";
    case DType::kIQ2_XS:
      return "embed_iq2_xs";
    case DType::kIQ3_XXS:
      return "embed_iq3_xxs";
    case DType::kIQ3_S:
      return "embed_iq3_s";
    default:
      return "embed";
  }
}

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &table = args.operands[0], &ids = args.operands[1], &y = args.results[0];
  const DTypeInfo& type = dtype_info(table.dtype);
  DispatchArguments arguments;
  arguments.address(table.data)
      .address(y.data)
      .address(ids.data)
      .address(args.rows)
      .u32(y.shape.dim[1])
      .u32(table.shape.dim[0])
      .u32(y.shape.dim[0])
      .u32(step_of(ids, 0));
  std::array<uint32_t, kMostConstants> constants = {kGroup, static_cast<uint32_t>(type.gguf_id),
                                                    static_cast<uint32_t>(type.block_elems),
                                                    static_cast<uint32_t>(type.block_bytes)};
  static_assert(4 + 2 * kMostPlanes <= kMostConstants);
  if (recorder.weights_in_planes() && in_planes(table.dtype, table.shape.last()))
    for (size_t i = 4; const PlaneField& field : plane_fields(table.dtype)) {
      constants[i++] = field.at;
      constants[i++] = field.bytes;
    }
  recorder.dispatch(
      {shader_for(table.dtype), constants, groups_of_elements(y.shape.elements()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  const char* const reason = too_large(site.operands[0]);
  return reason != nullptr ? reason : too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_embed[] = {
    {"embed", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
