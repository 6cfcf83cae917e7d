#include "model/families.h"

#include <iterator>

#include <fmt/core.h>

namespace gannet {
namespace {

using enum Architecture;

constexpr ArchitectureFacts kFacts[] = {
    {.arch = kQwen3, .name = "qwen3", .pre_tokenizer = "qwen2"},
    {.arch = kQwen3Moe, .name = "qwen3moe", .pre_tokenizer = "qwen2", .moe = true},
    {.arch = kQwen3Next,
     .name = "qwen3next",
     .pre_tokenizer = "qwen2",
     .delta_net = true,
     .gated_attention = true,
     .mtp = true,
     .moe = true,
     .shared_expert = true,
     .grouped_heads = true,
     .joint_betas = true,
     .ffn_norm = "post_attention_norm.weight"},
    {.arch = kQwen35,
     .name = "qwen35",
     .pre_tokenizer = "qwen35",
     .delta_net = true,
     .gated_attention = true,
     .mtp = true,
     .rope_sections = true,
     .ffn_norm = "post_attention_norm.weight"},
    {.arch = kQwen35Moe,
     .name = "qwen35moe",
     .pre_tokenizer = "qwen35",
     .delta_net = true,
     .gated_attention = true,
     .mtp = true,
     .moe = true,
     .shared_expert = true,
     .rope_sections = true,
     .ffn_norm = "post_attention_norm.weight"},
};

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kFacts); ++i)
    if (static_cast<size_t>(kFacts[i].arch) != i) return false;
  return true;
}
static_assert(in_order());

}  // namespace

std::span<const ArchitectureFacts> architectures() {
  return kFacts;
}
const ArchitectureFacts& facts(Architecture arch) {
  return kFacts[static_cast<size_t>(arch)];
}

std::string architecture_names() {
  std::string names;
  for (const ArchitectureFacts& f : kFacts) names += fmt::format("{}{}", names.empty() ? "" : ", ", f.name);
  return names;
}

Result<Architecture> find_architecture(std::string_view name) {
  for (const ArchitectureFacts& f : kFacts)
    if (name == f.name) return f.arch;
  return Error(ErrorCode::kUsage, fmt::format("there is no architecture \"{}\"; known are {}",
                                              name.substr(0, 64), architecture_names()));
}

}  // namespace gannet
