// Hyper-parameters of all families, declared once: visit_fields() names every GGUF key with its
// range and default, and reading, writing and printing are visitors over it. Symbols of the field in
// comments.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"
#include "gguf/writer.h"
#include "model/families.h"

namespace gannet {

struct Hyperparameters {
  Architecture arch = Architecture::kQwen3;
  std::string name;  // general.name, may be empty

  uint32_t context_length = 0;
  uint32_t n_embd = 0;
  uint32_t n_blocks = 0;  // in the file, MTP blocks included
  uint32_t n_mtp = 0;     // the last n_mtp blocks predict further tokens
  uint32_t n_mtp_absent =
      0;                 // blocks for that which the keys count and the file does not hold; not in n_blocks
  uint32_t n_vocab = 0;  // rows of the embedding
  float eps = 1e-6f;     // of all RMS norms and of the delta rule's L2 norm

  // Softmax attention
  uint32_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  uint32_t n_rot = 0;
  float rope_base = 10000.0f;
  std::string rope_scaling = "none";  // none, linear, yarn
  float rope_factor = 1.0f;
  float rope_attn_factor = 1.0f;
  uint32_t rope_original_context = 0;
  std::vector<int32_t> rope_sections;

  // Feed-forward
  uint32_t n_ff = 0;
  uint32_t n_experts = 0, n_experts_used = 0, n_ff_expert = 0, n_ff_shared = 0;

  // Gated DeltaNet
  uint32_t conv_kernel = 0;               // taps
  uint32_t delta_head_dim = 0;            // S, of keys and values
  uint32_t n_k_heads = 0, n_v_heads = 0;  // Hk, Hv
  uint32_t full_attention_interval = 4;
  std::vector<bool> recurrent;  // per block; empty families: all false

  uint32_t n_trunk() const { return n_blocks - n_mtp; }
  uint32_t key_width() const { return delta_head_dim * n_k_heads; }
  uint32_t value_width() const { return delta_head_dim * n_v_heads; }
  uint32_t conv_channels() const { return 2 * key_width() + value_width(); }
  bool is_recurrent(uint32_t block) const { return block < recurrent.size() && recurrent[block]; }
  const ArchitectureFacts& arch_facts() const { return facts(arch); }
};

// Why the model's matrices do not fit the vocabulary of the file: a token beyond their rows would have no
// embedding or no logit. "" when they do, or when the file does not have both. More rows than tokens are
// padding.
std::string vocabulary_problem(const GgufFile& file);

// Reads and checks all keys. Every problem is reported in one kModelFile error, separated by "; ". Where the
// trunk is there and of the MTP block all own tensors (nextn.*) or all others are not, the block counts as
// absent; one that lacks only some of them, or that could be the trunk's last, is damaged, which the loader
// reports.
Result<Hyperparameters> read_hyperparameters(const GgufFile& file);

// Writes the keys a reader needs (general.architecture and the family's own), not the tokenizer's.
void write_hyperparameters(const Hyperparameters& hp, GgufBuilder& builder);

// "key = value" lines of the family's keys.
std::string print_hyperparameters(const Hyperparameters& hp);

}  // namespace gannet
