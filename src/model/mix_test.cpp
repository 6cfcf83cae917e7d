#include "model/mix.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "model/shapes.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

using enum DType;

// The types of all tensors of a named shape.
std::map<std::string, DType> types_of(const char* like, const char* mix_name, bool mtp = false,
                                      std::optional<uint32_t> n_layers = {}) {
  ShapeChanges changes;
  changes.mtp = mtp;
  changes.n_layers = n_layers;
  const ModelShape shape = model_shape(like, changes).take();
  std::vector<MixTensor> tensors;
  for (const TensorSpec& spec : published_tensors(shape)) tensors.push_back({spec.name, spec.shape, kF32});
  const std::vector<DType> types = mix_types(*find_mix(mix_name).value(), shape.hp, tensors);
  std::map<std::string, DType> by_name;
  for (size_t i = 0; i < tensors.size(); ++i) by_name[tensors[i].name] = types[i];
  return by_name;
}

// Numbers of the layers whose tensor SUFFIX has this type.
std::set<int> layers_with(const std::map<std::string, DType>& types, const std::string& suffix, DType type) {
  std::set<int> layers;
  for (const auto& [name, t] : types)
    if (name.ends_with("." + suffix) && t == type) layers.insert(std::stoi(name.substr(4)));
  return layers;
}

// What a tensor gets in a model made of the given tensors only.
std::vector<DType> types_in(const char* mix_name, const Hyperparameters& hp,
                            const std::vector<MixTensor>& tensors) {
  return mix_types(*find_mix(mix_name).value(), hp, tensors);
}

// 40 layers: n/8 = 5 and 7n/8 = 35; in between every third layer, counted from 5: 7, 10, ..., 34.
const std::set<int> kUseMoreOf40 = {0, 1, 2, 3, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 34, 35, 36, 37, 38, 39};

TEST(Mix, Q4KMOf35bA3b) {
  const auto types = types_of("35b-a3b", "Q4_K_M");
  EXPECT_EQ(layers_with(types, "ffn_down_exps.weight", kQ6_K), kUseMoreOf40);
  EXPECT_EQ(layers_with(types, "ffn_down_shexp.weight", kQ6_K), kUseMoreOf40);
  EXPECT_EQ(layers_with(types, "ffn_down_exps.weight", kQ4_K).size(), 20u);

  // One value-class tensor per layer (attn_qkv or attn_v), counted together: the same numbers.
  std::set<int> value = layers_with(types, "attn_qkv.weight", kQ6_K);
  const std::set<int> full = layers_with(types, "attn_v.weight", kQ6_K);
  EXPECT_EQ(full, (std::set<int>{3, 7, 19, 31, 35, 39}));
  value.insert(full.begin(), full.end());
  EXPECT_EQ(value, kUseMoreOf40);

  for (const char* name :
       {"blk.0.attn_gate.weight", "blk.0.ssm_out.weight", "blk.0.ssm_alpha.weight", "blk.3.attn_q.weight",
        "blk.3.attn_k.weight", "blk.3.attn_output.weight", "blk.0.ffn_gate_exps.weight",
        "blk.0.ffn_up_exps.weight", "blk.0.ffn_up_shexp.weight", "token_embd.weight"})
    EXPECT_EQ(types.at(name), kQ4_K) << name;
  EXPECT_EQ(types.at("output.weight"), kQ6_K);
  for (const char* name :
       {"blk.0.attn_norm.weight", "blk.0.post_attention_norm.weight", "blk.0.ssm_norm.weight",
        "blk.0.ffn_gate_inp.weight", "blk.0.ffn_gate_inp_shexp.weight", "blk.0.ssm_conv1d.weight",
        "blk.0.ssm_a", "blk.0.ssm_dt.bias", "blk.3.attn_q_norm.weight", "output_norm.weight"})
    EXPECT_EQ(types.at(name), kF32) << name;
}

TEST(Mix, TheMtpBlockCountsAsALayer) {
  // 41 layers: n/8 = 5, 7n/8 = 35 (287/8): layers 35 to 40 now end the range.
  const auto types = types_of("35b-a3b", "Q4_K_M", true);
  std::set<int> expected = kUseMoreOf40;
  expected.insert(40);
  EXPECT_EQ(layers_with(types, "ffn_down_exps.weight", kQ6_K), expected);
  EXPECT_EQ(types.at("blk.40.attn_v.weight"), kQ6_K);
  EXPECT_EQ(types.at("blk.40.nextn.eh_proj.weight"), kQ4_K);
  EXPECT_EQ(types.at("blk.40.nextn.enorm.weight"), kF32);
  EXPECT_EQ(types.at("blk.40.nextn.shared_head_norm.weight"), kF32);
  // 8 layers and MTP: n/8 = 1, 7n/8 = 7 (63/8); (i - 1) % 3 == 2: 3, 6. Without MTP: the same n/8, but 7n/8 =
  // 7 too.
  EXPECT_EQ(layers_with(types_of("0.8b", "Q5_K_M", true, 8), "ffn_down.weight", kQ6_K),
            (std::set<int>{0, 3, 6, 7, 8}));
  EXPECT_EQ(layers_with(types_of("0.8b", "Q5_K_M", false, 8), "ffn_down.weight", kQ6_K),
            (std::set<int>{0, 3, 6, 7}));
}

TEST(Mix, LayersBeyondNineAreCountedByNumber) {
  // In the order of names blk.10 comes before blk.2; the counters must not.
  EXPECT_EQ(layers_with(types_of("0.6b", "Q3_K_M"), "attn_v.weight", kQ5_K), (std::set<int>{0, 1}));
  EXPECT_EQ(layers_with(types_of("0.6b", "Q3_K_M"), "ffn_down.weight", kQ5_K),
            (std::set<int>{0}));  // 28/16 = 1
  EXPECT_EQ(layers_with(types_of("27b", "Q4_K_S"), "ffn_down.weight", kQ5_K),
            (std::set<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(layers_with(types_of("27b", "Q4_K_S"), "attn_qkv.weight", kQ5_K), (std::set<int>{0, 1, 2}));
  EXPECT_EQ(layers_with(types_of("27b", "Q4_K_S"), "attn_v.weight", kQ5_K), (std::set<int>{3}));
}

TEST(Mix, TiedEmbeddingTakesTheRuleOfTheOutput) {
  EXPECT_EQ(types_of("0.8b", "Q4_0").at("token_embd.weight"), kQ6_K);
  EXPECT_EQ(types_of("0.8b", "Q8_0").at("token_embd.weight"), kQ8_0);
  EXPECT_EQ(types_of("9b", "Q4_0").at("token_embd.weight"), kQ4_0);
  EXPECT_EQ(types_of("9b", "Q4_0").at("output.weight"), kQ6_K);
  EXPECT_EQ(types_of("9b", "TQ2_0").at("token_embd.weight"), kQ4_K);
  EXPECT_EQ(types_of("0.8b", "TQ2_0").at("token_embd.weight"), kQ6_K);
  EXPECT_EQ(types_of("0.8b", "F16").at("token_embd.weight"), kF16);
}

TEST(Mix, WideGroupsRaiseTheValueClass) {
  // 0.6b: 16 heads on 8: 2 per group. 27b: 24 on 4: 6 per group. 0.8b: 8 on 2: exactly 4.
  EXPECT_EQ(types_of("0.6b", "Q2_K").at("blk.5.attn_v.weight"), kQ3_K);
  EXPECT_EQ(types_of("27b", "Q2_K").at("blk.4.attn_qkv.weight"), kQ4_K);
  EXPECT_EQ(types_of("0.8b", "IQ4_XS").at("blk.3.attn_v.weight"), kQ5_K);
  EXPECT_EQ(types_of("0.6b", "IQ4_XS").at("blk.3.attn_v.weight"), kIQ4_XS);
  EXPECT_EQ(layers_with(types_of("0.6b", "IQ4_NL"), "ffn_down.weight", kQ5_K),
            (std::set<int>{0, 1, 2}));  // 28/8 = 3
  EXPECT_EQ(types_of("0.6b", "Q2_K").at("blk.5.attn_output.weight"), kQ3_K);
  EXPECT_EQ(types_of("0.6b", "Q2_K").at("blk.5.ffn_down.weight"), kQ3_K);
  EXPECT_EQ(types_of("0.6b", "Q2_K").at("blk.5.ffn_up.weight"), kQ2_K);
  EXPECT_EQ(types_of("0.6b", "Q2_K").at("blk.5.attn_q.weight"), kQ2_K);
}

TEST(Mix, RowsThatTheBlockDoesNotDivideFallBack) {
  Hyperparameters hp;
  hp.n_blocks = 40;
  hp.n_heads = hp.n_kv_heads = 4;
  const auto type_of = [&](const char* mix, const char* name, int64_t row) {
    return types_in(mix, hp, {{"output.weight", Shape(64, 256), kF32}, {name, Shape(64, row), kF32}})[1];
  };
  const char* up = "blk.1.ffn_up.weight";
  EXPECT_EQ(type_of("Q2_K", up, 128), kQ4_0);
  EXPECT_EQ(type_of("Q3_K_S", up, 128), kQ4_0);
  EXPECT_EQ(type_of("TQ1_0", up, 128), kQ4_0);
  EXPECT_EQ(type_of("TQ2_0", up, 128), kQ4_0);
  EXPECT_EQ(type_of("Q4_K_M", up, 128), kQ5_0);
  EXPECT_EQ(type_of("Q5_K_M", up, 128), kQ5_1);
  EXPECT_EQ(type_of("Q6_K", up, 128), kQ8_0);
  EXPECT_EQ(type_of("IQ4_XS", up, 128), kIQ4_NL);
  EXPECT_EQ(type_of("Q4_K_M", "blk.1.ffn_down.weight", 128), kQ8_0);  // the first of 40 would be Q6_K
  EXPECT_EQ(type_of("Q4_K_M", up, 40), kF16);
  EXPECT_EQ(type_of("Q8_0", up, 40), kF16);
  EXPECT_EQ(type_of("F16", up, 7), kF16);
  // The output has its own way out.
  EXPECT_EQ(types_in("Q4_K_M", hp, {{"output.weight", Shape(64, 128), kF32}})[0], kQ8_0);
  EXPECT_EQ(types_in("Q4_0", hp, {{"output.weight", Shape(64, 128), kF32}})[0],
            kQ8_0);  // Q6_K does not fit either
  EXPECT_EQ(types_in("Q4_K_M", hp, {{"output.weight", Shape(64, 40), kF32}})[0], kF16);
}

TEST(Mix, WhatIsNoMatrixKeepsItsType) {
  Hyperparameters hp;
  hp.n_blocks = 1;
  hp.n_heads = hp.n_kv_heads = 4;
  const auto types = types_in("Q4_0", hp,
                              {{"output.weight", Shape(64, 256), kBF16},
                               {"blk.0.attn_norm.weight", Shape(256), kF32},
                               {"blk.0.ffn_gate_inp_shexp.weight", Shape(1, 256), kBF16},
                               {"blk.0.ffn_gate_inp.weight", Shape(16, 256), kF16},
                               {"blk.0.ssm_conv1d.weight", Shape(512, 4), kF32},
                               {"blk.0.ssm_a", Shape(32, 32), kF32},
                               {"blk.0.attn_q.weight", Shape(64, 256), kBF16}});
  EXPECT_EQ(types, (std::vector<DType>{kQ6_K, kF32, kBF16, kF16, kF32, kF32, kQ4_0}));
}

TEST(Mix, Mxfp4IsForStackedExpertsOnly) {
  const auto types = types_of("35b-a3b", "MXFP4_MOE", false, 4);
  for (const char* name :
       {"blk.0.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight", "blk.3.ffn_down_exps.weight"})
    EXPECT_EQ(types.at(name), kMXFP4) << name;
  for (const char* name :
       {"blk.0.ffn_down_shexp.weight", "blk.0.attn_qkv.weight", "token_embd.weight", "output.weight"})
    EXPECT_EQ(types.at(name), kQ8_0) << name;
  EXPECT_EQ(types.at("blk.0.ffn_gate_inp.weight"), kF32);
}

TEST(Mix, ModelsOfExactlyEightExperts) {
  Hyperparameters hp;
  hp.n_blocks = 16;
  hp.n_heads = hp.n_kv_heads = 4;
  hp.n_experts = 8;
  const std::vector<MixTensor> tensors = {{"output.weight", Shape(64, 256), kF32},
                                          {"blk.5.attn_v.weight", Shape(64, 256), kF32},
                                          {"blk.5.attn_k.weight", Shape(64, 256), kF32},
                                          {"blk.5.attn_q.weight", Shape(64, 256), kF32},
                                          {"blk.5.attn_output.weight", Shape(64, 256), kF32}};
  EXPECT_EQ(types_in("Q4_K_M", hp, tensors), (std::vector<DType>{kQ6_K, kQ8_0, kQ8_0, kQ4_K, kQ5_K}));
  EXPECT_EQ(types_in("Q4_0", hp, tensors), (std::vector<DType>{kQ6_K, kQ8_0, kQ8_0, kQ4_0, kQ4_0}));
  hp.n_experts = 16;
  EXPECT_EQ(types_in("Q4_0", hp, tensors), (std::vector<DType>{kQ6_K, kQ4_0, kQ4_0, kQ4_0, kQ4_0}));
}

TEST(Mix, NamesAndRefusals) {
  EXPECT_STREQ(find_mix("q4_k_m").value()->name, "Q4_K_M");
  EXPECT_STREQ(find_mix("Q4_K").value()->name, "Q4_K_M");
  EXPECT_STREQ(find_mix("Q3_K").value()->name, "Q3_K_M");
  for (const char* name : {"IQ1_S", "iq2_xxs", "IQ3_M", "Q2_K_S"}) {
    const auto mix = find_mix(name);
    ASSERT_FALSE(mix.ok()) << name;
    EXPECT_EQ(mix.error().code(), ErrorCode::kUsage);
    EXPECT_NE(mix.error().message().find("no encoder"), std::string::npos) << mix.error().message();
  }
  const auto unknown = find_mix("Q9_K");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message().find("Q4_K_M"), std::string::npos) << unknown.error().message();
}

TEST(Mix, EveryTypeOfEveryMixHasAnEncoder) {
  std::set<uint32_t> file_types;
  for (const Mix& mix : mixes()) {
    for (const DType type : {mix.base, mix.value.special, mix.value.rest, mix.down.special, mix.down.rest,
                             mix.attn_output, mix.output, mix.token_embd, mix.expert_stack})
      EXPECT_TRUE(can_quantize(type)) << mix.name;
    EXPECT_TRUE(file_types.insert(mix.file_type).second) << mix.name;
  }
}

}  // namespace
}  // namespace gannet
