#include "model/mix.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <numeric>

#include <fmt/core.h>

namespace gannet {
namespace {

// A mix that leaves everything at `base` but the head.
constexpr Mix plain(const char* name, uint32_t file_type, DType base, DType output) {
  const MixRule rule{base, MixWhen::kNever, base};
  return {name, file_type, base, rule, rule, base, output, base, base};
}

constexpr Mix layered(const char* name, uint32_t file_type, DType base, MixRule value, MixRule down,
                      DType attn_output) {
  return {name, file_type, base, value, down, attn_output, DType::kQ6_K, base, base};
}

constexpr Mix with_embedding(Mix mix, DType type) {
  mix.token_embd = type;
  return mix;
}

constexpr Mix with_expert_stack(Mix mix, DType type) {
  mix.expert_stack = type;
  return mix;
}

constexpr MixRule only(DType type) {
  return {type, MixWhen::kAlways, type};
}

using enum DType;
using enum MixWhen;
constexpr Mix kMixes[] = {
    plain("Q4_0", 2, kQ4_0, kQ6_K),
    plain("Q4_1", 3, kQ4_1, kQ6_K),
    plain("Q5_0", 8, kQ5_0, kQ6_K),
    plain("Q5_1", 9, kQ5_1, kQ6_K),
    plain("Q8_0", 7, kQ8_0, kQ8_0),
    layered("Q2_K", 10, kQ2_K, {kQ4_K, kWideGroups, kQ3_K}, only(kQ3_K), kQ3_K),
    plain("Q3_K_S", 11, kQ3_K, kQ6_K),
    layered("Q3_K_M", 12, kQ3_K, {kQ5_K, kFirst2, kQ4_K}, {kQ5_K, kFirstSixteenth, kQ4_K}, kQ4_K),
    layered("Q3_K_L", 13, kQ3_K, only(kQ5_K), only(kQ5_K), kQ5_K),
    layered("Q4_K_S", 14, kQ4_K, {kQ5_K, kFirst4, kQ4_K}, {kQ5_K, kFirstEighth, kQ4_K}, kQ4_K),
    layered("Q4_K_M", 15, kQ4_K, {kQ6_K, kUseMore, kQ4_K}, {kQ6_K, kUseMore, kQ4_K}, kQ4_K),
    plain("Q5_K_S", 16, kQ5_K, kQ6_K),
    layered("Q5_K_M", 17, kQ5_K, {kQ6_K, kUseMore, kQ5_K}, {kQ6_K, kUseMore, kQ5_K}, kQ5_K),
    plain("Q6_K", 18, kQ6_K, kQ6_K),
    layered("IQ4_NL", 25, kIQ4_NL, {kQ5_K, kWideGroups, kIQ4_NL}, {kQ5_K, kFirstEighth, kIQ4_NL}, kIQ4_NL),
    layered("IQ4_XS", 30, kIQ4_XS, {kQ5_K, kWideGroups, kIQ4_XS}, {kQ5_K, kFirstEighth, kIQ4_XS}, kIQ4_XS),
    with_expert_stack(plain("MXFP4_MOE", 38, kQ8_0, kQ8_0), kMXFP4),
    with_embedding(plain("TQ1_0", 36, kTQ1_0, kQ6_K), kQ4_K),
    with_embedding(plain("TQ2_0", 37, kTQ2_0, kQ6_K), kQ4_K),
    plain("F32", 0, kF32, kF32),
    plain("F16", 1, kF16, kF16),
    plain("BF16", 32, kBF16, kBF16),
};

struct Alias {
  std::string_view name, means;
};
constexpr Alias kAliases[] = {{"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}};

// Mixes that exist in the wild but need an encoder or an importance matrix that this program does not have.
constexpr std::string_view kReadOnly[] = {"IQ1_S",  "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS",
                                          "IQ3_XS", "IQ3_S", "IQ3_M",   "Q2_K_S", "NVFP4", "Q1_0",  "Q2_0"};

// Parts of names of matrices that keep their source type: norms, routers and the taps of the convolution.
constexpr std::string_view kKept[] = {"_norm.weight", "ffn_gate_inp.weight", "ssm_conv1d"};

enum class Category : uint8_t { kOutput, kEmbedding, kValue, kKey, kAttnOutput, kDown, kOther };

Category category_of(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
  if (name == "output.weight") return Category::kOutput;
  if (name == "token_embd.weight") return Category::kEmbedding;
  if (has("attn_qkv.weight") || has("attn_v.weight")) return Category::kValue;
  if (has("attn_k.weight")) return Category::kKey;
  if (has("attn_output.weight")) return Category::kAttnOutput;
  if (has("ffn_down")) return Category::kDown;
  return Category::kOther;
}

// N of "blk.N."; -1 for tensors outside the layers.
int64_t layer_of(std::string_view name) {
  if (!name.starts_with("blk.")) return -1;
  int64_t layer = -1;
  const auto end = std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return end.ec == std::errc() && end.ptr != name.data() + name.size() && *end.ptr == '.' ? layer : -1;
}

bool is_quantised(const MixTensor& t) {
  // A matrix of one row counts as a vector: containers drop the axis.
  if (t.shape.rows() == 1 || !t.name.ends_with("weight")) return false;
  return std::ranges::none_of(kKept,
                              [&](std::string_view part) { return t.name.find(part) != std::string::npos; });
}

bool holds(MixWhen when, int64_t i, int64_t n, bool wide_groups) {
  switch (when) {
    case kNever:
      return false;
    case kAlways:
      return true;
    case kFirst2:
      return i < 2;
    case kFirst4:
      return i < 4;
    case kFirstSixteenth:
      return i < n / 16;
    case kFirstEighth:
      return i < n / 8;
    case kUseMore:
      return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
    case kWideGroups:
      return wide_groups;
  }
  return false;
}

// What takes the place of a type whose block does not divide the row.
DType fallback(DType type, int64_t row) {
  const auto fits = [&](DType t) { return row % dtype_info(t).block_elems == 0; };
  if (fits(type)) return type;
  switch (type) {
    case kIQ4_XS:
      type = kIQ4_NL;
      break;
    case kQ2_K:
    case kQ3_K:
    case kTQ1_0:
    case kTQ2_0:
      type = kQ4_0;
      break;
    case kQ4_K:
      type = kQ5_0;
      break;
    case kQ5_K:
      type = kQ5_1;
      break;
    case kQ6_K:
      type = kQ8_0;
      break;
    default:
      break;
  }
  return fits(type) ? type : kF16;
}

// In models of exactly 8 experts, value and key matrices are small beside the experts and get more bits.
constexpr uint32_t kFewExperts = 8;

bool few_experts_raise_attn_output(const Mix& mix) {
  constexpr std::string_view kNames[] = {"Q2_K", "Q3_K_S", "Q3_K_M", "Q4_K_S", "Q4_K_M", "IQ4_NL", "IQ4_XS"};
  return std::ranges::find(kNames, std::string_view(mix.name)) != std::end(kNames);
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

std::span<const Mix> mixes() {
  return kMixes;
}

Result<const Mix*> find_mix(std::string_view name) {
  std::string wanted = upper(name);
  if (std::ranges::find(kReadOnly, wanted) != std::end(kReadOnly))
    return Error(ErrorCode::kUsage,
                 fmt::format("files of the kind {} can be read but not written: there is no encoder for it; "
                             "IQ4_XS and Q3_K_S are the nearest that can",
                             wanted));
  for (const Alias& alias : kAliases)
    if (wanted == alias.name) wanted = alias.means;
  std::string known;
  for (const Mix& mix : kMixes) {
    if (wanted == mix.name) return &mix;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", mix.name);
  }
  return Error(ErrorCode::kUsage,
               fmt::format("there is no kind of file \"{}\"; known are {}", name.substr(0, 64), known));
}

std::vector<DType> mix_types(const Mix& mix, const Hyperparameters& hp, std::span<const MixTensor> tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    const int64_t la = layer_of(tensors[a].name), lb = layer_of(tensors[b].name);
    return la != lb ? la < lb : tensors[a].name < tensors[b].name;
  });
  bool has_output = false;
  int64_t n_value = 0;
  for (const MixTensor& t : tensors) {
    has_output = has_output || t.name == "output.weight";
    n_value += category_of(t.name) == Category::kValue;
  }
  const bool wide_groups = hp.n_kv_heads > 0 && hp.n_heads / hp.n_kv_heads >= 4;
  const bool few_experts = hp.n_experts == kFewExperts;
  const int64_t n_layers = hp.n_blocks;
  int64_t i_value = 0, i_down = 0;

  const auto choose = [&](const MixTensor& t) {
    Category category = category_of(t.name);
    if (category == Category::kEmbedding && !has_output) category = Category::kOutput;
    const auto apply = [&](const MixRule& rule, int64_t i, int64_t n) {
      return holds(rule.when, i, n, wide_groups) ? rule.special : rule.rest;
    };
    if (category == Category::kOutput)
      return t.shape.last() % dtype_info(mix.base).block_elems == 0 ? mix.output : kQ8_0;
    if (mix.expert_stack != mix.base && t.shape.rank == 3 && t.shape.dim[0] > 1) return mix.expert_stack;
    switch (category) {
      case Category::kEmbedding:
        return mix.token_embd;
      case Category::kValue: {
        const DType type = apply(mix.value, i_value++, n_value);
        return few_experts ? kQ8_0 : type;
      }
      case Category::kKey:
        return few_experts ? kQ8_0 : mix.base;
      case Category::kAttnOutput:
        return few_experts && few_experts_raise_attn_output(mix) ? kQ5_K : mix.attn_output;
      case Category::kDown:
        return apply(mix.down, hp.n_experts > 1 ? layer_of(t.name) : i_down++, n_layers);
      default:
        return mix.base;
    }
  };

  std::vector<DType> types(tensors.size());
  for (const size_t index : order) {
    const MixTensor& t = tensors[index];
    const bool float_mix = !dtype_info(mix.base).quantized;
    if (!is_quantised(t))
      types[index] = t.source;
    else
      types[index] = float_mix ? mix.base : fallback(choose(t), t.shape.last());
  }
  return types;
}

}  // namespace gannet
