#include "speculation/profile.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gannet {
namespace {

using testing::HasSubstr;

class ProfileFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/gannet_profile_test_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

Profile made_profile() {
  Profile profile;
  profile.settings = {.n_threads = 6, .n_threads_batch = 12, .n_ubatch = 256};
  for (int i = 0; i < 5; ++i) {
    profile.costs.measured_step(1, 100, 0.01);
    profile.costs.measured_step(4, 100, 0.015);
    profile.costs.measured_step(1, 50000, 0.02);
    profile.costs.measured_draft("draft-mtp", 1 + i % 2, 0.001 * (1 + i % 2));
  }
  const int a = profile.acceptance.source("draft-mtp");
  for (int i = 0; i < 20; ++i) profile.acceptance.tested(a, i % 3, 4, i % 4 != 0);
  profile.tokens = {{3, 7}, {20000, 1}};
  return profile;
}

TEST_F(ProfileFiles, ComeBackAsTheyWere) {
  const std::string path = profile_path(folder_ + "/deep", "ab12", "cpu x 4");
  EXPECT_EQ(path, folder_ + "/deep/ab12-cpu_x_4.json");
  const Profile profile = made_profile();
  ASSERT_TRUE(store_profile(path, profile).ok());
  const auto loaded = load_profile(path);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  ASSERT_TRUE(loaded->has_value());
  EXPECT_EQ((*loaded)->settings.n_threads, 6);
  EXPECT_EQ((*loaded)->settings.n_threads_batch, 12);
  EXPECT_EQ((*loaded)->settings.n_ubatch, 256);
  EXPECT_EQ((*loaded)->costs.data(), profile.costs.data());
  EXPECT_EQ((*loaded)->acceptance.sources().at(0).counts, profile.acceptance.sources().at(0).counts);
  EXPECT_EQ((*loaded)->tokens, profile.tokens);
}

TEST_F(ProfileFiles, NoneIsNoError) {
  const auto loaded = load_profile(folder_ + "/none.json");
  ASSERT_TRUE(loaded.ok());
  EXPECT_FALSE(loaded->has_value());
}

TEST_F(ProfileFiles, DamagedOnesAreNamed) {
  const std::string path = folder_ + "/a.json";
  ASSERT_TRUE(store_profile(path, made_profile()).ok());
  std::ifstream in(path);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  const auto damaged = [&](const std::string& text) {
    std::ofstream(path) << text;
    const auto loaded = load_profile(path);
    ASSERT_FALSE(loaded.ok()) << text;
    EXPECT_EQ(loaded.error().code(), ErrorCode::kRuntime);
    EXPECT_THAT(loaded.error().message(), HasSubstr("a.json"));
    EXPECT_THAT(loaded.error().message(), HasSubstr("can be deleted"));
  };
  damaged("");
  damaged(good.substr(0, good.size() / 2));
  damaged("[]");
  damaged(R"({"version": 1, "settings": {"threads": "many"}})");
  std::string negative = good;
  const size_t at = negative.find("0.01");
  ASSERT_NE(at, std::string::npos);
  damaged(negative.replace(at, 4, "-0.1"));
  for (const auto& [name, value] :
       {std::pair("threads", 6), std::pair("threads_batch", 12), std::pair("ubatch", 256)})
    for (const char* other : {"-1", "100000", "1e300"}) {
      std::string text = good;
      const std::string entry = std::string("\"") + name + "\": ";
      const size_t setting = text.find(entry + std::to_string(value));
      ASSERT_NE(setting, std::string::npos) << name;
      damaged(text.replace(setting + entry.size(), std::to_string(value).size(), other));
    }
}

TEST_F(ProfileFiles, OfAnotherVersionAreMeasuredAnew) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ + "/a.json") << R"({"version": 1000000})";
  const auto loaded = load_profile(folder_ + "/a.json");
  ASSERT_TRUE(loaded.ok());
  EXPECT_FALSE(loaded->has_value());
}

TEST(ProfileFolder, FollowsTheEnvironment) {
  const auto kept = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
  };
  const std::string profiles = kept("GANNET_PROFILES"), cache = kept("XDG_CACHE_HOME"), home = kept("HOME");
  setenv("GANNET_PROFILES", "/p", 1);
  setenv("XDG_CACHE_HOME", "/c", 1);
  setenv("HOME", "/h", 1);
  EXPECT_EQ(profile_folder(), "/p");
  setenv("GANNET_PROFILES", "", 1);
  EXPECT_EQ(profile_folder(), "");
  unsetenv("GANNET_PROFILES");
  EXPECT_EQ(profile_folder(), "/c/gannet/profiles");
  unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(profile_folder(), "/h/.cache/gannet/profiles");
  unsetenv("HOME");
  EXPECT_EQ(profile_folder(), "");
  if (!profiles.empty()) setenv("GANNET_PROFILES", profiles.c_str(), 1);
  if (!cache.empty()) setenv("XDG_CACHE_HOME", cache.c_str(), 1);
  if (!home.empty()) setenv("HOME", home.c_str(), 1);
}

}  // namespace
}  // namespace gannet
