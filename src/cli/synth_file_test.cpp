#include "cli/synth_file.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "engine/model.h"
#include "engine/vocabulary_from_gguf.h"
#include "text/synthetic_vocabulary.h"

namespace gannet {
namespace {

class SynthFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "gannet_synth_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const char* name) const { return (folder_ / name).string(); }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Result<SynthReport> write(const std::string& to, const ModelShape& shape, const char* mix,
                            uint64_t seed = 1, int threads = 2,
                            const std::function<bool(double)>& keep_going = {}) {
    ThreadTeam team(threads);
    return write_synthetic_model(to, shape, *find_mix(mix).value(), seed, team, keep_going);
  }
  static ModelShape tiny(Architecture arch, bool mtp = false) {
    return model_shape("tiny", {.arch = arch, .n_layers = {}, .n_vocab = {}, .mtp = mtp}).take();
  }

  std::filesystem::path folder_;
};

TEST_F(SynthFile, EveryFamilyLoadsWithItsVocabulary) {
  for (const ArchitectureFacts& f : architectures()) {
    const ModelShape shape = tiny(f.arch, f.mtp);
    const std::string file = path(f.name);
    const auto report = write(file, shape, "Q4_K_M");
    ASSERT_TRUE(report.ok()) << report.error().message();
    EXPECT_EQ(report->file_bytes, std::filesystem::file_size(file));

    const auto model = Model::load(file, {.check_tensors = true}, {});
    ASSERT_TRUE(model.ok()) << model.error().message();
    EXPECT_EQ((*model)->parameter_count(), report->n_parameters);
    EXPECT_EQ(print_hyperparameters((*model)->hyperparameters()), print_hyperparameters(shape.hp));
    // What other programs look for: the reference splits betas and alphas of all families but this one.
    EXPECT_EQ((*model)->file().find_tensor("blk.0.ssm_ba.weight") != nullptr,
              f.arch == Architecture::kQwen3Next);

    const auto tokenizer = tokenizer_from_gguf((*model)->file());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
    EXPECT_EQ(static_cast<uint32_t>(tokenizer->vocabulary().size()), shape.hp.n_vocab);
    const std::string text = "Any text, 12 digits\nand \xE2\x82\xAC survive.";
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text).value()).value(), text);
  }
}

TEST_F(SynthFile, EveryMixWritesSoundTensors) {
  for (const Mix& mix : mixes()) {
    const std::string file = path(mix.name);
    const auto report = write(file, tiny(Architecture::kQwen3Moe), mix.name);
    ASSERT_TRUE(report.ok()) << report.error().message();
    const auto model = Model::load(file, {.check_tensors = true}, {});
    ASSERT_TRUE(model.ok()) << model.error().message();
    EXPECT_EQ((*model)->file().get_uint("general.file_type").value(), mix.file_type);
    EXPECT_EQ((*model)->file().find_tensor("blk.0.ffn_up.weight"), nullptr);
    EXPECT_EQ((*model)->file().find_tensor("blk.1.attn_q.weight")->dtype, mix.base);
    std::filesystem::remove(file);
  }
}

TEST_F(SynthFile, TheSameSeedGivesTheSameFile) {
  const ModelShape shape = tiny(Architecture::kQwen35Moe, true);
  ASSERT_TRUE(write(path("a"), shape, "Q5_K_M", 7, 1).ok());
  ASSERT_TRUE(write(path("b"), shape, "Q5_K_M", 7, 3).ok());
  ASSERT_TRUE(write(path("c"), shape, "Q5_K_M", 8, 1).ok());
  EXPECT_EQ(content(path("a")), content(path("b")));
  EXPECT_NE(content(path("a")), content(path("c")));
}

TEST_F(SynthFile, AnInterruptedWriteLeavesTheOldFile) {
  const std::string file = path("model.gguf");
  std::ofstream(file) << "old";
  double last = -1;
  const auto report = write(file, tiny(Architecture::kQwen35), "Q4_0", 1, 1, [&](double fraction) {
    EXPECT_GE(fraction, last);
    last = fraction;
    return fraction < 0.5;
  });
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code(), ErrorCode::kInterrupted);
  EXPECT_EQ(content(file), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(SynthFile, WhatCannotBeIsRefused) {
  ModelShape small = tiny(Architecture::kQwen3);
  small.hp.n_vocab = static_cast<uint32_t>(kSmallestSyntheticVocabulary) - 1;
  const auto report = write(path("x"), small, "Q4_0");
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code(), ErrorCode::kUsage);
  small.hp.n_vocab = static_cast<uint32_t>(kSmallestSyntheticVocabulary);
  EXPECT_TRUE(write(path("y"), small, "Q4_0").ok());
  const auto nowhere = write(path("missing/x"), tiny(Architecture::kQwen3), "Q4_0");
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.error().code(), ErrorCode::kOutput);
}

}  // namespace
}  // namespace gannet
