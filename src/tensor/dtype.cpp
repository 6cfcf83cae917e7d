#include "tensor/dtype.h"

#include <algorithm>
#include <cctype>

namespace gannet {
namespace {

constexpr DTypeInfo kInfo[] = {
    {"F32", 0, 1, 4, false},       {"F16", 1, 1, 2, false},      {"BF16", 30, 1, 2, false},
    {"F64", 28, 1, 8, false},      {"I8", 24, 1, 1, false},      {"I16", 25, 1, 2, false},
    {"I32", 26, 1, 4, false},      {"I64", 27, 1, 8, false},     {"Q4_0", 2, 32, 18, true},
    {"Q4_1", 3, 32, 20, true},     {"Q5_0", 6, 32, 22, true},    {"Q5_1", 7, 32, 24, true},
    {"Q8_0", 8, 32, 34, true},     {"Q2_K", 10, 256, 84, true},  {"Q3_K", 11, 256, 110, true},
    {"Q4_K", 12, 256, 144, true},  {"Q5_K", 13, 256, 176, true}, {"Q6_K", 14, 256, 210, true},
    {"IQ1_S", 19, 256, 50, true},  {"IQ1_M", 29, 256, 56, true}, {"IQ2_XXS", 16, 256, 66, true},
    {"IQ2_XS", 17, 256, 74, true}, {"IQ2_S", 22, 256, 82, true}, {"IQ3_XXS", 18, 256, 98, true},
    {"IQ3_S", 21, 256, 110, true}, {"IQ4_NL", 20, 32, 18, true}, {"IQ4_XS", 23, 256, 136, true},
    {"TQ1_0", 34, 256, 54, true},  {"TQ2_0", 35, 256, 66, true}, {"MXFP4", 39, 32, 17, true},
    {"NVFP4", 40, 64, 36, true},   {"Q1_0", 41, 128, 18, true},  {"Q2_0", 42, 64, 18, true},
    {"ACT8", -1, 256, 320, false}, {"kv", -1, 1, 0, false},      {"recurrent", -1, 1, 0, false},
};
static_assert(std::size(kInfo) == kDTypeCount);

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
