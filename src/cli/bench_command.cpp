// `gannet bench`: speed of reading prompts and of generating, with the flags and the output of the
// established tool.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <ctime>
#include <memory>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gannet_commit.h>  // generated

#include "backend/cpu/isa.h"
#include "base/atomic_file.h"
#include "cli/bench_comparison.h"
#include "cli/bench_ladder.h"
#include "cli/bench_ranges.h"
#include "cli/bench_report.h"
#include "cli/bench_runner.h"
#include "cli/bench_tests.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/machine_facts.h"
#include "cli/model_options.h"
#include "cli/profile.h"
#include "cli/progress.h"
#include "cli/read_bandwidth.h"
#include "cli/say.h"
#include "cli/speculation_options.h"

namespace gannet {
namespace {

std::string lower_name(DType type) {
  std::string name(dtype_info(type).name);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

BenchColumns columns_for(const BenchOptions& o, const std::vector<BenchTest>& tests,
                         const std::vector<std::shared_ptr<const Model>>& models,
                         const SessionOptions& session) {
  BenchColumns columns;
  for (const BenchTest& t : tests) {
    columns.n_ubatch = columns.n_ubatch || t.n_ubatch != 512;
    columns.type_k = columns.type_k || t.k_type != DType::kF16;
    columns.type_v = columns.type_v || t.v_type != DType::kF16;
  }
  for (size_t i = 0; i < models.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      columns.filename = columns.filename || (models[i]->type_text() == models[j]->type_text() &&
                                              models[i]->file().path() != models[j]->file().path());
  for (const auto& model : models)
    columns.load_mode = columns.load_mode || model->memory().mode() != LoadMode::kAuto;
  columns.cpu_mask = !o.model.cpu_mask.empty();
  columns.isa = !o.model.isa.empty();
  for (const BenchTest& t : tests) columns.graph = columns.graph || t.naive;
  columns.spec = !o.spec.empty();
  columns.spec_prompts = !o.spec_prompts.empty();
  columns.passes = !session.graph.passes.off.empty();
  return columns;
}

// The two places for results: standard output, and another format on stderr (-oe).
class Output {
 public:
  Result<void> add(const BenchOptions& o, const std::string& flag, const std::string& format,
                   const BenchColumns& columns, std::FILE* file) {
    if (format == "none") return {};
    targets_.push_back({GANNET_TRY(o.ladder ? make_ladder_printer(flag, format, columns)
                                            : make_bench_printer(flag, format, columns)),
                        file});
    return {};
  }
  Result<void> begin() {
    return each([](BenchPrinter& p) { return p.begin(); });
  }
  Result<void> row(const BenchRecord& record) {
    return each([&](BenchPrinter& p) { return p.row(record); });
  }
  Result<void> end() {
    return each([](BenchPrinter& p) { return p.end(); });
  }

 private:
  struct Target {
    std::unique_ptr<BenchPrinter> printer;
    std::FILE* file;
  };
  template <class F>
  Result<void> each(F text_of) {
    for (Target& target : targets_) {
      const std::string text = text_of(*target.printer);
      if (target.file == stdout) {
        GANNET_TRY(put_stdout(text));
        GANNET_TRY(flush_stdout());
      } else if (std::fwrite(text.data(), 1, text.size(), target.file) != text.size()) {
        return Error(ErrorCode::kOutput, "stderr cannot be written; leave out -oe");
      }
    }
    return {};
  }
  std::vector<Target> targets_;
};

class Bench {
 public:
  Bench(const BenchOptions& options, std::vector<std::shared_ptr<const Model>> models, SessionOptions session,
        std::vector<BenchTest> tests, std::shared_ptr<const Model> draft_model)
      : options_(options),
        models_(models),
        cpus_(session.cpus),
        groups_(tests_by_work(tests)),
        runner_(std::move(models), session, tests, groups_.size() < tests.size(), std::move(draft_model)) {
    isa_ = isa_name(session.policy.isas.empty() ? machine_isas().back() : session.policy.isas.back());
    cpu_name_ = machine_facts().cpu_name;
    if (session.device != nullptr) {
      device_ = session.device->name();
      n_gpu_layers_ = session.placement.layers.value_or(-1);
      n_cpu_moe_ = session.placement.cpu_experts.value_or(session.placement.fit ? -1 : 0);
    }
    for (const std::string& name : session.graph.passes.off)
      passes_ += fmt::format("{}-{}", passes_.empty() ? "" : ",", name);
  }

  Result<void> check() {
    GANNET_TRY(runner_.check());
    if (options_.ladder) runner_.release();
    return {};
  }

  Result<void> run(Output& output) {
    for (const BenchTest& test : runner_.tests()) records_.push_back(new_record(test));
    size_t printed = 0;
    for (const std::vector<size_t>& group : groups_) {
      GANNET_TRY(measure(group));
      // In the order of the tests, whatever the order of the work.
      while (printed < records_.size() && !records_[printed].samples_ns.empty())
        GANNET_TRY(output.row(records_[printed++]));
      if (options_.profile || !options_.trace.empty())
        for (size_t i : group) GANNET_TRY(profile(i));
      if (options_.ladder) runner_.release();  // a session per rung adds up
    }
    if (!options_.trace.empty()) GANNET_TRY(trace_.write(options_.trace));
    if (other_texts_ > 0)
      return Error(ErrorCode::kRuntime,
                   fmt::format("speculation changed the text of {} answers, named above; please report it",
                               other_texts_));
    return {};
  }

 private:
  BenchRecord new_record(const BenchTest& test) const {
    const Model& model = *models_[test.model];
    BenchRecord r;
    r.build_commit = GANNET_COMMIT;
    r.cpu_info = cpu_name_;
    r.device = device_;
    r.n_gpu_layers = n_gpu_layers_;
    r.n_cpu_moe = n_cpu_moe_;
    r.model_filename = model.file().path();
    r.load_mode = load_mode_name(model.memory().mode());
    r.model_type = model.type_text();
    r.model_size = model.weight_bytes();
    r.model_n_params = model.parameter_count();
    r.n_ubatch = test.n_ubatch;
    r.n_threads = std::min(test.n_threads, ThreadTeam::most_threads());  // as the session does
    if (!options_.model.cpu_mask.empty()) r.cpu_mask = options_.model.cpu_mask;
    r.type_k = lower_name(test.k_type);
    r.type_v = lower_name(test.v_type);
    r.n_prompt = test.n_prompt;
    r.n_gen = test.n_gen;
    r.n_depth = test.n_depth;
    r.isa = isa_;
    r.graph = test.naive ? "naive" : "optimized";
    if (!test.naive) r.passes = passes_;
    r.pass = test.pass;
    r.spec = test.spec;
    if (!test.spec.empty()) r.spec_text = test.text_file;
    r.n_parallel = test.n_parallel;
    r.spec_prompts = test.prompts_file;
    r.temperature = test.temperature;
    r.seed = static_cast<int64_t>(test.seed);
    if (test.speculates()) r.spec_synth_rates = options_.spec_rates;
    return r;
  }

  // The tests take turns, one time forwards and one time backwards: a disturbance of the machine hits all of
  // them alike.
  Result<void> measure(const std::vector<size_t>& group) {
    for (size_t i : group) {
      const BenchTest& test = runner_.tests()[i];
      BenchRecord& record = records_[i];
      const WeightMemory::Share share = models_[test.model]->memory().share();
      if (share.in_huge_pages >= 0)
        record.huge_page_share =
            static_cast<double>(share.in_huge_pages) / static_cast<double>(share.bytes_per_token);
      // Steps over drafts, or for several sequences, move more, for more tokens; answers end anywhere.
      if (test.n_prompt == 0 && !test.speculates() && test.n_parallel == 1 && test.prompts_file.empty())
        record.bytes_per_token = GANNET_TRY(runner_.bytes_per_token(test));
      if (test.n_gen == 0) record.flops = GANNET_TRY(runner_.prompt_flops(test));
      // Of the CPU's memory: no measure for what a device reads.
      if (device_ == "cpu") record.read_bandwidth = GANNET_TRY(read_bandwidth(test.n_threads, cpus_));
      record.test_time = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
      if (options_.no_warmup) continue;
      tell(i, "warm-up");
      GANNET_TRY(runner_.warm_up(test));
    }
    std::vector<size_t> order = group;
    for (int64_t repetition = 1; repetition <= options_.repetitions;
         ++repetition, std::ranges::reverse(order)) {
      for (size_t i : order) {
        if (options_.delay > 0) std::this_thread::sleep_for(std::chrono::duration<double>(options_.delay));
        tell(i, fmt::format("run {}/{}", repetition, options_.repetitions));
        BenchRun run = GANNET_TRY(runner_.run(runner_.tests()[i]));
        records_[i].samples_ns.push_back(run.nanoseconds);
        records_[i].samples_tokens.push_back(run.tokens);
        records_[i].drafts += run.drafts;
        if (!run.answers.empty()) records_[i].answers.push_back(std::move(run.answers));
      }
    }
    compare(group);
    return {};
  }

  void compare(const std::vector<size_t>& group) {
    for (size_t i : group) {
      if (records_[i].spec.empty()) continue;
      const auto off = std::ranges::find_if(group, [&](size_t j) { return without_drafts(i, j); });
      for (const std::string& difference :
           compare_with_off(records_[i], off == group.end() ? nullptr : &records_[*off])) {
        put_stderr(fmt::format("bench: ANOTHER TEXT: {}: {}\n", name_of(i), difference));
        ++other_texts_;
      }
    }
  }

  // Whether test j is test i without drafts.
  bool without_drafts(size_t i, size_t j) const {
    const BenchTest &a = runner_.tests()[i], &b = runner_.tests()[j];
    return b.model == a.model && b.naive == a.naive && !b.spec.empty() && !b.speculates();
  }

  Result<void> profile(size_t i) {
    tell(i, "profile");
    const auto profiles = GANNET_TRY(runner_.profile(runner_.tests()[i]));
    const std::string name = name_of(i);
    if (options_.profile)
      put_stderr(fmt::format("\n{}\n{}", name, profile_text(profiles, records_[i].read_bandwidth)));
    trace_.add(name, profiles);
    return {};
  }

  std::string name_of(size_t i) const {
    const BenchRecord& r = records_[i];
    std::string name = fmt::format("{}: {}", r.model_type, r.test_name());
    if (r.graph == "naive")
      name += " naive";
    else if (!r.pass.empty())
      name += fmt::format(" up to {}", r.pass);
    if (!r.spec.empty()) name += fmt::format(" spec {}", r.spec);
    return name;
  }

  void tell(size_t i, const std::string& what) const {
    if (options_.progress)
      put_stderr(fmt::format("bench: test {}/{}: {}: {}\n", i + 1, records_.size(), name_of(i), what));
  }

  const BenchOptions& options_;
  std::vector<std::shared_ptr<const Model>> models_;
  std::vector<int> cpus_;
  std::vector<std::vector<size_t>> groups_;
  BenchRunner runner_;
  std::vector<BenchRecord> records_;
  ProfileTrace trace_;
  std::string isa_, cpu_name_, passes_, device_ = "cpu";
  int64_t n_gpu_layers_ = 0, n_cpu_moe_ = 0;
  int64_t other_texts_ = 0;  // answers that were not those without drafts
};

Result<void> run_bench(const BenchOptions& o) {
  const std::vector<std::string> paths = bench_model_paths(o);
  const std::vector<std::string> modes = o.mmap.empty()
                                             ? split_bench_words(o.load_modes)
                                             : std::vector<std::string>{o.mmap == "on" ? "mmap" : "none"};
  const SessionOptions session = GANNET_TRY(session_options(o.model));
  if (modes.empty()) return Error(ErrorCode::kUsage, "--load-mode: names no mode");
  std::vector<BenchTest> tests =
      GANNET_TRY(make_bench_tests(o, paths.size() * modes.size(), ThreadTeam::default_threads(session.cpus)));
  // A mistyped format must not show up after an hour of loading and measuring.
  for (const auto& [flag, format] : {std::pair("-o", o.output), std::pair("-oe", o.output_err)})
    GANNET_TRY(Output().add(o, flag, format, {}, stdout));
  std::vector<std::shared_ptr<const Model>> models;
  for (const std::string& path : paths) {
    for (const std::string& mode : modes) {
      ModelOptions one = o.model;
      one.model = path;
      one.load_mode = mode;
      models.push_back(GANNET_TRY(load_model(one)));
    }
  }
  std::shared_ptr<const Model> draft_model;
  if (std::ranges::any_of(
          tests, [](const BenchTest& t) { return names_source(t.speculation, SourceKind::kDraftSimple); })) {
    ModelOptions draft = o.model;
    draft.model = o.draft_model;
    auto loaded = load_model(draft);
    if (!loaded.ok()) return loaded.take_error().with_context("-md");
    draft_model = loaded.take();
  }
  if (!o.trace.empty()) GANNET_TRY(AtomicFile::check(o.trace));
  catch_interrupts();
  for (const auto& model : models) {  // speed is that of a model that has run for a while
    ProgressBar bar("moving into huge pages");
    model->memory().settle([] { return !interrupted(); }, [&](double fraction) { bar.update(fraction); });
  }
  if (o.ladder) tests = GANNET_TRY(make_ladder(tests, models, session.graph.passes.off));
  Output output;
  const BenchColumns columns = columns_for(o, tests, models, session);
  GANNET_TRY(output.add(o, "-o", o.output, columns, stdout));
  GANNET_TRY(output.add(o, "-oe", o.output_err, columns, stderr));
  Bench bench(o, std::move(models), session, std::move(tests), std::move(draft_model));
  GANNET_TRY(bench.check());
  GANNET_TRY(output.begin());
  Result<void> measured = bench.run(output);
  GANNET_TRY(output.end());  // also after an error: what was printed stays readable for programs
  return measured;
}

}  // namespace

Command bench_command() {
  auto options = std::make_shared<BenchOptions>();
  BenchOptions& o = *options;
  Command command{.name = "bench", .summary = "Measure speed of prompt reading and of generation"};
  command.notes =
      "Numbers may be lists and ranges: 1,2,4  1-8  16-64+16  1-64*2; flags may be repeated; all "
      "combinations are\n"
      "measured. Models and graphs take turns in every repetition of a test. Tokenising and sampling are not "
      "part of\n"
      "the time, sampling only with --spec.\n";
  add_bench_options(command.options, o);
  command.action = [options] { return run_bench(*options); };
  return command;
}

}  // namespace gannet
