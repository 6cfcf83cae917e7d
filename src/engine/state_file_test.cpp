#include "engine/state_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace gannet {
namespace {

struct StateFileTest : testing::Test {
  std::string folder = testing::TempDir() + "state_file_test." + std::to_string(::getpid());
  std::string path = folder + "/one.state";
  StateFileTest() { std::filesystem::create_directories(folder); }
  ~StateFileTest() override { std::filesystem::remove_all(folder); }

  static std::vector<std::byte> bytes(size_t n, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::byte> out(n);
    for (std::byte& b : out) b = static_cast<std::byte>(random());
    return out;
  }
  StateFileHead head() const {
    StateFileHead h;
    h.fingerprint = "0123456789abcdef";
    h.id = 7;
    h.parent = 3;
    h.tokens = {5, 6, 7, 8};
    h.from = {10, 9};
    h.to = {14, 14};
    h.base_at = 12;
    h.kv_bytes = kv.size();
    h.recurrent_bytes = recurrent.size();
    return h;
  }
  std::string content() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }

  std::vector<std::byte> kv = bytes(1000, 1), recurrent = bytes(300, 2);
};

TEST_F(StateFileTest, ComesBack) {
  ASSERT_TRUE(write_state_file(path, head(), kv, recurrent).ok());
  auto file = StateFile::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_EQ(file->head(), head());
  EXPECT_TRUE(file->has_recurrent_state());
  EXPECT_EQ(*file->read_kv(), kv);
  EXPECT_EQ(*file->read_recurrent(), recurrent);
}

TEST_F(StateFileTest, IsABeginningWithoutItsLastPart) {
  ASSERT_TRUE(write_state_file(path, head(), kv, recurrent).ok());
  ASSERT_TRUE(drop_recurrent_state(path).ok());
  ASSERT_TRUE(drop_recurrent_state(path).ok());
  auto file = StateFile::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_FALSE(file->has_recurrent_state());
  EXPECT_EQ(*file->read_kv(), kv);
  EXPECT_FALSE(file->read_recurrent().ok());
}

// Whatever is changed, cut or added: it is refused, and never more read than there is.
TEST_F(StateFileTest, DamageIsSeen) {
  ASSERT_TRUE(write_state_file(path, head(), kv, recurrent).ok());
  const std::string whole = content();
  std::mt19937 random(5);
  int seen = 0;
  for (int i = 0; i < 10000; ++i) {
    std::string text = whole;
    switch (i % 4) {
      case 0:
        text[random() % text.size()] ^= static_cast<char>(1 + random() % 255);
        break;
      case 1:
        text.resize(random() % text.size());
        break;
      case 2:
        text.insert(random() % text.size(), std::string(1 + random() % 20, static_cast<char>(random())));
        break;
      default: {  // a number of the head
        const size_t at = 8 + 8 * (random() % 20);
        for (size_t k = 0; k < 8; ++k) text[at + k] = static_cast<char>(random() % 3 == 0 ? 0xff : random());
      }
    }
    if (text == whole) continue;
    put(text);
    auto file = StateFile::open(path);
    const bool good =
        file.ok() && file->has_recurrent_state() && file->read_kv().ok() && file->read_recurrent().ok();
    // Without its last part it is a beginning, by intent.
    EXPECT_FALSE(good) << i;
    if (file.ok() && file->read_kv().ok()) {
      EXPECT_EQ(*file->read_kv(), kv);
      EXPECT_EQ(file->head(), head());
    } else {
      ++seen;
    }
  }
  EXPECT_GT(seen, 7000);
}

TEST_F(StateFileTest, WhatIsNoFileIsRefused) {
  EXPECT_FALSE(StateFile::open(folder).ok());
  EXPECT_FALSE(StateFile::open(path).ok());
  put("");
  EXPECT_FALSE(StateFile::open(path).ok());
}

}  // namespace
}  // namespace gannet
