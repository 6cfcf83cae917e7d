#include "cli/model_options.h"

#include <fmt/format.h>

#include "backend/cpu/isa.h"
#include "cli/progress.h"
#include "ops/catalogue.h"

namespace gannet {

void add_model_option(CLI::App& app, ModelOptions& o) {
  app.add_option("-m,--model", o.model,
                 "Model file (.gguf; of a split model the first shard). Default: the embedded pocket model")
      ->envname("GANNET_ARG_MODEL");
  add_load_options(app, o);
}

void add_load_options(CLI::App& app, ModelOptions& o) {
  CLI::Option* mode =
      app.add_option(
             "--load-mode", o.load_mode,
             "-lm M: where weights lie. auto: start from the file's mapping, move into huge pages while "
             "running as far as memory allows; mmap: stay in the mapping, which processes share; huge: "
             "all in huge pages first, reserved ones (hugetlb) if there are any; none: all in private "
             "memory first")
          ->envname("GANNET_ARG_LOAD_MODE")
          ->capture_default_str();
  app.add_flag("--no-mmap", o.no_mmap, "The same as --load-mode none")
      ->envname("GANNET_ARG_NO_MMAP")
      ->excludes(mode);
  app.add_flag("--mlock", o.lock, "Keep the weights in memory: no swapping, no dropping")
      ->envname("GANNET_ARG_MLOCK");
  app.add_flag("--check-tensors", o.check_tensors, "Check every weight for NaN and infinity while loading");
  app.add_flag("-v,--verbose", o.verbose, "Say on stderr where the weights lie");
}

void add_kernel_options(CLI::App& app, ModelOptions& o) {
  app.add_option("-C,--cpu-mask", o.cpu_mask, "Bind threads to the CPUs of this hexadecimal mask");
  app.add_option("--isa", o.isa, "Use at most this instruction set: scalar, avx2, avx512, avx512vnni, neon");
  app.add_option("--kernel", o.kernels,
                 "Force a kernel: OP=NAME (repeatable; `gannet devices --kernels` lists them)")
      ->allow_extra_args(false);
}

void add_session_options(CLI::App& app, ModelOptions& o) {
  app.add_option("-c,--ctx-size", o.ctx_size, "Longest sequence in tokens; 0: what the model was trained for")
      ->envname("GANNET_ARG_CTX_SIZE")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--ubatch-size", o.ubatch_size, "-ub N: prompt tokens per forward call")
      ->envname("GANNET_ARG_UBATCH")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("-t,--threads", o.threads, "Threads while generating; 0: one per physical core")
      ->envname("GANNET_ARG_THREADS")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--threads-batch", o.threads_batch,
                 "-tb N: threads while reading the prompt; 0: as --threads")
      ->envname("GANNET_ARG_THREADS_BATCH")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--cache-type-k", o.cache_type_k, "-ctk T: type of stored keys: f32, f16, bf16, q8_0")
      ->envname("GANNET_ARG_CACHE_TYPE_K")
      ->capture_default_str();
  app.add_option("--cache-type-v", o.cache_type_v, "-ctv T: type of stored values: f32, f16, bf16, q8_0")
      ->envname("GANNET_ARG_CACHE_TYPE_V")
      ->capture_default_str();
  add_kernel_options(app, o);
  add_graph_options(app, o.graph);
}

Result<LoadOptions> load_options(const ModelOptions& o) {
  LoadOptions options;
  options.check_tensors = o.check_tensors;
  options.lock = o.lock;
  if (o.no_mmap) {
    options.mode = LoadMode::kNone;
    return options;
  }
  std::string mode = o.load_mode;
  // Values of other programs: locking is a flag of its own here.
  if (mode == "mlock" || mode == "mmap+mlock") {
    options.lock = true;
    mode = mode == "mlock" ? "auto" : "mmap";
  }
  for (const LoadMode known : {LoadMode::kAuto, LoadMode::kMmap, LoadMode::kHuge, LoadMode::kNone}) {
    if (mode != load_mode_name(known)) continue;
    options.mode = known;
    return options;
  }
  return Error(
      ErrorCode::kUsage,
      fmt::format("--load-mode {}: there is no such mode (auto, mmap, huge, none are)", o.load_mode));
}

Result<std::shared_ptr<const Model>> load_model(const ModelOptions& o) {
  const LoadOptions options = GANNET_TRY(load_options(o));
  std::shared_ptr<const Model> model;
  if (o.model.empty()) {
    model = GANNET_TRY(Model::load_embedded(pocket_model(), "pocket model (embedded)"));
  } else {
    ProgressBar bar("loading");
    model = GANNET_TRY(Model::load(o.model, options, [&](double fraction) { bar.update(fraction); }));
  }
  for (const ModelNote& note : model->notes())
    if (o.verbose || !note.detail) fmt::print(stderr, "gannet: {}\n", note.text);
  if (const std::string warning = model->memory().warning(); !warning.empty())
    fmt::print(stderr, "gannet: {}\n", warning);
  if (o.verbose) fmt::print(stderr, "gannet: {}\n", model->memory().text());
  return model;
}

Result<DType> cache_type(const std::string& flag, const std::string& name) {
  if (const auto type = dtype_from_name(name)) return *type;
  return Error(ErrorCode::kUsage,
               fmt::format("{}: there is no type \"{}\" (f32, f16, bf16, q8_0 are)", flag, name));
}

Result<SessionOptions> session_options(const ModelOptions& o) {
  SessionOptions s;
  s.n_ctx = o.ctx_size;
  s.n_ubatch = o.ubatch_size;
  s.n_threads = o.threads;
  s.n_threads_batch = o.threads_batch;
  if (!o.cpu_mask.empty()) s.cpus = GANNET_TRY(ThreadTeam::parse_cpu_mask(o.cpu_mask));
  s.k_type = GANNET_TRY(cache_type("--cache-type-k", o.cache_type_k));
  s.v_type = GANNET_TRY(cache_type("--cache-type-v", o.cache_type_v));
  if (!o.isa.empty()) {
    const Isa limit = GANNET_TRY(isa_from_name(o.isa));
    s.policy.isas = GANNET_TRY(isas_up_to(limit));
  }
  for (const std::string& rule : o.kernels) {
    const size_t equals = rule.find('=');
    const std::string op = rule.substr(0, equals),
                      kernel = equals == std::string::npos ? "" : rule.substr(equals + 1);
    bool known = false;
    for (const KernelInfo* k : all_kernels().kernels()) known = known || (op == k->op && kernel == k->name);
    if (!known)
      return Error(
          ErrorCode::kUsage,
          fmt::format("--kernel {}: no such kernel; `gannet devices --kernels` lists OP=NAME pairs", rule));
    s.policy.forced[op] = kernel;
  }
  s.graph = GANNET_TRY(graph_options(o.graph));
  return s;
}

}  // namespace gannet
