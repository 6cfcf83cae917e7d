#include "cli/speculation_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "cli/parse.h"

namespace gannet {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using enum SourceKind;

using Words = std::vector<std::string>;

// What a command line asks for, or the message why it is refused.
struct Asked {
  SpeculationFlags flags;
  SpeculationOptions options;
  std::string refused;
};

Asked ask(const Words& words) {
  Asked asked;
  Command probe{.name = "probe", .summary = "Take options", .action = [] { return Result<void>(); }};
  add_speculation_options(probe.options, asked.flags);
  const Command program{.name = "gannet", .summary = "Test", .commands = {std::move(probe)}};
  Words all = {"probe"};
  all.insert(all.end(), words.begin(), words.end());
  if (auto parsed = parse_arguments(program, all); !parsed.ok()) {
    asked.refused = parsed.error().message();
  } else if (auto options = speculation_options(asked.flags); !options.ok()) {
    EXPECT_EQ(options.error().code(), ErrorCode::kUsage);
    asked.refused = options.error().message();
  } else {
    asked.options = options.take();
  }
  EXPECT_EQ(asked.refused.find('\n'), std::string::npos) << asked.refused;
  return asked;
}

SpeculationOptions accepted(const Words& words) {
  const Asked asked = ask(words);
  EXPECT_EQ(asked.refused, "");
  return asked.options;
}
std::string refused(const Words& words) {
  const std::string message = ask(words).refused;
  return message.empty() ? "accepted" : message;
}

// Sets variables while it lives.
class Variables {
 public:
  Variables(std::initializer_list<std::pair<std::string, std::string>> variables) {
    for (const auto& [name, value] : variables) {
      setenv(name.c_str(), value.c_str(), 1);
      names_.push_back(name);
    }
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;
  ~Variables() {
    for (const std::string& name : names_) unsetenv(name.c_str());
  }

 private:
  Words names_;
};

TEST(SpeculationOptions, OnByDefaultAsMuchAsPays) {
  for (const Words& words : {Words{}, {"--spec", "auto"}, {"--spec=on"}, {"--spec", "true"}}) {
    const SpeculationOptions o = accepted(words);
    EXPECT_EQ(o.mode, SpeculationMode::kAuto);
    EXPECT_THAT(o.sources, IsEmpty());
    EXPECT_EQ(o.verification, Verification::kSharedNoise);
    EXPECT_FALSE(o.n_max_said);
    EXPECT_THAT(o.synthetic_rates, IsEmpty());
  }
  for (const Words& words : {Words{"--spec", "off"}, {"--no-spec"}, {"--spec=0"}, {"--spec-type", "none"}})
    EXPECT_EQ(accepted(words).mode, SpeculationMode::kOff) << words[0];
  EXPECT_EQ(accepted({"--spec", "off", "--spec", "auto"}).mode, SpeculationMode::kAuto);
  EXPECT_EQ(accepted({"--spec-verify", "rejection"}).verification, Verification::kRejection);
}

TEST(SpeculationOptions, EveryNameOfTheOtherProgramsMeansTheSame) {
  const std::pair<Words, Words> spellings[] = {
      {{"--spec-draft-n-max", "--draft", "--draft-n", "--draft-max"}, {"5"}},
      {{"--spec-draft-n-min", "--draft-min", "--draft-n-min"}, {"2"}},
      {{"--spec-draft-p-min", "--draft-p-min"}, {"0.5"}},
      {{"--spec-draft-p-split", "--draft-p-split"}, {"0.2"}},
      {{"--spec-draft-backend-sampling"}, {}},
      {{"--no-spec-draft-backend-sampling"}, {}},
      {{"--spec-draft-model", "-md", "--model-draft"}, {"d.gguf"}},
      {{"--spec-draft-ngl", "-ngld", "--gpu-layers-draft", "--n-gpu-layers-draft"}, {"0"}},
      {{"--spec-draft-threads", "-td", "--threads-draft"}, {"3"}},
      {{"--spec-draft-threads-batch", "-tbd", "--threads-batch-draft"}, {"4"}},
      {{"--spec-draft-cpu-mask", "-Cd", "--cpu-mask-draft"}, {"3"}},
      {{"--spec-draft-type-k", "-ctkd", "--cache-type-k-draft"}, {"q8_0"}},
      {{"--spec-draft-type-v", "-ctvd", "--cache-type-v-draft"}, {"bf16"}},
      {{"--ctx-size-draft", "-cd"}, {"100"}},
      {{"--spec-ngram-mod-n-match"}, {"20"}},
      {{"--spec-ngram-mod-n-min"}, {"7"}},
      {{"--spec-ngram-mod-n-max"}, {"90"}},
      {{"--lookup-cache-static", "-lcs"}, {"s.bin", "--spec-type", "ngram-cache"}},
      {{"--lookup-cache-dynamic", "-lcd"}, {"d.bin", "--spec-type", "ngram-cache"}},
      {{"--spec-synth-len"}, {"2.5"}},
      {{"--spec-synth-rates"}, {"0.9,0.5"}},
      {{"--spec-default"}, {}},
      {{"--spec-type"}, {"draft-mtp"}},
      {{"--spec-ngram-size-n"}, {"6"}},
      {{"--spec-ngram-size-m"}, {"9"}},
      {{"--spec-ngram-min-hits"}, {"2"}},
  };
  Options options;
  SpeculationFlags flags;
  add_speculation_options(options, flags);
  for (const auto& [names, value] : spellings) {
    std::set<const Option*> records;
    for (const std::string& name : names) {
      Words words = {name};
      words.insert(words.end(), value.begin(), value.end());
      EXPECT_EQ(ask(words).refused, "") << name;
      for (const Option& o : options) {
        const Words known = option_names(o);
        if (std::ranges::find(known, name) != known.end()) records.insert(&o);
      }
    }
    EXPECT_EQ(records.size(), names[0].starts_with("--no-") ? 0U : 1U) << names[0];
  }
  for (const char* source : {"simple", "map-k", "map-k4v"})
    for (const char* size : {"size-n", "size-m", "min-hits"})
      EXPECT_EQ(refused({"--spec-ngram-" + std::string(source) + "-" + size, "5"}), "accepted");
}

TEST(SpeculationOptions, FlagsOfDevicesThatThereAreNotAreRefusedByName) {
  for (const char* name : {"--spec-draft-hf",
                           "-hfd",
                           "-hfrd",
                           "--hf-repo-draft",
                           "--spec-draft-device",
                           "-devd",
                           "--device-draft",
                           "--spec-draft-cpu-range",
                           "-Crd",
                           "--cpu-range-draft",
                           "--spec-draft-cpu-strict",
                           "--cpu-strict-draft",
                           "--spec-draft-prio",
                           "--prio-draft",
                           "--spec-draft-poll",
                           "--poll-draft",
                           "--spec-draft-cpu-mask-batch",
                           "-Cbd",
                           "--cpu-mask-batch-draft",
                           "--spec-draft-cpu-range-batch",
                           "-Crbd",
                           "--cpu-range-batch-draft",
                           "--spec-draft-cpu-strict-batch",
                           "--cpu-strict-batch-draft",
                           "--spec-draft-prio-batch",
                           "--prio-batch-draft",
                           "--spec-draft-poll-batch",
                           "--poll-batch-draft",
                           "--spec-draft-override-tensor",
                           "-otd",
                           "--override-tensor-draft",
                           "--spec-draft-cpu-moe",
                           "-cmoed",
                           "--cpu-moe-draft",
                           "--spec-draft-n-cpu-moe",
                           "--spec-draft-ncmoe",
                           "-ncmoed",
                           "--n-cpu-moe-draft",
                           "--spec-autotune",
                           "--spec-ckpt-mode"})
    EXPECT_THAT(refused({name, "1"}), StartsWith(std::string(name) + ": "));
  EXPECT_EQ(refused({"-ngld", "9x"}), "-ngld 9x: it is a number, all or auto");
  EXPECT_EQ(refused({"-ngld", "99"}), "accepted");
  EXPECT_EQ(refused({"-ngld", "auto"}), "accepted");
}

TEST(SpeculationOptions, TypesAreListsThatAddUp) {
  const SpeculationOptions o =
      accepted({"--spec-type", "draft-mtp,ngram-mod", "--spec-type=ngram-simple,ngram-mod"});
  EXPECT_EQ(o.mode, SpeculationMode::kFixed);
  EXPECT_THAT(o.sources, ElementsAre(kNgramSimple, kNgramMod, kMtp)) << "in order of priority";
  EXPECT_FALSE(o.force);
  EXPECT_EQ(accepted({"--spec-type", "none", "--spec-type", "mtp"}).mode, SpeculationMode::kFixed);
  for (const SourceName& source : kSourceNames)
    EXPECT_THAT(accepted({"--spec-type", source.name, "-md", "d.gguf"}).sources,
                testing::Contains(source.kind));
  EXPECT_THAT(accepted({"--spec-type", "suffix"}).sources, ElementsAre(kSuffix));
  EXPECT_THAT(accepted({"--spec-type", "mtp"}).sources, ElementsAre(kMtp));
  EXPECT_THAT(accepted({"--spec-type", "ngram_map_k"}).sources, ElementsAre(kNgramMapK));
  EXPECT_THAT(accepted({"--spec-default"}).sources, ElementsAre(kNgramMod));
  EXPECT_THAT(accepted({"--spec-default", "--spec-type", "draft-mtp"}).sources, ElementsAre(kNgramMod, kMtp));
  EXPECT_TRUE(accepted({"--spec-type", "draft-mtp", "--spec-force"}).force);
  EXPECT_EQ(accepted({"--spec", "on", "--spec-type", "draft-mtp"}).mode, SpeculationMode::kFixed);
  EXPECT_THAT(refused({"--spec-type", "ngram"}),
              StartsWith("--spec-type ngram: must be one of none, ngram-"));
  EXPECT_THAT(refused({"--spec-type", "draft-eagle3"}), HasSubstr("draft-eagle3: drafters of this kind"));
  EXPECT_THAT(refused({"--spec-type", "mtp,dflash:n_max=3"}), HasSubstr("dflash: drafters of this kind"));
  EXPECT_THAT(refused({"--spec-type", "mtp,,suffix"}), HasSubstr("a name is missing"));
}

TEST(SpeculationOptions, ADraftModelIsOneMoreSource) {
  const SpeculationOptions found = accepted({"-md", "d.gguf"});
  EXPECT_EQ(found.mode, SpeculationMode::kAuto);
  EXPECT_THAT(found.sources, ElementsAre(kDraftSimple));
  const SpeculationOptions fixed = accepted({"-md", "d.gguf", "--spec-type", "ngram-mod"});
  EXPECT_EQ(fixed.mode, SpeculationMode::kFixed);
  EXPECT_THAT(fixed.sources, ElementsAre(kNgramMod, kDraftSimple));
  EXPECT_EQ(accepted({"-md", "d.gguf", "--spec-force"}).mode, SpeculationMode::kFixed);
  EXPECT_EQ(refused({"--spec-type", "draft-simple"}),
            "--spec-type draft-simple: needs a draft model; give it with -md FILE");
}

TEST(SpeculationOptions, ValuesOfOneSourceBehindItsName) {
  SpeculationOptions o = accepted({"--spec-type", "suffix:n_max=8,ngram_mod:ngram_size_n=20,n_min=10",
                                   "--spec-type", "mtp:n_max=1,p_min=0.25,heads=1,ngram-cache"});
  EXPECT_THAT(o.sources, ElementsAre(kNgramMod, kNgramCache, kSuffix, kMtp));
  EXPECT_EQ(o.suffix_n_max, 8);
  EXPECT_EQ(o.mod_n_match, 20);
  EXPECT_EQ(o.mod_n_min, 10);
  EXPECT_EQ(o.mod_n_max, 64);
  EXPECT_EQ(o.n_max, 1);
  EXPECT_TRUE(o.n_max_said);
  EXPECT_EQ(o.p_min, 0.25F);
  o = accepted({"--spec-type", "ngram-map-k4v:ngram_size_n=5,ngram_size_m=20,n_max=7,ngram_min_hits=2"});
  EXPECT_EQ(o.map_k4v.size_n, 5);
  EXPECT_EQ(o.map_k4v.size_m, 7);
  EXPECT_EQ(o.map_k4v.min_hits, 2);
  EXPECT_EQ(o.map_k.size_n, 12);
  EXPECT_EQ(refused({"--spec-type", "mtp:n_max=x"}),
            "--spec-type draft-mtp:n_max x: a whole number is expected");
  EXPECT_EQ(refused({"--spec-type", "mtp:heads=2"}), "--spec-type draft-mtp:heads 2: must be from 1 to 1");
  EXPECT_EQ(refused({"--spec-type", "mtp:cross_ctx=512"}),
            "--spec-type draft-mtp:cross_ctx: there is no such value; it takes heads, n_max, n_min, p_min");
  EXPECT_EQ(refused({"--spec-type", "suffix:suffix_max_depth=64"}),
            "--spec-type ngram-suffix:suffix_max_depth: there is no such value; it takes n_max");
  EXPECT_EQ(refused({"--spec-type", "ngram-cache:n_max=3"}),
            "--spec-type ngram-cache:n_max: it has no values to set");
  EXPECT_EQ(refused({"--spec-type", "mtp:3"}), "--spec-type 3: is no value of draft-mtp; write key=value");
}

TEST(SpeculationOptions, TheLastOfALengthWins) {
  SpeculationOptions o = accepted({"--draft-max", "7", "--draft-min", "2", "--spec-draft-n-max", "5"});
  EXPECT_EQ(o.n_max, 5);
  EXPECT_EQ(o.n_min, 2);
  o = accepted({"--draft-min", "6"});
  EXPECT_EQ(o.n_max, 6) << "as long as the shortest that is wanted";
  EXPECT_FALSE(o.n_max_said);
  EXPECT_EQ(accepted({"--spec-ngram-mod-n-max", "16"}).mod_n_min, 16);
  EXPECT_THAT(refused({"--draft-min", "6", "--draft-max", "5"}), StartsWith("--spec-draft-n-min 6: "));
  EXPECT_THAT(refused({"--spec-ngram-mod-n-min", "6", "--spec-ngram-mod-n-max", "5"}),
              StartsWith("--spec-ngram-mod-n-min 6: "));
  o = accepted({"--spec-ngram-size-n", "6", "--spec-ngram-size-m", "9", "--spec-ngram-min-hits", "2",
                "--spec-ngram-map-k-size-n", "4"});
  EXPECT_EQ(o.simple.size_n, 6);
  EXPECT_EQ(o.map_k.size_n, 4);
  EXPECT_EQ(o.map_k4v.size_m, 9);
  EXPECT_EQ(o.map_k4v.min_hits, 2);
  EXPECT_EQ(o.mod_n_match, 6);
  EXPECT_EQ(refused({"--draft-p-min", "2"}), "--spec-draft-p-min 2: must be from 0 to 1");
  EXPECT_EQ(refused({"--draft-max", "-1"}), "--spec-draft-n-max -1: must be from 0 to 1024");
  EXPECT_EQ(refused({"--spec-ngram-mod-n-match", "0"}), "--spec-ngram-mod-n-match 0: must be from 1 to 1024");
  EXPECT_EQ(refused({"--spec-verify", "hope"}), "--spec-verify hope: must be one of shared-noise, rejection");
}

TEST(SpeculationOptions, ContradictionsAreNamed) {
  const auto contradict = [](const Words& words, const std::string& a, const std::string& b) {
    EXPECT_THAT(refused(words), StartsWith(a + " and " + b + " contradict each other"));
  };
  contradict({"--spec", "off", "--spec-type", "mtp"}, "--spec off", "--spec-type");
  contradict({"--no-spec", "-md", "d.gguf"}, "--spec off", "--spec-draft-model");
  contradict({"--no-spec", "--spec-default"}, "--spec off", "--spec-default");
  contradict({"--no-spec", "--spec-force"}, "--spec off", "--spec-force");
  contradict({"--no-spec", "--spec-synth-len", "2"}, "--spec off", "--spec-synth-len");
  contradict({"--spec-type", "none", "--spec-synth-rates", "0.5"}, "--spec-type none", "--spec-synth-rates");
  contradict({"--spec-type", "none", "-md", "d.gguf"}, "--spec-type none", "--spec-draft-model");
  contradict({"--spec-type", "none", "--spec", "on"}, "--spec on", "--spec-type none");
  contradict({"--spec", "auto", "--spec-type", "mtp"}, "--spec auto", "--spec-type");
  contradict({"--spec", "auto", "--spec-default"}, "--spec auto", "--spec-default");
  EXPECT_EQ(accepted({"--spec", "off", "--spec-type", "none"}).mode, SpeculationMode::kOff);
  EXPECT_EQ(accepted({"--spec", "off", "--draft-max", "4"}).mode, SpeculationMode::kOff);
  EXPECT_THAT(refused({"--spec-force"}), StartsWith("--spec-force: "));
  EXPECT_THAT(refused({"--spec-synth-len", "2", "--spec-synth-rates", "0.5"}), HasSubstr("given together"));
}

TEST(SpeculationOptions, FilesOfNgramCacheNeedIt) {
  const SpeculationOptions o = accepted({"--spec-type", "mtp,ngram-cache", "-lcs", "s.bin", "-lcd", "d.bin"});
  EXPECT_EQ(o.cache_static, "s.bin");
  EXPECT_EQ(o.cache_dynamic, "d.bin");
  EXPECT_EQ(refused({"-lcs", "s.bin"}), "-lcs s.bin: only ngram-cache reads it; add --spec-type ngram-cache");
  EXPECT_EQ(refused({"-lcd", "d.bin", "--spec-type", "mtp"}),
            "-lcd d.bin: only ngram-cache reads it; add --spec-type ngram-cache");
  EXPECT_EQ(accepted({"-lcd", "d.bin", "--spec", "off"}).cache_dynamic, "");
}

TEST(SpeculationOptions, SyntheticRatesAreOfGettingThatFar) {
  EXPECT_THAT(accepted({"--spec-synth-rates", "0.8,0.6,0.6,0,0"}).synthetic_rates,
              ElementsAre(0.8F, 0.6F, 0.6F, 0, 0));
  const std::vector<float> rates = accepted({"--spec-synth-len", "2.75"}).synthetic_rates;
  ASSERT_EQ(rates.size(), 3U);
  EXPECT_NEAR(rates[0] + rates[1] + rates[2], 1.75F, 1e-5F);
  EXPECT_THAT(rates, ElementsAre(rates[0], FloatEq(rates[0] * rates[0]), FloatEq(rates[0] * rates[1])));
  EXPECT_THAT(accepted({"--spec-synth-len", "1"}).synthetic_rates, testing::Each(FloatNear(0, 1e-6F)));
  EXPECT_THAT(accepted({"--spec-synth-len", "5", "--draft-max", "4"}).synthetic_rates,
              ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(refused({"--spec-synth-len", "4.5"}), HasSubstr("at most 4 tokens; --spec-draft-n-max"));
  EXPECT_THAT(refused({"--spec-synth-len", "0.5"}), HasSubstr("must be at least 1"));
  EXPECT_THAT(refused({"--spec-synth-rates", "0.5,0.6"}), HasSubstr("no rate can be above the one before"));
  EXPECT_EQ(refused({"--spec-synth-rates", "0.5,x"}), "--spec-synth-rates x: a number is expected");
  EXPECT_EQ(refused({"--spec-synth-rates", "1.5"}), "--spec-synth-rates 1.5: must be from 0 to 1");
}

TEST(SpeculationOptions, TheEnvironment) {
  {
    const Variables set = {
        {"LLAMA_ARG_SPEC_TYPE", "ngram-mod,draft-mtp"}, {"LLAMA_ARG_SPEC_DRAFT_N_MAX", "6"},
        {"GANNET_ARG_SPEC_DRAFT_N_MIN", "2"},           {"LLAMA_ARG_SPEC_DRAFT_P_MIN", "0.5"},
        {"LLAMA_ARG_SPEC_DRAFT_P_SPLIT", "0.5"},        {"LLAMA_ARG_SPEC_DRAFT_BACKEND_SAMPLING", "0"},
        {"LLAMA_ARG_SPEC_DRAFT_MODEL", "d.gguf"},       {"LLAMA_ARG_N_GPU_LAYERS_DRAFT", "0"},
        {"LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_K", "q8_0"},  {"LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_V", "bf16"},
        {"LLAMA_ARG_SPEC_SYNTH_RATES", "0.5"}};
    const Asked asked = ask({});
    EXPECT_EQ(asked.refused, "");
    EXPECT_EQ(asked.options.mode, SpeculationMode::kFixed);
    EXPECT_THAT(asked.options.sources, ElementsAre(kNgramMod, kDraftSimple, kMtp));
    EXPECT_EQ(asked.options.n_max, 6);
    EXPECT_EQ(asked.options.n_min, 2);
    EXPECT_EQ(asked.options.p_min, 0.5F);
    EXPECT_EQ(asked.flags.p_split, 0.5F);
    EXPECT_FALSE(asked.flags.backend_sampling);
    EXPECT_EQ(asked.flags.draft.path, "d.gguf");
    EXPECT_EQ(asked.flags.draft.gpu_layers, "0");
    EXPECT_EQ(asked.flags.draft.cache_type_k, "q8_0");
    EXPECT_EQ(asked.flags.draft.cache_type_v, "bf16");
    EXPECT_THAT(asked.options.synthetic_rates, ElementsAre(0.5F));
    EXPECT_EQ(accepted({"--draft", "9"}).n_max, 9);
    // What the command line says of drafting at all, the variables do not contradict.
    EXPECT_EQ(accepted({"--spec", "off"}).mode, SpeculationMode::kOff);
    EXPECT_EQ(accepted({"--spec-type", "none"}).mode, SpeculationMode::kOff);
    EXPECT_EQ(accepted({"--spec", "auto"}).mode, SpeculationMode::kAuto);
  }
  {
    const Variables set = {{"LLAMA_ARG_DRAFT_MAX", "7"}, {"LLAMA_ARG_DRAFT_MIN", "1"}};
    EXPECT_EQ(accepted({}).n_max, 7);
    EXPECT_EQ(accepted({}).n_min, 1);
    const Variables newer = {{"LLAMA_ARG_SPEC_DRAFT_N_MAX", "5"}};
    EXPECT_EQ(accepted({}).n_max, 5);
  }
  {
    const Variables set = {{"GANNET_ARG_SPEC", "off"}, {"LLAMA_ARG_SPEC_TYPE", "mtp"}};
    EXPECT_EQ(accepted({}).mode, SpeculationMode::kOff);
    EXPECT_EQ(accepted({"--spec", "auto"}).mode, SpeculationMode::kAuto);
    EXPECT_EQ(accepted({"--spec-type", "ngram-mod"}).mode, SpeculationMode::kFixed);
    EXPECT_THAT(accepted({"-md", "d.gguf"}).sources, ElementsAre(kDraftSimple, kMtp));
  }
  {
    const Variables set = {{"LLAMA_ARG_SPEC_SYNTH_LEN", "2"}};
    EXPECT_EQ(accepted({}).synthetic_rates.size(), 3U);
    EXPECT_THAT(accepted({"--spec-synth-rates", "0.5"}).synthetic_rates, ElementsAre(0.5F));
  }
  {
    const Variables set = {{"LLAMA_ARG_SPEC_DRAFT_HF_REPO", "a/b"}};
    EXPECT_THAT(refused({}), HasSubstr("not downloaded yet; download the file and give it with -md"));
    EXPECT_EQ(accepted({"--spec", "off"}).mode, SpeculationMode::kOff);
  }
  const Variables set = {{"GANNET_ARG_SPEC_TYPE", "fast"}};
  EXPECT_THAT(refused({}), HasSubstr("fast: must be one of none, "));
}

TEST(SpeculationOptions, ADraftModelRunsAsTheTargetUnlessFlagsSayOtherwise) {
  SessionOptions target;
  target.n_ctx = 77;
  target.n_threads = 5;
  target.n_threads_batch = 6;
  target.cpus = {4};
  target.k_type = DType::kBF16;
  target.mtp = true;
  const auto session = [&](const Words& words) {
    return draft_session_options(ask(words).flags.draft, target);
  };
  SessionOptions s = session({}).take();
  EXPECT_EQ(s.n_ctx, 77);
  EXPECT_EQ(s.n_threads, 5);
  EXPECT_EQ(s.n_threads_batch, 6);
  EXPECT_THAT(s.cpus, ElementsAre(4));
  EXPECT_EQ(s.k_type, DType::kF16);
  EXPECT_FALSE(s.mtp);
  s = session({"-td", "2", "-Cd", "3", "-ctkd", "q8_0", "-ctvd", "f32", "-cd", "5"}).take();
  EXPECT_EQ(s.n_ctx, 77);
  EXPECT_EQ(s.n_threads, 2);
  EXPECT_EQ(s.n_threads_batch, 2);
  EXPECT_THAT(s.cpus, ElementsAre(0, 1));
  EXPECT_EQ(s.k_type, DType::kQ8_0);
  EXPECT_EQ(s.v_type, DType::kF32);
  EXPECT_EQ(session({"-td", "2", "-tbd", "3"}).take().n_threads_batch, 3);
  EXPECT_THAT(refused({"-ctkd", "q9"}), StartsWith("--spec-draft-type-k: there is no type \"q9\""));
  EXPECT_THAT(refused({"-Cd", "xyz"}), HasSubstr("--spec-draft-cpu-mask"));
}

}  // namespace
}  // namespace gannet
