// The families of models, as facts: everything that differs between them stands in one table (families.cpp),
// and the rest of the folder asks for the fact it needs, never for the family.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gannet {

enum class Architecture { kQwen3, kQwen3Moe, kQwen3Next, kQwen35, kQwen35Moe };

struct ArchitectureFacts {
  Architecture arch;
  const char* name;              // general.architecture
  const char* pre_tokenizer;     // of its published vocabularies
  bool delta_net = false;        // Gated DeltaNet layers beside attention
  bool gated_attention = false;  // the query matrix has, per head, rows of a gate behind those of the query
  bool mtp = false;              // files may have blocks that predict further tokens
  bool moe = false;
  bool shared_expert = false;
  bool rope_sections = false;  // M-RoPE sections are a required key
  bool grouped_heads = false;  // value head h of the delta rule uses key head h / r; otherwise h % n_k_heads
  bool joint_betas = false;    // published files have betas and alphas in one matrix (variants.h)
  const char* ffn_norm = "ffn_norm.weight";  // the norm in front of the feed-forward
};

// The architectures this program runs, in the order of the enum.
std::span<const ArchitectureFacts> architectures();
const ArchitectureFacts& facts(Architecture arch);

// "qwen3, qwen3moe, ..."
std::string architecture_names();

// The architecture called `name`. Errors: kUsage, lists the known ones.
Result<Architecture> find_architecture(std::string_view name);

}  // namespace gannet
