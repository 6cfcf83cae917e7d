// `gannet tune`: measures this machine with a model, says what it found, and keeps it for the runs that come.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/printable.h"
#include "cli/bench_report.h"
#include "cli/command.h"
#include "cli/decoding.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/machine_facts.h"
#include "cli/progress.h"
#include "cli/sampling_options.h"
#include "cli/say.h"
#include "cli/tune_bench.h"
#include "cli/tune_text.h"
#include "engine/drafters.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

struct TuneOptions {
  ModelOptions model;
  double seconds = 40;
  bool json = false, dry_run = false, show = false, forget = false;
};

// Prompts of 2048 tokens, and texts that grow behind them.
constexpr int64_t kContext = 4096, kLeastContext = 256;

// The whole command may take so many times what measuring may; moving weights so large a part of that.
constexpr double kWhole = 1.4, kSettling = 0.25;

constexpr const char* kNoFolder =
    "GANNET_PROFILES is empty (or there is no home): nothing is kept for later runs";

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Some pages of English: what the program says about itself.
std::string english() {
  const Command program = gannet_program();
  std::string text;
  for (const Command& command : program.commands) {
    const Command* const path[] = {&program, &command};
    text += help_text(path);
  }
  return text;
}

Result<std::vector<TokenId>> text_for(const Tokenizer& tokenizer) {
  std::vector<TokenId> tokens = GANNET_TRY(tokenizer.encode(english()));
  std::erase_if(tokens, [&](TokenId id) { return tokenizer.vocabulary().is_end(id); });
  if (tokens.empty()) return Error(ErrorCode::kModelFile, "the tokenizer makes no tokens of a text");
  return tokens;
}

// What an earlier run left; nothing where it cannot be read, which is said.
std::optional<Profile> stored(const std::string& path) {
  if (path.empty()) return {};
  auto loaded = load_profile(path);
  if (loaded.ok()) return std::move(*loaded);
  say("{}", loaded.error().message());
  return {};
}

std::string acceptance_text(const AcceptanceTable& table) {
  std::string text;
  for (const AcceptanceTable::Source& source : table.sources()) {
    std::string places;
    for (size_t place = 0; place < 4; ++place) {
      float tested = 0, right = 0;
      for (size_t c = 0; c < AcceptanceTable::kClasses; ++c) {
        tested += source.counts.tested[place][c];
        right += source.counts.right[place][c];
      }
      if (tested >= 1) places += fmt::format(" {:.2f}", right / tested);
    }
    if (!places.empty()) text += fmt::format("{} was right, by place in the draft:{}\n", source.name, places);
  }
  return text;
}

std::string kept_settings_text(const TunedSettings& s) {
  std::string text;
  const auto add = [&](const char* flag, int value) {
    if (value > 0) text += fmt::format("{}{} {}", text.empty() ? "" : " ", flag, value);
  };
  add("-t", s.n_threads);
  add("-tb", s.n_threads_batch);
  add("-ub", s.n_ubatch);
  return text;
}

Result<void> show(const TuneOptions& o, const std::string& path) {
  const std::optional<Profile> profile = stored(path);
  if (o.json) {
    nlohmann::ordered_json json = {{"profile", path}, {"stored", profile.has_value()}};
    if (profile) {
      json["settings"] = settings_json(profile->settings);
      json.update(costs_json(profile->costs));
    }
    return put_stdout(bench_json_text(json, 2) + "\n");
  }
  if (!profile) return print("nothing is kept for this model on this machine; gannet tune measures it\n");
  const std::string flags = kept_settings_text(profile->settings);
  return print("{}\nsettings: {}\n{}{}", printable(path), flags.empty() ? "the default" : flags,
               costs_text(profile->costs), acceptance_text(profile->acceptance));
}

Result<void> forget(const std::string& path) {
  std::error_code error;
  const bool was_there = std::filesystem::remove(path, error);
  if (error)
    return Error(ErrorCode::kOutput, fmt::format("cannot delete {}: {}", printable(path), error.message()));
  return was_there ? print("deleted {}\n", printable(path)) : print("nothing was kept for this model\n");
}

Result<TuneResult> measure(const TuneOptions& o, std::shared_ptr<const Model> model, double command_began) {
  const Tokenizer tokenizer = GANNET_TRY(tokenizer_from_gguf(model->file()));
  ModelBenchOptions options;
  options.session = GANNET_TRY(session_options(o.model));
  fit_session(options.session, SpeculationOptions{}, model->hyperparameters());
  options.sampling = GANNET_TRY(sampling_params({}, model->file()));
  options.text = GANNET_TRY(text_for(tokenizer));
  options.keep_going = [] { return !interrupted(); };

  TuneTask task;
  const int n = ThreadTeam::default_threads(options.session.cpus);
  task.defaults = {n, n, kDefaultUbatch};
  task.n_processors = std::max(n, ThreadTeam::most_threads() / 2);
  if (!options.session.cpus.empty())
    task.n_processors =
        std::max(n, std::min(task.n_processors, static_cast<int>(options.session.cpus.size())));
  task.mtp = options.session.mtp;
  const int64_t trained = model->hyperparameters().context_length;
  const int64_t longest = o.model.ctx_size > 0 ? o.model.ctx_size : trained;
  if (longest < kLeastContext)
    return Error(ErrorCode::kUsage, fmt::format("a context of {} tokens is too short to measure with; -c {}",
                                                longest, kLeastContext));
  // As far as half of the context that was asked for.
  while (o.model.ctx_size > 0 && 4 * task.far <= o.model.ctx_size) task.far *= 2;
  task.n_ctx = options.session.n_ctx = std::min(longest, task.far + kContext);

  catch_interrupts();
  {  // speed is that of a model that has run for a while
    ProgressBar bar("moving into huge pages");
    const double began = now();
    model->memory().settle([&] { return !interrupted() && now() - began < kSettling * o.seconds; },
                           [&](double fraction) { bar.update(fraction); });
  }
  // Slow loading is made up for, in part.
  task.seconds = std::clamp(kWhole * o.seconds - (now() - command_began), 0.5 * o.seconds, o.seconds);
  auto bench = GANNET_TRY(ModelBench::create(model, tokenizer.vocabulary(), std::move(options)));
  std::optional<ProgressBar> bar;
  std::string shown;
  return tune(*bench, task, [&](const std::string& what, double fraction) {
    if (what != shown) {
      bar.reset();
      bar.emplace("measuring " + what);
      shown = what;
    }
    bar->update(fraction);
  });
}

Result<void> run_tune(const TuneOptions& o) {
  const double began = now();
  if (o.model.flash_attention == "off")
    return Error(ErrorCode::kUsage,
                 "-fa off: runs with it use no profile, so there is nothing to keep; leave it out");
  const SessionOptions session = GANNET_TRY(session_options(o.model));  // before a large file is loaded
  const auto model = GANNET_TRY(load_model(o.model));
  const std::string path = profile_path_of(*model, o.model, session.device.get());
  if ((o.show || o.forget) && path.empty()) return Error(ErrorCode::kUsage, kNoFolder);
  if (o.show) return show(o, path);
  if (o.forget) return forget(path);
  const bool keeps = !path.empty() && !o.dry_run;
  if (keeps) {  // whether it can be stored is known before a minute of measuring
    GANNET_TRY(make_profile_folder(path));
    GANNET_TRY(AtomicFile::check(path));
  }
  const TuneResult result = GANNET_TRY(measure(o, model, began));

  const std::string machine = fmt::format("{}, {}", model->type_text(), machine_facts().cpu_name);
  if (o.json) {
    nlohmann::ordered_json json = {{"model", model->file().path()},
                                   {"model_type", model->type_text()},
                                   {"cpu", machine_facts().cpu_name}};
    json.update(tune_json(result));
    json["profile"] = keeps ? nlohmann::ordered_json(path) : nlohmann::ordered_json();
    GANNET_TRY(put_stdout(bench_json_text(json, 2) + "\n"));
  } else {
    GANNET_TRY(print("{}\n{}", printable(machine), tune_text(result)));
  }
  if (keeps) {
    std::optional<Profile> before = stored(path);
    Profile profile{settings_to_keep(result), cost_table(result), {}, {}};
    if (before) profile.acceptance = std::move(before->acceptance);
    if (before) profile.tokens = std::move(before->tokens);
    GANNET_TRY(store_profile(path, profile));
  }
  if (o.json) return {};
  if (path.empty()) {
    say("{}", kNoFolder);
    return {};
  }
  return print("{} in {:.0f} s{}\n", keeps ? "Measured" : "Measured, not kept,", result.seconds,
               keeps ? fmt::format("; kept for later runs in {}", printable(path)) : "");
}

}  // namespace

Command tune_command() {
  auto o = std::make_shared<TuneOptions>();
  Command command{.name = "tune", .summary = "Measure this machine with a model, for the runs that come"};
  command.notes =
      "Finds the number of threads, the micro-batch, what steps of many rows cost and what drafts cost, and "
      "keeps it in\n"
      "~/.cache/gannet/profiles (or below $XDG_CACHE_HOME); the variable GANNET_PROFILES names another "
      "folder, "
      "and with an\n"
      "empty value none. Runs of the same model on this machine use it by themselves, where no option says "
      "otherwise.\n";
  command.options = {
      {.names = "--seconds",
       .value = "N",
       .help = "About how long measuring may take; loading comes on top",
       .target = &o->seconds,
       .at_least = 0.1,
       .at_most = 86400},
      {.names = "--json", .help = "Print what was found as JSON", .target = &o->json},
      {.names = "--dry-run", .help = "Measure and tell, keep nothing", .target = &o->dry_run},
      {.names = "--show", .help = "Only tell what is kept for this model", .target = &o->show},
      {.names = "--forget",
       .help = "Only delete what is kept for this model",
       .target = &o->forget,
       .excludes = "--show"},
  };
  add_model_option(command.options, o->model);
  Options all;
  add_session_options(all, o->model);
  for (const char* name : {"--ctx-size", "--cache-type-k", "--cache-type-v", "--cpu-mask"})
    for (const Option& option : all)
      if (main_name(option) == name) command.options.push_back(option);
  command.action = [o] { return run_tune(*o); };
  return command;
}

}  // namespace gannet
