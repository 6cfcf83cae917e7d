// `gannet synth`: model files in the shapes of the published ones with random weights, to measure speed
// without the download, and tiny ones to test with.
#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command.h"
#include "cli/inspect_text.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "cli/synth_file.h"

namespace gannet {
namespace {

struct SynthOptions {
  std::string arch, like = "tiny", type = "Q4_0", out;
  std::optional<uint32_t> layers, vocab;
  bool mtp = false;
  uint64_t seed = 0;
  int threads = 0;
};

std::string type_names() {
  std::vector<std::string_view> names;
  for (const Mix& mix : mixes()) names.emplace_back(mix.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string parameters_text(int64_t n) {
  const double count = static_cast<double>(n);
  return count < 1e9 ? fmt::format("{:.1f}M", count * 1e-6) : fmt::format("{:.2f}B", count * 1e-9);
}

Result<void> run_synth(const SynthOptions& o) {
  ShapeChanges changes;
  if (!o.arch.empty()) changes.arch = GANNET_TRY(find_architecture(o.arch));
  changes.n_layers = o.layers;
  changes.n_vocab = o.vocab;
  changes.mtp = o.mtp;
  ModelShape shape = GANNET_TRY(model_shape(o.like, changes));
  const Mix* mix = GANNET_TRY(find_mix(o.type));
  shape.hp.name = fmt::format("synthetic {} {}", shape.hp.arch_facts().name, shape.name);

  catch_interrupts();
  const auto start = std::chrono::steady_clock::now();
  // The file is the same for any number of threads, so fewer than asked for are no error.
  ThreadTeam team(o.threads > 0 ? std::min(o.threads, ThreadTeam::most_threads())
                                : ThreadTeam::physical_cores());
  SynthReport report;
  {
    ProgressBar bar("writing");
    report = GANNET_TRY(write_synthetic_model(o.out, shape, *mix, o.seed, team, [&](double fraction) {
      bar.update(fraction);
      return !interrupted();
    }));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  put_stderr(fmt::format("{}: {} like {}, {} layers{}, {} tokens, {} parameters, {}, {} in {:.1f} s\n", o.out,
                         shape.hp.arch_facts().name, shape.name, shape.hp.n_trunk(), o.mtp ? " and MTP" : "",
                         shape.hp.n_vocab, parameters_text(report.n_parameters), mix->name,
                         human_bytes(report.file_bytes), seconds));
  return {};
}

}  // namespace

Command synth_command() {
  auto o = std::make_shared<SynthOptions>();
  return {
      .name = "synth",
      .summary = "Write a model of a published shape with random weights",
      .options =
          {{.names = "OUT", .help = "The file to write (.gguf)", .target = &o->out, .required = true},
           {.names = "--arch",
            .value = "NAME",
            .help = "Architecture: " + architecture_names() + ". Needed for the shape tiny only",
            .target = &o->arch},
           {.names = "--like",
            .value = "SHAPE",
            .help = fmt::format("Shape: {}", fmt::join(shape_names(), ", ")),
            .target = &o->like},
           {.names = "--layers",
            .value = "N",
            .help = "Number of layers instead of the shape's, without the MTP block",
            .target = &o->layers,
            .at_least = 1},
           {.names = "--vocab",
            .value = "N",
            .help = "Number of tokens instead of the shape's",
            .target = &o->vocab,
            .at_least = 1},
           {.names = "--type", .value = "TYPE", .help = "Kind of file: " + type_names(), .target = &o->type},
           {.names = "--mtp",
            .help = "Add the block that predicts the token after the next",
            .target = &o->mtp},
           {.names = "--seed",
            .value = "N",
            .help = "Other weights for another number",
            .target = &o->seed,
            .at_least = 0},
           {.names = "-t,--threads",
            .value = "N",
            .help = "Threads; 0: one per physical core",
            .target = &o->threads,
            .at_least = 0,
            .at_most = kMostThreads}},
      .action = [o] { return run_synth(*o); }};
}

}  // namespace gannet
