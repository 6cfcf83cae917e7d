// What the general.sampling.* keys of a file mean, and what becomes of values that cannot be.
#include "engine/sampling_defaults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "gguf/writer.h"

namespace gannet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class T>
SamplingDefaults of(const char* key, T value) {
  GgufBuilder builder;
  if constexpr (std::is_convertible_v<T, std::string_view>)
    builder.set_string(key, value);
  else
    builder.set_number<T>(key, value);
  const std::vector<std::byte> bytes = builder.layout().take().header;
  return read_sampling_defaults(GgufFile::parse(bytes, "m.gguf").take());
}

TEST(SamplingDefaults, AFileMaySayThem) {
  EXPECT_EQ(of("general.name", "x").params, SamplingParams{});
  EXPECT_THAT(of("general.name", "x").said, IsEmpty());
  EXPECT_EQ(of("general.sampling.temp", 0.0f).params.temperature, 0.0f);
  EXPECT_EQ(of("general.sampling.temp", 0.6).params.temperature, 0.6f);
  EXPECT_EQ(of("general.sampling.temp", uint32_t{1}).params.temperature, 1.0f) << "a whole number";
  EXPECT_EQ(of("general.sampling.top_k", int32_t{1}).params.top_k, 1);
  EXPECT_EQ(of("general.sampling.top_k", int32_t{-1}).params.top_k, -1);
  EXPECT_EQ(of("general.sampling.top_k", uint32_t{2'000'000}).params.top_k, 2'000'000);
  EXPECT_EQ(of("general.sampling.xtc_probability", 0.5f).params.xtc_probability, 0.5f);
  EXPECT_EQ(of("general.sampling.mirostat", int32_t{2}).params.mirostat, 2);
  EXPECT_EQ(of("general.sampling.mirostat_tau", 4.0f).params.mirostat_tau, 4);
  const SamplingDefaults order = of("general.sampling.sequence", "temperature;top_k");
  EXPECT_THAT(order.params.steps, ElementsAre(SamplingStep::kTemperature, SamplingStep::kTopK));
  EXPECT_THAT(order.said, ElementsAre("sequence temperature;top_k"));
  EXPECT_THAT(of("general.sampling.temp", 0.6f).said, ElementsAre("temp 0.6"));
}

TEST(SamplingDefaults, WhatCannotBeIsPassedOverAndSaid) {
  const auto warning = [](const char* key, auto value) {
    const SamplingDefaults defaults = of(key, value);
    EXPECT_EQ(defaults.params, SamplingParams{}) << key;
    EXPECT_THAT(defaults.said, IsEmpty());
    EXPECT_EQ(defaults.warnings.size(), 1u) << key;
    return defaults.warnings.empty() ? "" : defaults.warnings[0];
  };
  EXPECT_EQ(warning("general.sampling.temp", NAN),
            "general.sampling.temp is nan; it must be a finite number, so 0.8 is used");
  EXPECT_EQ(warning("general.sampling.temp", -1.0f),
            "general.sampling.temp is -1; it must be 0 or more, so 0.8 is used");
  EXPECT_EQ(warning("general.sampling.temp", "0.6"),
            "general.sampling.temp is \"0.6\"; it must be a number, so 0.8 is used");
  EXPECT_EQ(warning("general.sampling.top_k", 40.0f),
            "general.sampling.top_k is 40; it must be an integer of 32 bits, so 40 is used");
  EXPECT_EQ(
      warning("general.sampling.sequence", "top_k;infill"),
      "general.sampling.sequence is \"top_k;infill\"; it must be names of steps with \";\" between them, so "
      "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature;adaptive_p is used");
  warning("general.sampling.temp", int32_t{-1});
  warning("general.sampling.top_k", int64_t{1} << 40);
  warning("general.sampling.top_p", 2.0f);
  warning("general.sampling.min_p", -0.1f);
  warning("general.sampling.penalty_repeat", 0.0f);
  warning("general.sampling.penalty_present", INFINITY);
  warning("general.sampling.penalty_freq", NAN);
  warning("general.sampling.penalty_last_n", int32_t{-2});
  warning("general.sampling.mirostat", int32_t{7});
  warning("general.sampling.sequence", int32_t{7});
}

}  // namespace
}  // namespace gannet
