// Who is blamed for a sampling value that cannot be: the flag, or the file and its key.
#include "cli/sampling_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gguf/writer.h"
#include "sample/dry.h"
#include "text/vocabulary_for_test.h"

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
  EXPECT_EQ(accepted(Keys::of("general.sampling.temp", 0.6)).temperature, 0.6f);
  EXPECT_EQ(accepted(Keys::of("general.sampling.temp", NAN)).temperature, SamplingParams{}.temperature);
  SamplingOptions flags;
  flags.temperature = 0.5f;
  flags.top_k = 3;
  EXPECT_EQ(accepted(Keys::of("general.sampling.temp", 0.6), flags).temperature, 0.5f);
  EXPECT_EQ(accepted(Keys::of("general.sampling.temp", "0.6"), flags).temperature, 0.5f);
  EXPECT_EQ(accepted(Keys::of("general.sampling.top_k", "many"), flags).top_k, 3);
  const Keys order = Keys::of("general.sampling.sequence", "temperature;top_k");
  EXPECT_EQ(step_letters(accepted(order).steps), "tk");
  flags.dry_multiplier = 1.0f;
  flags.top_p = 0.5f;
  EXPECT_EQ(step_letters(accepted(order, flags).steps), "dptk") << "who asks for a step gets it";
  flags.sampling_sequence = "kt";
  EXPECT_EQ(step_letters(accepted(order, flags).steps), "kt");
  flags.sampling_sequence.reset();
  flags.samplers = "top_p;dry";
  EXPECT_EQ(step_letters(accepted(order, flags).steps), "pd");
}

TEST(SamplingOptions, EveryFlagReachesItsParameter) {
  SamplingOptions o;
  Options options;
  add_sampling_options(options, o);
  const auto set = [&](const std::string& name, const std::string& value) {
    for (const Option& option : options)
      if (std::ranges::count(option_names(option), name) > 0) {
        EXPECT_TRUE(set_option(option, value, name).ok()) << name;
      }
  };
  const std::pair<const char*, float SamplingParams::*> floats[] = {
      {"--typical", &SamplingParams::typical_p},
      {"--top-nsigma", &SamplingParams::top_n_sigma},
      {"--xtc-probability", &SamplingParams::xtc_probability},
      {"--xtc-threshold", &SamplingParams::xtc_threshold},
      {"--dynatemp-range", &SamplingParams::dynatemp_range},
      {"--dynatemp-exp", &SamplingParams::dynatemp_exponent},
      {"--dry-multiplier", &SamplingParams::dry_multiplier},
      {"--adaptive-target", &SamplingParams::adaptive_target},
      {"--adaptive-decay", &SamplingParams::adaptive_decay},
      {"--mirostat-ent", &SamplingParams::mirostat_tau},
      {"--mirostat-lr", &SamplingParams::mirostat_eta}};
  for (const auto& [name, parameter] : floats) {
    set(name, "0.25");
    EXPECT_EQ(accepted({}, o).*parameter, 0.25f) << name;
    EXPECT_EQ(find_missing_option(name), nullptr) << name;
  }
  const std::pair<const char*, int SamplingParams::*> whole[] = {
      {"--mirostat", &SamplingParams::mirostat},
      {"--min-keep", &SamplingParams::min_keep},
      {"--dry-allowed-length", &SamplingParams::dry_allowed_length},
      {"--dry-penalty-last-n", &SamplingParams::dry_penalty_last_n}};
  for (const auto& [name, parameter] : whole) {
    set(name, "1");
    EXPECT_EQ(accepted({}, o).*parameter, 1) << name;
  }
}

TEST(SamplingOptions, BreakersOfDryAreThoseOfTheUser) {
  const Tokenizer tokenizer = VocabularyForTest::with_bytes().build().take();
  const auto breaks = [&](const SamplingOptions& o) {
    SamplingParams p = accepted({}, o);
    EXPECT_TRUE(finish_params(p, o, tokenizer.vocabulary()).ok());
    std::string all;
    for (const char c : {'\n', ':', '"', '*', 'x'})
      if (p.dry_breakers != nullptr && p.dry_breakers->contains(c)) all += c;
    return all;
  };
  SamplingOptions o;
  EXPECT_EQ(breaks(o), "") << "DRY is off";
  o.dry_multiplier = 0.8f;
  EXPECT_EQ(breaks(o), "\n:\"*");
  o.dry_breakers = {"x"};
  EXPECT_EQ(breaks(o), "x");
  o.dry_breakers = {"none"};
  EXPECT_EQ(breaks(o), "");
  o.dry_breakers = {std::string(1000, 'x')};
  SamplingParams p = accepted({}, o);
  EXPECT_THAT(finish_params(p, o, tokenizer.vocabulary()).error().message(),
              testing::StartsWith("--dry-sequence-breaker: "));
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
  EXPECT_EQ(message([](auto& o) { o.mirostat = 3; }), "--mirostat 3: must be 0 (off), 1 or 2");
  EXPECT_EQ(message([](auto& o) { o.adaptive_decay = 1; }), "--adaptive-decay 1: must be from 0 to 0.99");
  EXPECT_THAT(message([](auto& o) { o.samplers = "top_k,top_p"; }),
              testing::StartsWith("--samplers: \"top_k,top_p\" is no sampling step; there are "));
  EXPECT_THAT(message([](auto& o) { o.sampling_sequence = "kz"; }), testing::StartsWith("--sampling-seq: "));
  EXPECT_THAT(message([](auto& o) { o.logit_bias = {"5+nan"}; }), HasSubstr("--logit-bias 5+nan"));
  EXPECT_THAT(message([](auto& o) { o.logit_bias = {"4294967301+1"}; }), HasSubstr("no such token"));
  EXPECT_THAT(message([](auto& o) { o.logit_bias = {"-5+1"}; }), HasSubstr("no such token"));
}

}  // namespace
}  // namespace gannet
