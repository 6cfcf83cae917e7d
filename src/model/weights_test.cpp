#include "model/weights.h"

#include <gtest/gtest.h>

#include "model/model_file_for_test.h"

namespace gannet {
namespace {

using enum Architecture;
using Bytes = std::vector<std::byte>;

// A file that is parsed together with what was loaded from it, which looks into it.
struct Loaded {
  explicit Loaded(ModelFileForTest& test) : file(test.parse()) {
    auto read = read_hyperparameters(file);
    EXPECT_TRUE(read.ok()) << read.error().message();
    if (!read.ok()) return;
    hp = read.take();
    auto loaded = load_weights(file, hp);
    if (loaded.ok())
      table = loaded.take();
    else
      error = loaded.error().message(), code = loaded.error().code();
  }
  Bytes bytes(const std::string& name) const {
    const TensorView v = table.view(name);
    if (v.data == nullptr) return {};
    return {v.data, v.data + tensor_bytes(v.dtype, v.shape)};
  }

  GgufFile file;
  Hyperparameters hp;
  WeightTable table;
  std::string error;
  ErrorCode code = ErrorCode::kRuntime;
};

#define EXPECT_HAS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << (text) << "\nlacks: " << (part)

TEST(LoadWeights, PublishedFormsOfEveryFamilyLoadInPlace) {
  for (const ArchitectureFacts& f : architectures()) {
    for (const bool mtp : {false, true}) {
      if (mtp && !f.mtp) continue;
      ModelFileForTest test = ModelFileForTest::complete(tiny_shape(f.arch, mtp));
      const Loaded m(test);
      ASSERT_EQ(m.error, "") << f.name;
      const auto all = m.file.shards()[0].bytes;
      for (const TensorSpec& spec : declare_tensors(m.hp)) {
        if (!m.table.has(spec.name)) {
          EXPECT_FALSE(spec.required) << spec.name;
          continue;
        }
        const TensorView view = m.table.view(spec.name);
        EXPECT_TRUE(view.shape == spec.shape) << spec.name;
        EXPECT_TRUE(is_contiguous(view));
        const GgufTensor* stored = m.file.find_tensor(spec.name);
        if (stored == nullptr) continue;  // qwen3next: regrouped
        EXPECT_TRUE(view.data >= all.data() && view.data < all.data() + all.size())
            << spec.name << " was copied";
        EXPECT_EQ(view.data, stored->data.data());
      }
      if (f.arch != kQwen3Next) {
        EXPECT_EQ(m.table.owned_bytes(), 0) << f.name;
      }
    }
  }
}

TEST(LoadWeights, EveryProblemIsReportedAtOnce) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35));
  test.remove("blk.0.ssm_out.weight");
  test.remove("blk.3.attn_k.weight");
  test.remove("output_norm.weight");
  test.replace("blk.1.ffn_up.weight", DType::kF32, Shape(256, 512));
  test.replace("blk.2.ssm_conv1d.weight", DType::kF32, Shape(512, 3));
  test.replace("blk.1.attn_norm.weight", DType::kQ8_0, Shape(256));
  test.replace("blk.2.ffn_down.weight", DType::kI32, Shape(256, 512));
  const Loaded m(test);
  EXPECT_EQ(m.code, ErrorCode::kModelFile);
  EXPECT_TRUE(m.error.starts_with("test.gguf: ")) << m.error;
  EXPECT_EQ(m.error.find('\n'), std::string::npos);
  for (const char* part :
       {"blk.0.ssm_out.weight is missing", "blk.3.attn_k.weight is missing", "output_norm.weight is missing",
        "blk.1.ffn_up.weight is F32[256, 512], expected F32[512, 256]",
        "blk.2.ssm_conv1d.weight is F32[512, 3], expected F32[512, 4]",
        "blk.1.attn_norm.weight is stored as Q8_0", "blk.2.ffn_down.weight is stored as I32"})
    EXPECT_HAS(m.error, part);
}

TEST(LoadWeights, ALongListIsCutAndCounted) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35));
  for (int n = 0; n < 4; ++n) test.remove_all("blk." + std::to_string(n) + ".");
  // Three delta-net blocks of 14 tensors and an attention block of 11.
  const Loaded m(test);
  EXPECT_HAS(m.error, "test.gguf: blk.0.attn_norm.weight is missing; blk.0.attn_qkv.weight is missing; ");
  EXPECT_HAS(m.error, "; and 45 more");
  EXPECT_EQ(m.error.find("test.gguf", 1), std::string::npos) << "the path once";
  EXPECT_LT(m.error.size(), 400u) << m.error;
}

TEST(LoadWeights, VectorsInHalfPrecisionBecomeF32) {
  const std::string gate = "blk.0.ffn_gate_inp_shexp.weight";
  for (const DType type : {DType::kBF16, DType::kF16}) {
    for (const Shape& shape : {Shape(256), Shape(1, 256)}) {
      ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35Moe));
      test.replace(gate, type, shape);
      test.replace("blk.1.attn_norm.weight", type, Shape(256));
      const Loaded m(test);
      ASSERT_EQ(m.error, "");
      EXPECT_TRUE(m.table.type(gate) == (TensorType{type, Shape(256)})) << "as stored";
      EXPECT_TRUE(m.table.type("f32:" + gate) == (TensorType{DType::kF32, Shape(256)}));
      std::vector<float> expected(256);
      dequantize_row(type, test.tensor(gate).bytes.data(), expected.data(), 256);
      const auto* wide = m.table.view("f32:" + gate).as<float>();
      EXPECT_EQ(std::vector<float>(wide, wide + 256), expected);
      EXPECT_TRUE(m.table.type("f32:blk.1.attn_norm.weight") == (TensorType{DType::kF32, Shape(256)}));
      EXPECT_EQ(m.table.owned_bytes(), 2 * 256 * 4);
    }
  }
}

TEST(LoadWeights, AF32GateOfOneRowIsTakenInPlace) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35Moe));
  test.replace("blk.0.ffn_gate_inp_shexp.weight", DType::kF32, Shape(1, 256));
  const Loaded m(test);
  ASSERT_EQ(m.error, "");
  EXPECT_TRUE(m.table.view("blk.0.ffn_gate_inp_shexp.weight").shape == Shape(256));
  EXPECT_EQ(m.table.owned_bytes(), 0);
}

// Rows [first, first + n) of a stored matrix.
void append_rows(Bytes& out, const ModelFileForTest::Tensor& t, int64_t first, int64_t n) {
  const int64_t bytes = row_bytes(t.dtype, t.shape.last());
  out.insert(out.end(), t.bytes.begin() + first * bytes, t.bytes.begin() + (first + n) * bytes);
}

// A qwen3next model of Hk = 2 key heads and Hv = 4 value heads of size 64, whose block 0 has these canonical
// matrices.
struct Canonical {
  explicit Canonical(DType type) {
    ModelFileForTest source;
    source.add("qkv", type, Shape(2 * 128 + 256, 256));
    source.add("z", type, Shape(256, 256));
    source.add("beta", type, Shape(4, 256));
    source.add("alpha", type, Shape(4, 256));
    qkv = source.tensors[0], z = source.tensors[1], beta = source.tensors[2], alpha = source.tensors[3];
  }
  ModelFileForTest::Tensor qkv, z, beta, alpha;
};

TEST(LoadWeights, GroupedInputOfOlderQwen3NextIsUngrouped) {
  for (const DType type : {DType::kF32, DType::kQ8_0, DType::kQ4_K}) {
    const Canonical c(type);
    // Rows of a group: q of its key head, k, the v of its two value heads, their z.
    ModelFileForTest::Tensor in{"blk.0.ssm_in.weight", type, Shape(2 * 128 + 2 * 256, 256), {}};
    for (int64_t g = 0; g < 2; ++g) {
      append_rows(in.bytes, c.qkv, g * 64, 64);
      append_rows(in.bytes, c.qkv, 128 + g * 64, 64);
      append_rows(in.bytes, c.qkv, 256 + g * 128, 128);
      append_rows(in.bytes, c.z, g * 128, 128);
    }
    ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen3Next));
    test.remove("blk.0.attn_qkv.weight");
    test.remove("blk.0.attn_gate.weight");
    test.tensors.push_back(in);
    const Loaded m(test);
    ASSERT_EQ(m.error, "");
    EXPECT_TRUE(m.table.type("blk.0.attn_qkv.weight") == (TensorType{type, c.qkv.shape}));
    EXPECT_TRUE(m.table.type("blk.0.attn_gate.weight") == (TensorType{type, c.z.shape}));
    EXPECT_EQ(m.bytes("blk.0.attn_qkv.weight"), c.qkv.bytes);
    EXPECT_EQ(m.bytes("blk.0.attn_gate.weight"), c.z.bytes);
    // The other blocks have the newer form and stay in place.
    EXPECT_EQ(m.table.view("blk.1.attn_qkv.weight").data,
              m.file.find_tensor("blk.1.attn_qkv.weight")->data.data());
  }
}

TEST(LoadWeights, GroupedGatesOfQwen3NextAreUngrouped) {
  for (const DType type : {DType::kF32, DType::kQ8_0}) {
    const Canonical c(type);
    ModelFileForTest::Tensor ba{"blk.0.ssm_ba.weight", type, Shape(8, 256), {}};
    for (int64_t g = 0; g < 2; ++g) {
      append_rows(ba.bytes, c.beta, g * 2, 2);
      append_rows(ba.bytes, c.alpha, g * 2, 2);
    }
    ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen3Next));
    test.remove("blk.0.ssm_ba.weight");
    test.tensors.push_back(ba);
    const Loaded m(test);
    ASSERT_EQ(m.error, "");
    EXPECT_EQ(m.bytes("blk.0.ssm_beta.weight"), c.beta.bytes);
    EXPECT_EQ(m.bytes("blk.0.ssm_alpha.weight"), c.alpha.bytes);
  }
}

TEST(LoadWeights, AMisshapenVariantIsNamed) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen3Next));
  test.replace("blk.0.ssm_ba.weight", DType::kF32, Shape(6, 256));
  const Loaded m(test);
  EXPECT_HAS(m.error, "blk.0.ssm_ba.weight is F32[6, 256], expected F32[8, 256]");
}

TEST(LoadWeights, FusedAttentionIsTakenApartInPlace) {
  for (const Architecture arch : {kQwen3, kQwen35}) {
    ModelFileForTest test = ModelFileForTest::complete(tiny_shape(arch));
    // Block 3 is softmax attention in both; in the hybrid q holds gates too.
    const int64_t q_rows = arch == kQwen35 ? 512 : 256, kv_rows = 128;
    for (const char* name : {"blk.3.attn_q.weight", "blk.3.attn_k.weight", "blk.3.attn_v.weight"})
      test.remove(name);
    test.add("blk.3.attn_qkv.weight", DType::kQ5_K, Shape(q_rows + 2 * kv_rows, 256));
    const Loaded m(test);
    ASSERT_EQ(m.error, "");
    const auto& fused = test.tensor("blk.3.attn_qkv.weight");
    Bytes q, k, v;
    append_rows(q, fused, 0, q_rows);
    append_rows(k, fused, q_rows, kv_rows);
    append_rows(v, fused, q_rows + kv_rows, kv_rows);
    EXPECT_EQ(m.bytes("blk.3.attn_q.weight"), q);
    EXPECT_EQ(m.bytes("blk.3.attn_k.weight"), k);
    EXPECT_EQ(m.bytes("blk.3.attn_v.weight"), v);
    EXPECT_TRUE(m.table.type("blk.3.attn_v.weight") == (TensorType{DType::kQ5_K, Shape(kv_rows, 256)}));
    EXPECT_EQ(m.table.owned_bytes(), 0);
  }
}

TEST(LoadWeights, FusedExpertsStayFused) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35Moe));
  test.remove("blk.1.ffn_gate_exps.weight");
  test.remove("blk.1.ffn_up_exps.weight");
  test.add("blk.1.ffn_gate_up_exps.weight", DType::kQ4_0, Shape(6, 512, 256));
  const Loaded m(test);
  ASSERT_EQ(m.error, "");
  EXPECT_TRUE(m.table.type("blk.1.ffn_gate_up_exps.weight") ==
              (TensorType{DType::kQ4_0, Shape(6, 512, 256)}));
  EXPECT_FALSE(m.table.has("blk.1.ffn_up_exps.weight"));
  EXPECT_TRUE(m.table.has("blk.0.ffn_up_exps.weight"));

  test.replace("blk.1.ffn_gate_up_exps.weight", DType::kQ4_0, Shape(6, 256, 256));
  EXPECT_HAS(Loaded(test).error,
             "blk.1.ffn_gate_up_exps.weight is Q4_0[6, 256, 256], expected Q4_0[6, 512, 256]");
}

TEST(LoadWeights, AnMtpOnlyFileIsRefusedInOneSentence) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35, true));
  for (int n = 0; n < 4; ++n) test.remove_all("blk." + std::to_string(n) + ".");
  const Loaded m(test);
  EXPECT_EQ(m.code, ErrorCode::kModelFile);
  EXPECT_EQ(m.error, "test.gguf: holds only the MTP block of a model; give the main file");
}

TEST(LoadWeights, OptionalTensorsMayBeAbsent) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35, true));
  test.remove("output.weight");
  test.remove("blk.4.nextn.shared_head_norm.weight");
  const Loaded m(test);
  ASSERT_EQ(m.error, "");
  EXPECT_FALSE(m.table.has("output.weight"));
  EXPECT_FALSE(m.table.has("blk.4.nextn.shared_head_norm.weight"));

  test.remove("blk.4.nextn.eh_proj.weight");
  EXPECT_HAS(Loaded(test).error, "blk.4.nextn.eh_proj.weight is missing");
}

TEST(LoadWeights, UnknownTensorsAreNoConcern) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen3));
  test.add("rope_freqs.weight", DType::kF32, Shape(32));
  test.add("blk.99.attn_norm.weight", DType::kF32, Shape(3));
  EXPECT_EQ(Loaded(test).error, "");
}

// Files that hold more than the language model: a vision tower, an MTP block in another naming, blocks that
// the keys do not count.
TEST(LoadWeights, TensorsBesideTheModelAreNotLookedAt) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35));
  for (const char* name : {"v.blk.0.attn_q.bias", "v.blk.0.attn_q.scale", "mm.0.bias", "mtp.fc.scale",
                           "mtp.layers.0.attn_q.bias", "blk.4.attn_q.bias", "blk.99.attn_q.scale"})
    test.add(name, DType::kF32, Shape(8));
  EXPECT_EQ(Loaded(test).error, "");
}

TEST(LoadWeights, WhatWouldBeComputedWronglyIsRefused) {
  for (const char* name : {"blk.0.attn_k.bias", "blk.1.ffn_up.bias", "blk.2.attn_norm.scale", "output.bias",
                           "token_embd.scale", "blk.0.attn_qkv.scale", "blk.0.ssm_dt.bias"}) {
    ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen3));
    test.add(name, DType::kF32, Shape(1));
    EXPECT_HAS(Loaded(test).error, name);
  }
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen3));
  test.add("blk.0.\x1b[31m.bias", DType::kF32, Shape(1));
  EXPECT_HAS(Loaded(test).error, "blk.0.\\u{1b}[31m.bias");
}

TEST(LoadWeights, TheStepBiasMayLackItsEnding) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35));
  for (auto& t : test.tensors)
    if (t.name.ends_with("ssm_dt.bias")) t.name.resize(t.name.size() - std::string_view(".bias").size());
  const Loaded m(test);
  ASSERT_EQ(m.error, "");
  EXPECT_EQ(m.bytes("blk.1.ssm_dt.bias"), test.tensor("blk.1.ssm_dt").bytes);
}

TEST(LoadWeights, FactorsOfMatricesAreBoundBesideThem) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35Moe));
  test.add("output.scale", DType::kF32, Shape(1), {0.5f});
  test.add("blk.0.attn_qkv.scale", DType::kF32, Shape(1), {0.25f});
  test.add("blk.3.attn_q.scale", DType::kF16, Shape(1), {0.75f});
  test.add("blk.0.ffn_up_exps.scale", DType::kF32, Shape(6), {1, 2, 3, 4, 5, 6});
  test.add("blk.0.ffn_up_exps.input_scale", DType::kF32, Shape(6), {9, 9, 9, 9, 9, 9});
  const Loaded m(test);
  ASSERT_EQ(m.error, "");
  EXPECT_EQ(m.table.view("output.scale").as<float>()[0], 0.5f);
  EXPECT_EQ(m.table.view("blk.0.attn_qkv.scale").as<float>()[0], 0.25f);
  EXPECT_EQ(m.table.view("f32:blk.3.attn_q.scale").as<float>()[0], 0.75f);
  EXPECT_TRUE(m.table.type("blk.0.ffn_up_exps.scale") == (TensorType{DType::kF32, Shape(6)}));
  EXPECT_FALSE(m.table.has("blk.0.ffn_up_exps.input_scale")) << "of the activations, which stay as they are";

  test.replace("blk.0.ffn_up_exps.scale", DType::kF32, Shape(5));
  test.replace("output.scale", DType::kF32, Shape(2));
  const Loaded wrong(test);
  EXPECT_HAS(wrong.error, "blk.0.ffn_up_exps.scale is F32[5], expected F32[6]");
  EXPECT_HAS(wrong.error, "output.scale is F32[2], expected F32[1]");
}

// Every part of a fused matrix has the factor of the whole.
TEST(LoadWeights, FactorsOfFusedMatricesAreThoseOfTheirParts) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen3Next));
  test.add("blk.0.ssm_ba.scale", DType::kF32, Shape(1), {0.5f});
  test.remove("blk.1.attn_qkv.weight");
  test.remove("blk.1.attn_gate.weight");
  test.add("blk.1.ssm_in.weight", DType::kF32, Shape(2 * 128 + 2 * 256, 256));
  test.add("blk.1.ssm_in.scale", DType::kF32, Shape(1), {0.25f});
  for (const char* name : {"blk.3.attn_q.weight", "blk.3.attn_k.weight", "blk.3.attn_v.weight"})
    test.remove(name);
  test.add("blk.3.attn_qkv.weight", DType::kF32, Shape(512 + 2 * 128, 256));
  test.add("blk.3.attn_qkv.scale", DType::kF32, Shape(1), {0.75f});
  test.remove("blk.2.ffn_gate_exps.weight");
  test.remove("blk.2.ffn_up_exps.weight");
  test.add("blk.2.ffn_gate_up_exps.weight", DType::kF32, Shape(6, 512, 256));
  test.add("blk.2.ffn_gate_up_exps.scale", DType::kF32, Shape(6), {1, 2, 3, 4, 5, 6});
  const Loaded m(test);
  ASSERT_EQ(m.error, "");
  const std::pair<const char*, float> parts[] = {
      {"blk.0.ssm_beta.scale", 0.5f},  {"blk.0.ssm_alpha.scale", 0.5f},
      {"blk.1.attn_qkv.scale", 0.25f}, {"blk.1.attn_gate.scale", 0.25f},
      {"blk.3.attn_q.scale", 0.75f},   {"blk.3.attn_k.scale", 0.75f},
      {"blk.3.attn_v.scale", 0.75f},   {"blk.2.ffn_gate_up_exps.scale", 1.0f}};
  for (const auto& [name, value] : parts) {
    ASSERT_TRUE(m.table.has(name)) << name;
    EXPECT_EQ(m.table.view(name).as<float>()[0], value) << name;
  }

  test.tensor("blk.2.ffn_gate_up_exps.scale").name = "blk.2.ffn_up_exps.scale";
  const Loaded other(test);
  ASSERT_EQ(other.error, "");
  EXPECT_TRUE(other.table.has("blk.2.ffn_gate_up_exps.scale"));
}

TEST(LoadWeights, TensorsThatNoKernelCanReadInPlaceAreRefused) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen3));
  test.keys.set_u32("general.alignment", 1);
  test.keys.set_string("general.description", "so that data begins at an odd byte");
  const Loaded odd(test);
  test.keys.set_string("general.description", "so that data begins at an odd byte.");
  const Loaded even(test);
  // With alignment 1 at least one of two neighbouring lengths puts the data on no multiple of four.
  EXPECT_HAS(odd.error + even.error, "is no multiple of 4; write the file again with general.alignment 32");
}

}  // namespace
}  // namespace gannet
