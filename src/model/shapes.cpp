#include "model/shapes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gannet {
namespace {

constexpr uint32_t kMaxLayers = 4095;  // one block may be added
constexpr uint32_t kMaxVocab = 1u << 24;

// Columns as the published configurations have them; zero where a family has no such thing.
struct Row {
  const char* name;
  Architecture arch;
  uint32_t n_layers, n_embd, n_ff, n_heads, n_kv_heads, n_v_heads;
  uint32_t n_experts, n_experts_used, n_ff_expert, n_ff_shared;
  uint32_t n_vocab;
  float rope_base;
  uint32_t context_length;
  bool tied_head;
};

using enum Architecture;
constexpr Row kRows[] = {
    {"0.6b", kQwen3, 28, 1024, 3072, 16, 8, 0, 0, 0, 0, 0, 151936, 1e6f, 40960, true},
    {"30b-a3b", kQwen3Moe, 48, 2048, 6144, 32, 4, 0, 128, 8, 768, 0, 151936, 1e6f, 40960, false},
    {"80b-a3b", kQwen3Next, 48, 2048, 5120, 16, 2, 32, 512, 10, 512, 512, 151936, 1e7f, 262144, false},
    {"coder-next", kQwen3Next, 48, 2048, 5120, 16, 2, 32, 512, 10, 512, 512, 151936, 5e6f, 262144, false},
    {"0.8b", kQwen35, 24, 1024, 3584, 8, 2, 16, 0, 0, 0, 0, 248320, 1e7f, 262144, true},
    {"2b", kQwen35, 24, 2048, 6144, 8, 2, 16, 0, 0, 0, 0, 248320, 1e7f, 262144, true},
    {"4b", kQwen35, 32, 2560, 9216, 16, 4, 32, 0, 0, 0, 0, 248320, 1e7f, 262144, true},
    {"9b", kQwen35, 32, 4096, 12288, 16, 4, 32, 0, 0, 0, 0, 248320, 1e7f, 262144, false},
    {"27b", kQwen35, 64, 5120, 17408, 24, 4, 48, 0, 0, 0, 0, 248320, 1e7f, 262144, false},
    {"35b-a3b", kQwen35Moe, 40, 2048, 0, 16, 2, 32, 256, 8, 512, 512, 248320, 1e7f, 262144, false},
    {"122b-a10b", kQwen35Moe, 48, 3072, 0, 32, 2, 64, 256, 8, 1024, 1024, 248320, 1e7f, 262144, false},
    {"397b-a17b", kQwen35Moe, 60, 4096, 0, 32, 2, 64, 512, 10, 1024, 1024, 248320, 1e7f, 262144, false},
};

constexpr uint32_t kTinyVocab = 1024;

Hyperparameters published(const Row& row) {
  Hyperparameters hp;
  hp.arch = row.arch;
  hp.context_length = row.context_length;
  hp.n_embd = row.n_embd;
  hp.n_vocab = row.n_vocab;
  hp.n_heads = row.n_heads;
  hp.n_kv_heads = row.n_kv_heads;
  hp.rope_base = row.rope_base;
  hp.n_ff = row.n_ff;
  hp.n_experts = row.n_experts;
  hp.n_experts_used = row.n_experts_used;
  hp.n_ff_expert = row.n_ff_expert;
  hp.n_ff_shared = row.n_ff_shared;
  if (hp.arch_facts().delta_net) {
    hp.head_dim = 256;
    hp.n_rot = 64;
    hp.conv_kernel = 4;
    hp.delta_head_dim = 128;
    hp.n_k_heads = 16;
    hp.n_v_heads = row.n_v_heads;
  } else {
    hp.head_dim = hp.n_rot = 128;
  }
  if (hp.arch_facts().rope_sections) hp.rope_sections = {11, 11, 10, 0};
  set_depth(hp, row.n_layers, 0);
  return hp;
}

// Every part of a family at the smallest size at which rows still hold whole blocks of every weight type.
Hyperparameters tiny(Architecture arch) {
  Hyperparameters hp;
  hp.arch = arch;
  hp.context_length = 4096;
  hp.n_embd = 256;
  hp.n_vocab = kTinyVocab;
  hp.n_heads = 4;
  hp.n_kv_heads = 2;
  hp.head_dim = 64;
  hp.n_rot = 64;
  hp.rope_base = 1e6f;
  const ArchitectureFacts& f = hp.arch_facts();
  if (f.moe) {
    hp.n_experts = 6;
    hp.n_experts_used = 2;
    hp.n_ff_expert = 256;
    if (f.shared_expert) hp.n_ff_shared = 256;
  } else {
    hp.n_ff = 512;
  }
  if (f.delta_net) {
    hp.n_rot = 16;
    hp.conv_kernel = 4;
    hp.delta_head_dim = 64;
    hp.n_k_heads = 2;
    hp.n_v_heads = 4;
  }
  if (f.rope_sections) hp.rope_sections = {3, 3, 2, 0};
  set_depth(hp, 4, 0);
  return hp;
}

Error usage(std::string what) {
  return {ErrorCode::kUsage, std::move(what)};
}

Result<ModelShape> find_shape(std::string_view name, std::optional<Architecture> arch) {
  if (name == "tiny") {
    if (!arch) return usage("the shape tiny exists for every architecture: say which by --arch");
    return ModelShape{"tiny", tiny(*arch), false};
  }
  for (const Row& row : kRows) {
    if (name != row.name) continue;
    if (arch && *arch != row.arch)
      return usage(
          fmt::format("the shape {} is {}, not {}", row.name, facts(row.arch).name, facts(*arch).name));
    return ModelShape{row.name, published(row), row.tied_head};
  }
  return usage(fmt::format("there is no shape \"{}\"; known are {}", name.substr(0, 64),
                           fmt::join(shape_names(), ", ")));
}

}  // namespace

std::vector<std::string> shape_names() {
  std::vector<std::string> names{"tiny"};
  for (const Row& row : kRows) names.emplace_back(row.name);
  return names;
}

void set_depth(Hyperparameters& hp, uint32_t n_trunk, uint32_t n_mtp) {
  hp.n_blocks = n_trunk + n_mtp;
  hp.n_mtp = n_mtp;
  hp.recurrent.clear();
  if (!hp.arch_facts().delta_net) return;
  for (uint32_t i = 0; i < hp.n_blocks; ++i)
    hp.recurrent.push_back(i < n_trunk && (i + 1) % hp.full_attention_interval != 0);
}

Result<ModelShape> model_shape(std::string_view name, const ShapeChanges& changes) {
  ModelShape shape = GANNET_TRY(find_shape(name, changes.arch));
  Hyperparameters& hp = shape.hp;
  if (changes.mtp && !hp.arch_facts().mtp)
    return usage(fmt::format("{} models have no MTP block; leave out --mtp", hp.arch_facts().name));
  const uint32_t n_layers = changes.n_layers.value_or(hp.n_blocks);
  if (n_layers < 1 || n_layers > kMaxLayers)
    return usage(fmt::format("{} layers are not possible, 1 to {} are", n_layers, kMaxLayers));
  hp.n_vocab = changes.n_vocab.value_or(hp.n_vocab);
  if (hp.n_vocab < 1 || hp.n_vocab > kMaxVocab)
    return usage(fmt::format("a vocabulary of {} is not possible, 1 to {} is", hp.n_vocab, kMaxVocab));
  set_depth(hp, n_layers, changes.mtp ? 1 : 0);
  return shape;
}

std::vector<TensorSpec> published_tensors(const ModelShape& shape) {
  const Hyperparameters& hp = shape.hp;
  std::vector<TensorSpec> out;
  for (TensorSpec& spec : declare_tensors(hp)) {
    if (spec.name == "output.weight" && shape.tied_head) continue;
    if (spec.name.ends_with("nextn.embed_tokens.weight") ||
        spec.name.ends_with("nextn.shared_head_head.weight"))
      continue;
    if (hp.arch_facts().joint_betas && spec.name.ends_with("ssm_alpha.weight")) continue;
    if (hp.arch_facts().joint_betas && spec.name.ends_with("ssm_beta.weight")) {
      spec.name.replace(spec.name.size() - std::string_view("beta.weight").size(), std::string::npos,
                        "ba.weight");
      spec.shape = Shape(2 * int64_t{hp.n_v_heads}, hp.n_embd);
    }
    out.push_back(std::move(spec));
  }
  return out;
}

}  // namespace gannet
