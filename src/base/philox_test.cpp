#include "base/philox.h"

#include <gtest/gtest.h>

namespace gannet {
namespace {

// Known answers published with the algorithm (Random123, philox 4x32 10 rounds).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32(0, 0, 0), (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint64_t ones = ~uint64_t{0};
  EXPECT_EQ(philox4x32(ones, ones, ones),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Philox, UniformStaysInsideTheOpenInterval) {
  EXPECT_GT(philox_uniform(0), 0.0);
  EXPECT_LT(philox_uniform(0xFFFFFFFF), 1.0);
}

}  // namespace
}  // namespace gannet
