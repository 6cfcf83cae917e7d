#include "model/hyperparameters.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "model/model_file_for_test.h"

namespace gannet {
namespace {

using enum Architecture;

// The keys of a tiny model and an embedding, so that only what a test changes can be wrong.
ModelFileForTest keys_of(Architecture arch, bool mtp = false) {
  ModelFileForTest file = ModelFileForTest::with_keys(tiny_shape(arch, mtp).hp);
  file.add("token_embd.weight", DType::kF32, Shape(300, 256));
  return file;
}

// The smallest set of keys of a dense model, for what happens when the others are absent.
ModelFileForTest minimal_qwen3() {
  ModelFileForTest file;
  file.keys.set_string("general.architecture", "qwen3");
  file.keys.set_u32("qwen3.context_length", 512);
  file.keys.set_u32("qwen3.embedding_length", 256);
  file.keys.set_u32("qwen3.block_count", 2);
  file.keys.set_u32("qwen3.feed_forward_length", 512);
  file.keys.set_u32("qwen3.attention.head_count", 4);
  file.keys.set_f32("qwen3.attention.layer_norm_rms_epsilon", 1e-6f);
  file.add("token_embd.weight", DType::kF32, Shape(300, 256));
  return file;
}

std::string refusal(ModelFileForTest& file) {
  const auto hp = file.read();
  if (hp.ok()) return "accepted";
  EXPECT_EQ(hp.error().code(), ErrorCode::kModelFile);
  EXPECT_EQ(hp.error().message().find('\n'), std::string::npos);
  EXPECT_TRUE(hp.error().message().starts_with("test.gguf: ")) << hp.error().message();
  return hp.error().message();
}

#define EXPECT_HAS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << (text) << "\nlacks: " << (part)

TEST(Hyperparameters, WriteAndReadAgreeForEveryShape) {
  for (const ArchitectureFacts& f : architectures()) {
    for (const bool mtp : {false, true}) {
      if (mtp && !f.mtp) continue;
      for (const std::string& name : shape_names()) {
        const auto shape = model_shape(name, {.arch = f.arch, .n_layers = {}, .n_vocab = 300, .mtp = mtp});
        if (!shape.ok()) continue;  // of another architecture
        ModelFileForTest file = ModelFileForTest::with_keys(shape->hp);
        file.add("token_embd.weight", DType::kF32, Shape(300, 256));
        const auto hp = file.read();
        ASSERT_TRUE(hp.ok()) << name << ": " << hp.error().message();
        EXPECT_EQ(print_hyperparameters(*hp), print_hyperparameters(shape->hp)) << name;
        EXPECT_EQ(hp->recurrent, shape->hp.recurrent) << name;
        EXPECT_EQ(hp->n_mtp, mtp ? 1u : 0u);
        EXPECT_EQ(hp->n_vocab, 300u);
      }
    }
  }
}

TEST(Hyperparameters, AllMissingKeysAreReportedAtOnce) {
  ModelFileForTest file;
  file.keys.set_string("general.architecture", "qwen35moe");
  const std::string message = refusal(file);
  for (const char* key :
       {"context_length", "embedding_length", "block_count", "attention.head_count",
        "attention.layer_norm_rms_epsilon", "rope.dimension_sections", "expert_count", "expert_used_count",
        "ssm.conv_kernel", "ssm.state_size", "ssm.group_count", "ssm.time_step_rank", "ssm.inner_size"})
    EXPECT_HAS(message, std::string("the key qwen35moe.") + key + " is missing");
  EXPECT_HAS(message, "token_embd.weight");

  ModelFileForTest dense;
  dense.keys.set_string("general.architecture", "qwen3");
  EXPECT_HAS(refusal(dense), "the key qwen3.feed_forward_length is missing");
  EXPECT_EQ(refusal(dense).find("ssm"), std::string::npos);
  EXPECT_EQ(refusal(dense).find("expert"), std::string::npos);
}

TEST(Hyperparameters, DefaultsOfAbsentKeys) {
  ModelFileForTest file = minimal_qwen3();
  const auto hp = file.read();
  ASSERT_TRUE(hp.ok()) << hp.error().message();
  EXPECT_EQ(hp->n_kv_heads, 4u);  // = head_count
  EXPECT_EQ(hp->head_dim, 64u);   // = embedding_length / head_count
  EXPECT_EQ(hp->n_rot, 64u);      // = key_length
  EXPECT_EQ(hp->rope_base, 10000.0f);
  EXPECT_EQ(hp->rope_scaling, "none");
  EXPECT_EQ(hp->n_mtp, 0u);
  EXPECT_EQ(hp->n_vocab, 300u);

  ModelFileForTest moe;
  moe.keys = minimal_qwen3().keys;
  moe.keys.set_string("general.architecture", "qwen3next");
  const std::string p = "qwen3next.";
  for (const auto& [key, value] : std::vector<std::pair<const char*, uint32_t>>{{"context_length", 512},
                                                                                {"embedding_length", 256},
                                                                                {"block_count", 8},
                                                                                {"feed_forward_length", 512},
                                                                                {"attention.head_count", 4},
                                                                                {"expert_count", 8},
                                                                                {"expert_used_count", 2},
                                                                                {"ssm.conv_kernel", 4},
                                                                                {"ssm.state_size", 64},
                                                                                {"ssm.group_count", 2},
                                                                                {"ssm.time_step_rank", 4},
                                                                                {"ssm.inner_size", 256}})
    moe.keys.set_u32(p + key, value);
  moe.keys.set_f32(p + "attention.layer_norm_rms_epsilon", 1e-6f);
  moe.add("token_embd.weight", DType::kF32, Shape(300, 256));
  const auto next = moe.read();
  ASSERT_TRUE(next.ok()) << next.error().message();
  EXPECT_EQ(next->n_ff_expert, 256u);            // = feed_forward_length / expert_used_count
  EXPECT_EQ(next->n_ff_shared, 512u);            // = feed_forward_length
  EXPECT_EQ(next->full_attention_interval, 4u);  // older files omit it
  EXPECT_EQ(next->recurrent, (std::vector<bool>{true, true, true, false, true, true, true, false}));
}

TEST(Hyperparameters, NumbersOfAnyWidthAreRead) {
  ModelFileForTest file = minimal_qwen3();
  file.keys.set_number<uint8_t>("qwen3.block_count", 3);
  file.keys.set_number<uint64_t>("qwen3.context_length", 40960);
  file.keys.set_number<int16_t>("qwen3.attention.head_count", 8);
  file.keys.set_number<int64_t>("qwen3.attention.key_length", 128);
  file.keys.set_number<double>("qwen3.attention.layer_norm_rms_epsilon", 1e-5);
  const auto hp = file.read();
  ASSERT_TRUE(hp.ok()) << hp.error().message();
  EXPECT_EQ(hp->n_blocks, 3u);
  EXPECT_EQ(hp->context_length, 40960u);
  EXPECT_EQ(hp->n_heads, 8u);
  EXPECT_EQ(hp->head_dim, 128u);
  EXPECT_EQ(hp->eps, 1e-5f);
}

TEST(Hyperparameters, WrongTypesNameTheKey) {
  ModelFileForTest file = minimal_qwen3();
  file.keys.set_string("qwen3.block_count", "two");
  file.keys.set_number<int32_t>("qwen3.attention.head_count", -4);
  file.keys.set_bool("qwen3.rope.freq_base", true);
  const std::string message = refusal(file);
  EXPECT_HAS(message, "qwen3.block_count");
  EXPECT_HAS(message, "qwen3.attention.head_count");
  EXPECT_HAS(message, "qwen3.rope.freq_base");
}

struct BadValue {
  Architecture arch;
  const char* what;
  std::function<void(GgufBuilder&)> damage;
  const char* expected;
};

template <class T>
std::function<void(GgufBuilder&)> set(const char* key, T value) {
  return [key, value](GgufBuilder& keys) { keys.set_number<T>(key, value); };
}

// Values that would divide by zero, index out of range or ask for absurd memory later on.
const BadValue kBadValues[] = {
    {kQwen3, "block_count 0", set<uint32_t>("qwen3.block_count", 0),
     "qwen3.block_count is 0, allowed is 1 to 4096"},
    {kQwen3, "block_count huge", set<uint32_t>("qwen3.block_count", 4097), "qwen3.block_count is 4097"},
    {kQwen3, "block_count beyond 32 bits", set<uint64_t>("qwen3.block_count", uint64_t{1} << 32),
     "is 4294967296"},
    {kQwen3, "head_count 0", set<uint32_t>("qwen3.attention.head_count", 0),
     "qwen3.attention.head_count is 0"},
    {kQwen3, "head_count_kv 0", set<uint32_t>("qwen3.attention.head_count_kv", 0),
     "qwen3.attention.head_count_kv is 0"},
    {kQwen3, "heads no multiple", set<uint32_t>("qwen3.attention.head_count_kv", 3),
     "4 is not a multiple of head_count_kv 3"},
    {kQwen3, "more kv heads", set<uint32_t>("qwen3.attention.head_count_kv", 8),
     "4 is not a multiple of head_count_kv 8"},
    {kQwen3, "embedding_length 0", set<uint32_t>("qwen3.embedding_length", 0), "qwen3.embedding_length is 0"},
    {kQwen3, "feed_forward_length 0", set<uint32_t>("qwen3.feed_forward_length", 0),
     "feed_forward_length is 0"},
    {kQwen3, "context_length 0", set<uint32_t>("qwen3.context_length", 0), "qwen3.context_length is 0"},
    {kQwen3, "odd head size", set<uint32_t>("qwen3.attention.key_length", 60), "attention.value_length"},
    {kQwen3, "two head sizes", set<uint32_t>("qwen3.attention.value_length", 32),
     "attention.value_length differs"},
    {kQwen3, "rotates more than a head", set<uint32_t>("qwen3.rope.dimension_count", 128),
     "rope.dimension_count 128"},
    {kQwen3, "rotates an odd number", set<uint32_t>("qwen3.rope.dimension_count", 7),
     "rope.dimension_count 7"},
    {kQwen3, "eps NaN", set<float>("qwen3.attention.layer_norm_rms_epsilon", std::nanf("")),
     "layer_norm_rms_epsilon is nan"},
    {kQwen3, "eps negative", set<float>("qwen3.attention.layer_norm_rms_epsilon", -1e-6f),
     "layer_norm_rms_epsilon is -"},
    {kQwen3, "rope base 0", set<float>("qwen3.rope.freq_base", 0.0f), "rope.freq_base is 0"},
    {kQwen3, "rope base infinite", set<float>("qwen3.rope.freq_base", std::numeric_limits<float>::infinity()),
     "freq_base is inf"},
    {kQwen3, "unknown scaling", [](GgufBuilder& k) { k.set_string("qwen3.rope.scaling.type", "longrope"); },
     "\"longrope\""},
    {kQwen3Moe, "no experts", set<uint32_t>("qwen3moe.expert_count", 0), "expert_count is 0"},
    {kQwen3Moe, "none used", set<uint32_t>("qwen3moe.expert_used_count", 0), "expert_used_count is 0"},
    {kQwen3Moe, "more used than there", set<uint32_t>("qwen3moe.expert_used_count", 7),
     "7 is more than expert_count 6"},
    {kQwen3Moe, "experts without width", set<uint32_t>("qwen3moe.expert_feed_forward_length", 0),
     "expert_feed_forward_length is 0"},
    {kQwen35, "conv of one tap", set<uint32_t>("qwen35.ssm.conv_kernel", 1), "ssm.conv_kernel is 1"},
    {kQwen35, "no key heads", set<uint32_t>("qwen35.ssm.group_count", 0), "ssm.group_count is 0"},
    {kQwen35, "no value heads", set<uint32_t>("qwen35.ssm.time_step_rank", 0), "ssm.time_step_rank is 0"},
    {kQwen35, "value heads no multiple", set<uint32_t>("qwen35.ssm.group_count", 3),
     "4 is not a multiple of ssm.group_count 3"},
    {kQwen35, "inner size", set<uint32_t>("qwen35.ssm.inner_size", 128), "ssm.inner_size is not"},
    {kQwen35, "state size 0", set<uint32_t>("qwen35.ssm.state_size", 0), "ssm.state_size is 0"},
    {kQwen35, "interval 0", set<uint32_t>("qwen35.full_attention_interval", 0),
     "full_attention_interval is 0"},
    {kQwen35, "two MTP blocks", set<uint32_t>("qwen35.nextn_predict_layers", 2), "nextn_predict_layers is 2"},
    {kQwen35, "MTP only",
     [](GgufBuilder& k) {
       k.set_u32("qwen35.block_count", 1);
       k.set_u32("qwen35.nextn_predict_layers", 1);
     },
     "leaves no trunk block"},
    {kQwen35, "five sections",
     [](GgufBuilder& k) {
       k.set_numbers<int32_t>("qwen35.rope.dimension_sections", std::vector<int32_t>{1, 1, 1, 1, 1});
     },
     "more than 4 entries"},
    {kQwen35, "negative section",
     [](GgufBuilder& k) {
       k.set_numbers<int32_t>("qwen35.rope.dimension_sections", std::vector<int32_t>{11, -11, 10, 0});
     },
     "holds -11"},
};

TEST(Hyperparameters, ValuesOutOfRangeAreNamed) {
  for (const BadValue& bad : kBadValues) {
    ModelFileForTest file = keys_of(bad.arch);
    bad.damage(file.keys);
    const std::string message = refusal(file);
    EXPECT_HAS(message, bad.expected) << " (" << bad.what << ")";
  }
}

TEST(Hyperparameters, HeadSizeMustSuitTheKernels) {
  ModelFileForTest file = keys_of(kQwen3);
  file.keys.set_u32("qwen3.attention.key_length", 60);
  file.keys.set_u32("qwen3.attention.value_length", 60);
  file.keys.set_u32("qwen3.rope.dimension_count", 60);
  EXPECT_HAS(refusal(file), "attention.key_length 60 is not a multiple of 8");
}

TEST(Hyperparameters, ArraysPerBlockAreReadAsTheirCommonValue) {
  ModelFileForTest file = keys_of(kQwen35);
  // Blocks of another kind hold zeros.
  file.keys.set_numbers<uint32_t>("qwen35.attention.head_count_kv", std::vector<uint32_t>{0, 2, 0, 2});
  file.keys.set_numbers<uint16_t>("qwen35.feed_forward_length", std::vector<uint16_t>{768, 768, 768, 768});
  const auto hp = file.read();
  ASSERT_TRUE(hp.ok()) << hp.error().message();
  EXPECT_EQ(hp->n_kv_heads, 2u);
  EXPECT_EQ(hp->n_ff, 768u);

  file.keys.set_numbers<uint32_t>("qwen35.feed_forward_length", std::vector<uint32_t>{768, 768, 512, 768});
  EXPECT_HAS(refusal(file), "qwen35.feed_forward_length differs between blocks");
  file.keys.set_numbers<uint32_t>("qwen35.feed_forward_length", std::vector<uint32_t>{768, 768, 768});
  EXPECT_HAS(refusal(file), "qwen35.feed_forward_length has 3 entries for 4 blocks");
  file.keys.set_numbers<uint32_t>("qwen35.feed_forward_length", std::vector<uint32_t>{});
  EXPECT_HAS(refusal(file), "qwen35.feed_forward_length has 0 entries for 4 blocks");
  file.keys.set_u32("qwen35.feed_forward_length", 512);
  file.keys.set_numbers<uint32_t>("qwen35.attention.head_count_kv", std::vector<uint32_t>{0, 0, 0, 0});
  EXPECT_HAS(refusal(file), "qwen35.attention.head_count_kv is 0");
}

TEST(Hyperparameters, LayerPattern) {
  ModelFileForTest file = keys_of(kQwen35, true);  // 4 trunk blocks and block 4, the MTP block
  EXPECT_EQ(file.read().value().recurrent, (std::vector<bool>{true, true, true, false, false}));
  file.keys.set_u32("qwen35.full_attention_interval", 3);
  EXPECT_EQ(file.read().value().recurrent, (std::vector<bool>{true, true, false, true, false}));
  file.keys.set_u32("qwen35.full_attention_interval", 1);
  EXPECT_EQ(file.read().value().recurrent, (std::vector<bool>(5, false)));

  // The list of layers takes precedence, and the MTP block is softmax attention whatever it says.
  const auto set_list = [&](const std::vector<uint8_t>& flags) {
    bool values[8] = {};
    for (size_t i = 0; i < flags.size(); ++i) values[i] = flags[i] != 0;
    file.keys.set_numbers<bool>("qwen35.attention.recurrent_layers", std::span(values, flags.size()));
  };
  set_list({0, 1, 0, 1, 0});
  EXPECT_EQ(file.read().value().recurrent, (std::vector<bool>{false, true, false, true, false}));
  set_list({1, 1, 1, 1, 1});
  EXPECT_EQ(file.read().value().recurrent, (std::vector<bool>{true, true, true, true, false}));
  set_list({1, 1, 1});
  EXPECT_HAS(refusal(file), "qwen35.attention.recurrent_layers has 3 entries for 4 blocks");
  file.keys.set_u32("qwen35.attention.recurrent_layers", 3);
  EXPECT_HAS(refusal(file), "qwen35.attention.recurrent_layers");
}

TEST(Hyperparameters, FamiliesWithoutDeltaNetHaveNoPattern) {
  ModelFileForTest file = keys_of(kQwen3);
  EXPECT_TRUE(file.read().value().recurrent.empty());
  EXPECT_FALSE(file.read().value().is_recurrent(0));
}

TEST(Hyperparameters, RopeScaling) {
  ModelFileForTest file = minimal_qwen3();
  file.keys.set_string("qwen3.rope.scaling.type", "yarn");
  file.keys.set_f32("qwen3.rope.scaling.factor", 4.0f);
  auto hp = file.read();
  ASSERT_TRUE(hp.ok()) << hp.error().message();
  EXPECT_EQ(hp->rope_scaling, "yarn");
  EXPECT_EQ(hp->rope_factor, 4.0f);
  EXPECT_EQ(hp->rope_original_context, 512u);  // = context_length
  EXPECT_EQ(hp->rope_attn_factor, 1.0f);
  file.keys.set_f32("qwen3.rope.scaling.factor", 0.0f);
  EXPECT_HAS(refusal(file), "rope.scaling.factor is 0");

  // Without a type the factor means linear scaling; old files spell it scale_linear.
  ModelFileForTest untyped = minimal_qwen3();
  untyped.keys.set_f32("qwen3.rope.scaling.factor", 2.0f);
  EXPECT_EQ(untyped.read().value().rope_scaling, "linear");
  EXPECT_EQ(untyped.read().value().rope_factor, 2.0f);
  ModelFileForTest old = minimal_qwen3();
  old.keys.set_f32("qwen3.rope.scale_linear", 8.0f);
  EXPECT_EQ(old.read().value().rope_scaling, "linear");
  EXPECT_EQ(old.read().value().rope_factor, 8.0f);
}

// Exported without the MTP block that the keys count: without any of it, without its own tensors, or with
// nothing else of it.
TEST(Hyperparameters, AnAbsentMtpBlockLeavesTheTrunk) {
  for (const Architecture arch : {kQwen35, kQwen3Next, kQwen35Moe}) {
    for (const char* kind : {"none", "block", "nextn"}) {
      ModelFileForTest file = ModelFileForTest::complete(tiny_shape(arch, true));
      std::erase_if(file.tensors, [&](const ModelFileForTest::Tensor& t) {
        const bool own = t.name.find("nextn") != std::string::npos;
        return t.name.starts_with("blk.4.") &&
               (std::string_view(kind) == "none" || own == (std::string_view(kind) == "block"));
      });
      const auto hp = file.read();
      ASSERT_TRUE(hp.ok()) << kind << ": " << hp.error().message();
      EXPECT_EQ(hp->n_mtp, 0u) << kind;
      EXPECT_EQ(hp->n_mtp_absent, 1u) << kind;
      EXPECT_EQ(hp->n_blocks, 4u) << kind;
      EXPECT_EQ(hp->recurrent, tiny_shape(arch).hp.recurrent) << kind;
      const GgufFile parsed = file.parse();
      EXPECT_TRUE(load_weights(parsed, *hp).ok()) << kind;
    }
    ModelFileForTest whole = ModelFileForTest::complete(tiny_shape(arch, true));
    EXPECT_EQ(whole.read().value().n_mtp, 1u);
    EXPECT_EQ(whole.read().value().n_mtp_absent, 0u);
  }
}

// Three blocks and one without anything of MTP are more likely a trunk of four whose keys are wrong.
TEST(Hyperparameters, TheLastBlockOfATrunkIsNotTakenForAnMtpBlock) {
  ModelFileForTest file = ModelFileForTest::complete(tiny_shape(kQwen35, true, 3));
  std::erase_if(file.tensors, [](const auto& t) { return t.name.find("nextn") != std::string::npos; });
  const auto hp = file.read();
  ASSERT_TRUE(hp.ok()) << hp.error().message();
  EXPECT_EQ(hp->n_mtp, 1u);
  const GgufFile parsed = file.parse();
  const auto weights = load_weights(parsed, *hp);
  ASSERT_FALSE(weights.ok());
  EXPECT_HAS(weights.error().message(), "blk.3.nextn.eh_proj.weight is missing");
}

TEST(Hyperparameters, ListsPerBlockMayLeaveOutTheMtpBlock) {
  ModelFileForTest file = keys_of(kQwen35, true);
  file.keys.set_numbers<uint32_t>("qwen35.attention.head_count_kv", std::vector<uint32_t>{0, 0, 0, 2});
  const auto hp = file.read();
  ASSERT_TRUE(hp.ok()) << hp.error().message();
  EXPECT_EQ(hp->n_kv_heads, 2u);
  file.keys.set_numbers<uint32_t>("qwen35.attention.head_count_kv", std::vector<uint32_t>{0, 0, 2});
  EXPECT_HAS(refusal(file), "has 3 entries for 4 blocks");
}

TEST(Hyperparameters, ThreeRopeSectionsWillDo) {
  ModelFileForTest file = keys_of(kQwen35);
  file.keys.set_numbers<int32_t>("qwen35.rope.dimension_sections", std::vector<int32_t>{3, 3, 2});
  file.keys.set_numbers<int32_t>("qwen35.mrope_sections", std::vector<int32_t>{3, 3, 2});
  EXPECT_TRUE(file.read().ok());
}

TEST(Hyperparameters, EveryTokenHasARowOfLogits) {
  ModelFileForTest file = minimal_qwen3();
  file.keys.set_strings("tokenizer.ggml.tokens", std::vector<std::string>(300, "a"));
  EXPECT_TRUE(file.read().ok());
  file.keys.set_strings("tokenizer.ggml.tokens", std::vector<std::string>(301, "a"));
  EXPECT_HAS(refusal(file), "the vocabulary has 301 tokens, but token_embd.weight only 300 rows");
}

TEST(Hyperparameters, MessagesNameThePathOnce) {
  ModelFileForTest file = minimal_qwen3();
  file.keys.set_string("qwen3.block_count", "two");
  file.keys.set_string("qwen3.context_length", "long");
  const std::string message = refusal(file);
  EXPECT_HAS(message, "qwen3.block_count");
  EXPECT_HAS(message, "qwen3.context_length");
  EXPECT_EQ(message.find("test.gguf", 1), std::string::npos) << message;
}

TEST(Hyperparameters, TextsOfTheFileDoNotReachTheTerminalAsTheyAre) {
  ModelFileForTest rope = minimal_qwen3();
  rope.keys.set_string("qwen3.rope.scaling.type", "\x1b[31mred");
  EXPECT_HAS(refusal(rope), "rope.scaling.type \"\\u{1b}[31mred\"");
  ModelFileForTest arch = minimal_qwen3();
  arch.keys.set_string("general.architecture", "\x1b]0;title\a");
  EXPECT_HAS(refusal(arch), "architecture \"\\u{1b}]0;title");
  EXPECT_EQ(refusal(arch).find('\x1b'), std::string::npos);
}

TEST(Hyperparameters, ForeignFilesAreToldFromDamagedOnes) {
  ModelFileForTest none;
  none.add("token_embd.weight", DType::kF32, Shape(300, 256));
  EXPECT_HAS(refusal(none), "general.architecture is missing");
  ModelFileForTest llama = minimal_qwen3();
  llama.keys.set_string("general.architecture", "llama");
  EXPECT_HAS(refusal(llama), "architecture \"llama\" is not supported; gannet runs qwen3, ");
  ModelFileForTest number = minimal_qwen3();
  number.keys.set_u32("general.architecture", 3);
  EXPECT_HAS(refusal(number), "general.architecture");
  ModelFileForTest vector = minimal_qwen3();
  vector.replace("token_embd.weight", DType::kF32, Shape(256));
  EXPECT_HAS(refusal(vector), "token_embd.weight is not a matrix");
}

}  // namespace
}  // namespace gannet
