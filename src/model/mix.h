// Mixes: which type each tensor gets in a file of a named kind ("Q4_K_M"). The names and rules are those of
// the files people publish, so a file made here has the bytes per token that a downloaded one has. Without an
// importance matrix. Knows names and shapes of tensors; must not touch their values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/hyperparameters.h"
#include "tensor/shape.h"

namespace gannet {

// For which tensors of a category a rule's special type holds. i counts the category's tensors in layer order
// (the attention value class) or is the layer number (feed-forward of models with experts); n is how many
// there are.
enum class MixWhen : uint8_t {
  kNever,
  kAlways,
  kFirst2,          // i < 2
  kFirst4,          // i < 4
  kFirstSixteenth,  // i < n/16
  kFirstEighth,     // i < n/8
  kUseMore,         // i < n/8, or i >= 7n/8, or (i - n/8) % 3 == 2
  kWideGroups,      // at least 4 query heads share a key-value head
};

// `special` when the condition holds, else `rest`.
struct MixRule {
  DType special;
  MixWhen when;
  DType rest;
};

struct Mix {
  const char* name;
  uint32_t file_type;  // general.file_type
  DType base;
  MixRule value;  // attn_qkv, attn_v: one common counter
  MixRule down;   // ffn_down*
  DType attn_output;
  DType output;      // output.weight; token_embd.weight when it is the head too
  DType token_embd;  // when it is not
  DType
      expert_stack;  // matrices stacked over experts, ahead of every other rule; the base type: no such rule
};

// All mixes this program can write, in the order help shows them.
std::span<const Mix> mixes();

// Case-insensitive; Q3_K, Q4_K and Q5_K mean the _M mix. Errors (kUsage): an unknown name (lists the known
// ones), a mix whose types have no encoder here.
Result<const Mix*> find_mix(std::string_view name);

struct MixTensor {
  std::string name;
  Shape shape;                 // slowest axis first
  DType source = DType::kF32;  // what it is stored as when the mix leaves it alone
};

// The type of every tensor of a model, in the order of `tensors`. `tensors` must be the whole model: whether
// a tensor output.weight is there and how many value-class tensors there are decides about others. From hp
// are used: n_blocks, n_heads, n_kv_heads, n_experts.
std::vector<DType> mix_types(const Mix& mix, const Hyperparameters& hp, std::span<const MixTensor> tensors);

}  // namespace gannet
