#include "cli/decoding.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

struct DecodingTest : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_decoding_test_" + std::to_string(getpid()));
  std::shared_ptr<const Model> model = Model::load_embedded(pocket_model(), kPocketModelName).take();
  Tokenizer tokenizer = tokenizer_from_gguf(model->file()).take();
  ModelOptions options;

  void SetUp() override { setenv("GANNET_PROFILES", folder.c_str(), 1); }
  void TearDown() override {
    setenv("GANNET_PROFILES", "", 1);
    fs::remove_all(folder);
  }
  SessionOptions session_with(const SpeculationFlags& flags = {}) {
    auto decoding = make_decoding(model, options, flags, tokenizer.vocabulary());
    EXPECT_TRUE(decoding.ok());
    return decoding->session->options();
  }
  void store(const TunedSettings& settings) {
    ASSERT_TRUE(store_profile(profile_path_of(*model, options), {settings, {}, {}, {}}).ok());
  }
};

TEST_F(DecodingTest, TakesSettingsOfTheProfileWhereTheUserSaysNothing) {
  const SessionOptions before = session_with();
  EXPECT_EQ(before.n_ubatch, kDefaultUbatch);
  store({before.n_threads + 1, before.n_threads + 2, 1024});
  const SessionOptions tuned = session_with();
  const int most = ThreadTeam::most_threads();
  EXPECT_EQ(tuned.n_threads, std::min(before.n_threads + 1, most));
  EXPECT_EQ(tuned.n_threads_batch, std::min(before.n_threads + 2, most));
  EXPECT_EQ(tuned.n_ubatch, 1024);

  options.ubatch_size = 64;
  EXPECT_EQ(session_with().n_ubatch, 64);
  EXPECT_EQ(session_with().n_threads, tuned.n_threads);
  options.ubatch_size.reset();
  options.batch_size = 256;
  EXPECT_EQ(session_with().n_ubatch, 256) << "-b caps it";
  options.batch_size = 0;
  // Of that many threads nothing was measured.
  options.threads = 1;
  EXPECT_EQ(session_with().n_threads, 1);
  EXPECT_EQ(session_with().n_threads_batch, 1);
  EXPECT_EQ(session_with().n_ubatch, kDefaultUbatch);
  options.threads = 0;
  EXPECT_EQ(session_with().n_ubatch, 1024);
}

TEST_F(DecodingTest, IgnoresSettingsThatCannotBe) {
  store({-3, -1, 1 << 30});
  const SessionOptions s = session_with();
  EXPECT_GT(s.n_threads, 0);
  EXPECT_EQ(s.n_ubatch, kDefaultUbatch);
}

TEST_F(DecodingTest, OtherKernelsAndGraphsHaveNoProfile) {
  const std::string usual = profile_path_of(*model, options);
  EXPECT_NE(usual, "");
  options.cpu_mask = "0x1";
  const std::string masked = profile_path_of(*model, options);
  EXPECT_NE(masked, "");
  options.cpu_mask.clear();
  EXPECT_NE(profile_path_of(*model, options), masked);
  options.cache_type_v = "q8_0";
  const std::string smaller = profile_path_of(*model, options);
  EXPECT_NE(smaller, "");
  EXPECT_NE(smaller, usual);
  options.cache_type_k = "q8_0";
  EXPECT_NE(profile_path_of(*model, options), smaller);
  options.cache_type_k = options.cache_type_v = "F16";
  EXPECT_EQ(profile_path_of(*model, options), usual);
  options.isa = "scalar";
  EXPECT_EQ(profile_path_of(*model, options), "");
  options.isa.clear();
  options.graph.graph = "naive";
  EXPECT_EQ(profile_path_of(*model, options), "");
  options.graph.graph = "optimized";
  setenv("GANNET_PROFILES", "", 1);
  EXPECT_EQ(profile_path_of(*model, options), "");
}

// Drafts that are right as often as somebody says are no experience.
TEST_F(DecodingTest, SyntheticRatesAreNotKept) {
  SpeculationFlags flags;
  flags.synthetic_rates = "0.8,0.5";
  auto decoding = make_decoding(model, options, flags, tokenizer.vocabulary());
  ASSERT_TRUE(decoding.ok());
  EXPECT_EQ(decoding->profile_path, "");
}

}  // namespace
}  // namespace gannet
