#include "tensor/dtype.h"

#include <algorithm>
#include <cctype>

#include "tensor/block_types.h"

namespace gannet {
namespace {

// The table in the middle is a macro.
// clang-format off
constexpr DTypeInfo kInfo[] = {
    {"F32", 0, 1, 4, false},  {"F16", 1, 1, 2, false},  {"BF16", 30, 1, 2, false}, {"F64", 28, 1, 8, false},
    {"I8", 24, 1, 1, false},  {"I16", 25, 1, 2, false}, {"I32", 26, 1, 4, false},  {"I64", 27, 1, 8, false},
#define GANNET_ROW(name, id, elems, group, max_code) {#name, id, elems, sizeof(Block##name), true},
    GANNET_BLOCK_TYPES(GANNET_ROW)
#undef GANNET_ROW
    {"ACT8", -1, 256, 320, false}, {"kv", -1, 1, 0, false}, {"recurrent", -1, 1, 0, false},
};
// clang-format on
static_assert(std::size(kInfo) == kDTypeCount);
#define GANNET_IN_ORDER(block, id, elems, group, max_code) \
  static_assert(kInfo[static_cast<int>(DType::k##block)].name == #block);
GANNET_BLOCK_TYPES(GANNET_IN_ORDER)
#undef GANNET_IN_ORDER

}  // namespace

const DTypeInfo& dtype_info(DType type) {
  return kInfo[static_cast<int>(type)];
}

std::optional<DType> dtype_from_gguf(uint32_t id) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (kInfo[i].gguf_id >= 0 && static_cast<uint32_t>(kInfo[i].gguf_id) == id) return static_cast<DType>(i);
  return std::nullopt;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  const auto same = [](char a, char b) { return std::toupper(a) == std::toupper(b); };
  for (int i = 0; i < kDTypeCount; ++i)
    if (std::ranges::equal(kInfo[i].name, name, same)) return static_cast<DType>(i);
  return std::nullopt;
}

}  // namespace gannet
