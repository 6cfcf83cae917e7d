#include "cli/model_options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "backend/cpu/isa.h"
#include "base/printable.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "engine/devices.h"
#include "ops/catalogue.h"
#include "speculation/profile.h"
#include "tensor/kv_formats.h"

namespace gannet {
namespace {

// How a model is loaded.
void add_load_options(Options& options, ModelOptions& m) {
  const Options own = {
      {.names = "-lm,--load-mode",
       .value = "MODE",
       .help = "Where weights lie. auto: start from the file's mapping, move into huge pages while running "
               "as far as memory allows; mmap: stay in the mapping, which processes share; huge: all in huge "
               "pages first, reserved ones (hugetlb) if there are any; none: all in private memory first",
       .target = &m.load_mode,
       .choices = {"auto", "mmap", "huge", "none", "mlock", "mmap+mlock"},
       .environment = "LOAD_MODE"},
      {.names = "--no-mmap",
       .help = "The same as --load-mode none",
       .target = &m.no_mmap,
       .environment = "NO_MMAP",
       .excludes = "--load-mode"},
      {.names = "--mlock",
       .help = "Keep the weights in memory: no swapping, no dropping",
       .target = &m.lock,
       .environment = "MLOCK"},
      {.names = "--check-tensors",
       .help = "Check every weight for NaN and infinity while loading",
       .target = &m.check_tensors},
      {.names = "-v,--verbose",
       .help = "Say more on stderr: what else is in the file, where the weights lie, what speculation did in "
               "a run",
       .target = &m.verbose},
  };
  options.insert(options.end(), own.begin(), own.end());
}

// How the flags want it loaded. Errors: kUsage naming the flag.
Result<LoadOptions> load_options(const ModelOptions& o) {
  if (o.main_gpu != "0")
    return Error(ErrorCode::kUsage,
                 fmt::format("-mg {}: a model runs on one device; --device names it", printable(o.main_gpu)));
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

}  // namespace

void add_model_option(Options& options, ModelOptions& m) {
  options.push_back(
      {.names = "-m,--model",
       .value = "FILE",
       .help = "Model file (.gguf; of a split model the first shard). Default: the embedded pocket model",
       .target = &m.model,
       .environment = "MODEL"});
  add_load_options(options, m);
  add_gpu_options(options, m);
}

void add_gpu_options(Options& options, ModelOptions& m) {
  const Options own = {
      {.names = "-dev,--device",
       .value = "NAME",
       .help = "Device that the model runs on: cpu, one that `gannet devices` lists, or auto: the fastest",
       .target = &m.device,
       .environment = "DEVICE"},
      {.names = "-ngl,--gpu-layers,--n-gpu-layers",
       .value = "N",
       .help = "Layers on the device, the last ones: 0, a number, all, or auto: as many as fit",
       .target = &m.gpu_layers,
       .environment = "N_GPU_LAYERS"},
      {.names = "-cmoe,--cpu-moe",
       .help = "All experts on the CPU, the rest on the device",
       .target = &m.cpu_moe,
       .environment = "CPU_MOE"},
      {.names = "-ncmoe,--n-cpu-moe",
       .value = "N",
       .help = "The experts of the first N layers on the CPU",
       .target = &m.n_cpu_moe,
       .at_least = 0,
       .environment = "N_CPU_MOE"},
      {.names = "-ot,--override-tensor",
       .value = "RE=DEVICE,...",
       .help =
           "Tensors whose names match the regular expression on this device or on the CPU; may be repeated",
       .target = &m.override_tensor,
       .environment = "OVERRIDE_TENSOR"},
      {.names = "-fit,--fit",
       .value = "on|off",
       .help = "Leave on the CPU what does not fit into the device's memory, experts first",
       .target = &m.fit,
       .choices = {"on", "off"},
       .environment = "FIT"},
      {.names = "-fitt,--fit-target",
       .value = "MIB",
       .help = "Memory of the device that is left free",
       .target = &m.fit_target,
       .at_least = 0,
       .environment = "FIT_TARGET"},
      {.names = "-bs,--backend-sampling",
       .help = "The device finds the likeliest tokens, so that whole rows of logits need not be copied",
       .target = &m.backend_sampling,
       .environment = "BACKEND_SAMPLING"},
      {.names = "-mg,--main-gpu",
       .value = "N",
       .help = "Only 0: a model runs on one device",
       .target = &m.main_gpu},
      {.names = "-fa,--flash-attn",
       .value = "on|off|auto",
       .help = "Attention as one step. off computes every score first: slower, takes more memory",
       .target = &m.flash_attention,
       .choices = {"on", "off", "auto"},
       .environment = "FLASH_ATTN",
       .bare = "on"},
  };
  options.insert(options.end(), own.begin(), own.end());
}

void add_kernel_options(Options& options, ModelOptions& m) {
  const Options own = {
      {.names = "-C,--cpu-mask",
       .value = "MASK",
       .help = "Bind threads to the CPUs of this hexadecimal mask",
       .target = &m.cpu_mask},
      {.names = "--isa",
       .value = "SET",
       .help = "Use at most this instruction set: scalar, avx2, avx512, avx512vnni, neon",
       .target = &m.isa},
      {.names = "--kernel",
       .value = "OP=NAME",
       .help = "Force a kernel; may be repeated (`gannet devices --kernels` lists them)",
       .target = &m.kernels},
      {.names = "--prompt-kernels",
       .value = "auto|f32",
       .help = "How a GPU multiplies the rows of prompts. auto: for each type of weights as was fastest when "
               "it was first used (`gannet devices`); f32: with products of F32",
       .target = &m.prompt_kernels,
       .choices = {"auto", "f32"},
       .environment = "PROMPT_KERNELS"},
  };
  options.insert(options.end(), own.begin(), own.end());
}

void add_session_options(Options& options, ModelOptions& m) {
  const Options own = {
      {.names = "-c,--ctx-size",
       .value = "N",
       .help = "Longest sequence in tokens; 0: what the model was trained for",
       .target = &m.ctx_size,
       .at_least = 0,
       .environment = "CTX_SIZE"},
      {.names = "-b,--batch-size",
       .value = "N",
       .help = "Most prompt tokens at a time, where less than -ub; 0: as many as -ub says",
       .target = &m.batch_size,
       .at_least = 0,
       .environment = "BATCH"},
      {.names = "-ub,--ubatch-size",
       .value = "N",
       .help = "Prompt tokens per forward call",
       .target = &m.ubatch_size,
       .at_least = 1,
       .at_most = kMostUbatch,
       .environment = "UBATCH",
       .shown_default = "512, or what gannet tune found"},
      {.names = "--exact",
       .help = "A text gives the same bits however it is cut into calls; prompts take longer",
       .target = &m.exact,
       .environment = "EXACT"},
      {.names = "-t,--threads",
       .value = "N",
       .help = "Threads while generating; 0: one per physical core",
       .target = &m.threads,
       .at_least = 0,
       .environment = "THREADS"},
      {.names = "-tb,--threads-batch",
       .value = "N",
       .help = "Threads while reading the prompt; 0: as --threads",
       .target = &m.threads_batch,
       .at_least = 0,
       .environment = "THREADS_BATCH"},
      {.names = "-ctk,--cache-type-k",
       .value = "TYPE",
       .help = fmt::format("Type of stored keys: {}", kKvFormatNames),
       .target = &m.cache_type_k,
       .environment = "CACHE_TYPE_K"},
      {.names = "-ctv,--cache-type-v",
       .value = "TYPE",
       .help = fmt::format("Type of stored values: {}", kKvFormatNames),
       .target = &m.cache_type_v,
       .environment = "CACHE_TYPE_V"},
  };
  options.insert(options.end(), own.begin(), own.end());
  add_kernel_options(options, m);
  add_graph_options(options, m.graph);
}

Result<GgufFile> open_model_file(const std::string& path) {
  return path.empty() ? GgufFile::parse(pocket_model(), kPocketModelName) : GgufFile::open(path);
}

Result<std::shared_ptr<const Model>> load_model(const ModelOptions& o) {
  const LoadOptions options = GANNET_TRY(load_options(o));
  std::shared_ptr<const Model> model;
  if (o.model.empty()) {
    // Somebody chose a model there; the pocket model would silently answer for it.
    for (const char* name :
         {"GANNET_ARG_HF_REPO", "LLAMA_ARG_HF_REPO", "GANNET_ARG_MODEL_URL", "LLAMA_ARG_MODEL_URL"})
      if (std::getenv(name) != nullptr)
        return Error(
            ErrorCode::kUsage,
            fmt::format("{}: models are not downloaded yet; download the file and give it with -m", name));
    model = GANNET_TRY(Model::load_embedded(pocket_model(), kPocketModelName));
  } else {
    ProgressBar bar("loading");
    model = GANNET_TRY(Model::load(o.model, options, [&](double fraction) { bar.update(fraction); }));
  }
  for (const ModelNote& note : model->notes())
    if (o.verbose || !note.detail) say("{}", note.text);
  if (const std::string warning = model->memory().warning(); !warning.empty()) say("{}", warning);
  if (o.verbose) say("{}", model->memory().text());
  return model;
}

Result<std::unique_ptr<Session>> create_session(std::shared_ptr<const Model> model, SessionOptions options) {
  auto session = GANNET_TRY(Session::create(std::move(model), std::move(options)));
  for (const std::string& warning : session->warnings()) say("{}", warning);
  return session;
}

Result<DType> cache_type(const std::string& flag, const std::string& name) {
  if (const auto type = dtype_from_name(name)) return *type;
  return Error(ErrorCode::kUsage,
               fmt::format("{}: there is no type \"{}\" ({} are)", flag, name, kKvFormatNames));
}

Result<int64_t> layers_on_device(const char* flag, const std::string& text) {
  if (text == "all") return int64_t{1} << 31;
  int64_t n = -1;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, n);
  if (code != std::errc() || rest != end || n < 0)
    return Error(ErrorCode::kUsage, fmt::format("{} {}: it is a number, all or auto", flag, printable(text)));
  return n;
}

namespace {

// The device that the flags name, or the fastest, and what of the model it takes.
Result<void> choose_device(const ModelOptions& o, SessionOptions& s) {
  PlacementOptions& placement = s.placement;
  if (o.gpu_layers != "auto") placement.layers = GANNET_TRY(layers_on_device("-ngl", o.gpu_layers));
  if (o.cpu_moe)
    placement.cpu_experts = int64_t{1} << 31;
  else if (o.n_cpu_moe)
    placement.cpu_experts = *o.n_cpu_moe;
  placement.fit = o.fit == "on";
  placement.margin = o.fit_target << 20;
  std::string name = o.device;
  if (name == "none" || (name == "auto" && placement.layers == 0)) name = "cpu";
  if (name == "auto") {
    std::vector<std::string> notes;
    name = fastest_device(profile_folder(), notes);
    for (const std::string& note : notes) say("{}", note);
    if (name == "cpu" && placement.layers)
      say("-ngl {}: no device here is faster than the CPU, which runs all; `gannet devices` lists what there "
          "is",
          printable(o.gpu_layers));
  }
  auto device = open_device(name, profile_folder());
  if (!device.ok()) return device.take_error().with_context("--device");
  s.device = device.take();
  if (o.prompt_kernels == "auto") s.figures_folder = profile_folder();
  if (o.override_tensor.empty()) return {};
  auto rules = placement_rules(fmt::format("{}", fmt::join(o.override_tensor, ",")), name);
  if (!rules.ok()) return rules.take_error().with_context("-ot");
  placement.rules = rules.take();
  return {};
}

}  // namespace

Result<SessionOptions> session_options(const ModelOptions& o) {
  SessionOptions s;
  s.n_ctx = o.ctx_size;
  s.n_ubatch = o.ubatch_size.value_or(kDefaultUbatch);
  if (o.batch_size > 0) s.n_ubatch = std::min(o.batch_size, s.n_ubatch);
  s.exact = o.exact;
  s.n_threads = o.threads;
  s.n_threads_batch = o.threads_batch;
  if (!o.cpu_mask.empty()) {
    auto cpus = ThreadTeam::parse_cpu_mask(o.cpu_mask);
    if (!cpus.ok()) return cpus.take_error().with_context("--cpu-mask");
    s.cpus = cpus.take();
  }
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
    for (const KernelRegistry* kernels : {&all_kernels(), &recorded_kernels()})
      for (const KernelInfo* k : kernels->kernels()) known = known || (op == k->op && kernel == k->name);
    if (!known)
      return Error(
          ErrorCode::kUsage,
          fmt::format("--kernel {}: no such kernel; `gannet devices --kernels` lists OP=NAME pairs", rule));
    s.policy.forced[op] = kernel;
  }
  if (!o.backend_sampling) s.top_logits = 0;
  GANNET_TRY(choose_device(o, s));
  s.graph = GANNET_TRY(graph_options(o.graph));
  if (o.flash_attention == "off") s.graph.passes.off.emplace_back("fuse_attention");
  return s;
}

}  // namespace gannet
