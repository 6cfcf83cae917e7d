// Who is blamed for a sampling value that cannot be: the flag, or the file and its key.
#include "cli/sampling_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "gguf/writer.h"

namespace gannet {
namespace {

using testing::HasSubstr;

struct Keys {
  GgufBuilder builder;
  std::vector<std::byte> bytes;

  template <class T>
  static Keys of(const char* key, T value) {
    Keys keys;
    if constexpr (std::is_convertible_v<T, std::string_view>)
      keys.builder.set_string(key, value);
    else
      keys.builder.set_number<T>(key, value);
    return keys;
  }
  GgufFile file() {
    bytes = builder.layout().take().header;
    return GgufFile::parse(bytes, "m.gguf").take();
  }
};

SamplingParams accepted(Keys keys, const SamplingOptions& options = {}) {
  const GgufFile file = keys.file();
  const auto params = sampling_params(options, file);
  EXPECT_TRUE(params.ok()) << params.error().message();
  return params.ok() ? *params : SamplingParams{};
}

std::string refused(Keys keys, const SamplingOptions& options, ErrorCode code) {
  const GgufFile file = keys.file();
  const auto params = sampling_params(options, file);
  if (params.ok()) return "accepted";
  EXPECT_EQ(params.error().code(), code) << params.error().message();
  EXPECT_EQ(params.error().message().find('\n'), std::string::npos);
  return params.error().message();
}

TEST(SamplingOptions, TheFileIsReadAndFlagsOverrideIt) {
  EXPECT_EQ(accepted({}).temperature, SamplingParams{}.temperature);
  EXPECT_EQ(accepted(Keys::of("general.sampling.temp", 0.0f)).temperature, 0.0f);
  EXPECT_EQ(accepted(Keys::of("general.sampling.temp", 0.6)).temperature, 0.6f);
  EXPECT_EQ(accepted(Keys::of("general.sampling.temp", uint32_t{1})).temperature, 1.0f) << "a whole number";
  EXPECT_EQ(accepted(Keys::of("general.sampling.top_k", int32_t{1})).top_k, 1);
  EXPECT_EQ(accepted(Keys::of("general.sampling.top_k", int32_t{-1})).top_k, -1);
  EXPECT_EQ(accepted(Keys::of("general.sampling.top_k", uint32_t{2'000'000})).top_k, 2'000'000);
  EXPECT_EQ(accepted(Keys::of("general.sampling.sequence", "temperature;top_k")).top_k,
            SamplingParams{}.top_k);
  SamplingOptions flags;
  flags.temperature = 0.5f;
  flags.top_k = 3;
  EXPECT_EQ(accepted(Keys::of("general.sampling.temp", NAN), flags).temperature, 0.5f);
  EXPECT_EQ(accepted(Keys::of("general.sampling.temp", "0.6"), flags).temperature, 0.5f);
  EXPECT_EQ(accepted(Keys::of("general.sampling.top_k", "many"), flags).top_k, 3);
}

TEST(SamplingOptions, ABadValueOfTheFileNamesFileAndKey) {
  const auto message = [](const char* key, auto value) {
    const std::string text = refused(Keys::of(key, value), {}, ErrorCode::kModelFile);
    EXPECT_TRUE(text.starts_with("m.gguf: ")) << text;
    EXPECT_EQ(text.find("m.gguf", 1), std::string::npos) << text;
    EXPECT_THAT(text, HasSubstr(key));
    return text;
  };
  EXPECT_EQ(message("general.sampling.temp", NAN),
            "m.gguf: general.sampling.temp is nan; it must be a finite number (--temp overrides it)");
  EXPECT_EQ(message("general.sampling.temp", -1.0f),
            "m.gguf: general.sampling.temp is -1; it must be 0 or more (--temp overrides it)");
  EXPECT_THAT(message("general.sampling.temp", "0.6"), HasSubstr("\"0.6\""));
  EXPECT_THAT(message("general.sampling.temp", int32_t{-1}), HasSubstr("0 or more"));
  EXPECT_THAT(message("general.sampling.top_p", 2.0f), HasSubstr("is 2; it must be from 0 to 1"));
  EXPECT_THAT(message("general.sampling.min_p", -0.1f), HasSubstr("from 0 to 1"));
  EXPECT_THAT(message("general.sampling.penalty_repeat", 0.0f), HasSubstr("a number above 0"));
  EXPECT_THAT(message("general.sampling.penalty_present", INFINITY), HasSubstr("a finite number"));
  EXPECT_THAT(message("general.sampling.penalty_freq", NAN), HasSubstr("a finite number"));
  EXPECT_THAT(message("general.sampling.penalty_last_n", int32_t{-2}), HasSubstr("-1 (all)"));
  EXPECT_THAT(message("general.sampling.top_k", 40.0f), HasSubstr("an integer was expected"));
  EXPECT_THAT(message("general.sampling.top_k", int64_t{1} << 40), HasSubstr("1099511627776"));
}

TEST(SamplingOptions, ABadFlagIsBlamedItself) {
  const auto message = [](auto set) {
    SamplingOptions flags;
    set(flags);
    return refused({}, flags, ErrorCode::kUsage);
  };
  EXPECT_EQ(message([](auto& o) { o.temperature = NAN; }), "--temp nan: must be a finite number");
  EXPECT_EQ(message([](auto& o) { o.top_p = 2; }), "--top-p 2: must be from 0 to 1");
  EXPECT_EQ(message([](auto& o) { o.min_p = -1; }), "--min-p -1: must be from 0 to 1");
  EXPECT_EQ(message([](auto& o) { o.repeat_penalty = 0; }), "--repeat-penalty 0: must be a number above 0");
  EXPECT_EQ(message([](auto& o) { o.presence_penalty = INFINITY; }),
            "--presence-penalty inf: must be a finite number");
  EXPECT_EQ(message([](auto& o) { o.frequency_penalty = NAN; }),
            "--frequency-penalty nan: must be a finite number");
  EXPECT_EQ(message([](auto& o) { o.repeat_last_n = -2; }),
            "--repeat-last-n -2: must be -1 (all), 0 (none) or more");
  EXPECT_THAT(message([](auto& o) { o.logit_bias = {"5+nan"}; }), HasSubstr("--logit-bias 5+nan"));
  EXPECT_THAT(message([](auto& o) { o.logit_bias = {"4294967301+1"}; }), HasSubstr("no such token"));
  EXPECT_THAT(message([](auto& o) { o.logit_bias = {"-5+1"}; }), HasSubstr("no such token"));
}

}  // namespace
}  // namespace gannet
